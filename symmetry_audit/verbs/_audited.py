"""Report folders that are compared: opened, checked to have the same settings, with all their responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symmetry_audit.errors import SettingError

if TYPE_CHECKING:
    from symmetry_audit.comparison import AuditedSet, Cell
    from symmetry_audit.reports import ProfileKey
    from symmetry_audit.results import AuditReport, Recommendation

__all__ = ["AuditedRun", "agreed_settings", "cells_of", "opened_run"]

# settings that may differ: which images were used, and what does not change the numbers that are compared
FREE = ("seed", "limit", "sample", "max_pixels", "controls", "control_images", "file_names", "scenarios")
FLAGS = {"regularizers": "reg", "scenarios": "scenario"}
FILES = {"affine": "FITS", "mask": "MASKS"}  # settings that hold the hash of a file


@dataclass(frozen=True)
class AuditedRun:
    """One report folder, whose images have a ``role`` in a degradation audit."""

    folder: Path
    report: AuditReport
    settings: Mapping[str, Any]
    role: str | None

    @property
    def notes(self) -> tuple[str, ...]:
        """What its intervals leave aside."""
        if self._clusters_known:
            return ()
        return (f"The files of {self.folder} do not tell which images belong together; each is drawn by itself.",)

    @property
    def _clusters_known(self) -> bool:
        from symmetry_audit.results import names_tell_clusters

        return names_tell_clusters(self.settings["clusters"], file_names=self.settings["file_names"])

    def audited(self, name: str, keys: Sequence[ProfileKey]) -> AuditedSet:
        """All responses of ``keys``, under ``name``. Raises ReportError where they cannot be read."""
        from symmetry_audit.comparison import AuditedSet
        from symmetry_audit.reports import dataset_profiles
        from symmetry_audit.results import clusters_by_name

        images, profiles = dataset_profiles(self.folder, self.report, list(keys))
        drawn = {"clusters": self.settings["clusters"], "file_names": self.settings["file_names"]}
        return AuditedSet(
            name=name,
            report=str(self.folder),
            source=self.report.dataset.source,
            images=images,
            profiles=profiles,
            clusters=clusters_by_name(images, **drawn),
            seed=self.settings["seed"],
            role=self.role,
        )


def opened_run(folder: Path, role: str | None) -> AuditedRun:
    """The report in ``folder``. Raises ReportError."""
    from symmetry_audit.audit import AuditSettings
    from symmetry_audit.reports import load_report

    report = load_report(folder)
    return AuditedRun(folder, report, AuditSettings.from_dict(report.settings).to_dict(), role)


def agreed_settings(runs: Sequence[AuditedRun]) -> dict[str, Any]:
    """The settings of the first run. Raises SettingError where another differs, and says how to measure it again."""
    first = runs[0]
    for other in runs[1:]:
        for name, value in first.settings.items():
            if name not in FREE and other.settings[name] != value:
                said, theirs = (_said(name, run.settings[name]) for run in (first, other))
                raise SettingError(
                    f"{other.folder} was measured with {_flag(name)} {theirs}, {first.folder} with {said}; "
                    f"measure it again: {_command(first, other)}"
                )
        if other.report.dataset.unit != first.report.dataset.unit:
            units = f"{other.report.dataset.unit}, {first.folder} in {first.report.dataset.unit}"
            raise SettingError(f"{other.folder} was measured in {units}; such responses cannot be compared")
    return dict(first.settings)


def cells_of(runs: Sequence[AuditedRun]) -> tuple[list[ProfileKey], list[Cell]]:
    """What is compared: the keys of the profiles, and every group with every profile that sees it.

    Scale by scale, scenario by scenario, smaller groups first. Smaller groups than that of the run are compared at
    the first scale, as the first report's candidates have them.
    """
    from symmetry_audit.comparison import Cell
    from symmetry_audit.groups import Group
    from symmetry_audit.reports import tested_keys

    listed = [tested_keys(run.report) for run in runs]
    keys = [key for key in listed[0] if all(key in others for others in listed[1:])]
    whole = Group.parse(runs[0].settings["group"])
    seen = dict.fromkeys(_seen(runs[0].report))
    cells = []
    for scale in dict.fromkeys((key.sigma, key.downscale) for key in keys):
        for scenario in dict.fromkeys(key.scenario for key in keys):
            here = [key for key in keys if (key.sigma, key.downscale, key.scenario) == (*scale, scenario)]
            smaller = {group for group, where, _ in seen if where == scenario and scale == runs[0].report.first_scale}
            for group in [*sorted(map(Group.parse, smaller - {str(whole)}), key=lambda one: one.order), whole]:
                elements = whole.indices_of(group)
                cells += [
                    Cell(keys.index(key), str(group), elements, scenario, key.regularizer, key.sigma, key.downscale)
                    for key in here
                    if group == whole or (str(group), scenario, key.regularizer) in seen
                ]
    return keys, cells


def _seen(report: AuditReport) -> Iterator[tuple[str, str, str]]:
    """Group, scenario and regularizer wherever the regularizer sees the group."""
    from symmetry_audit.verbs._advice import report_advice

    found: Recommendation = report_advice(report)[1]
    for candidate in found.candidates:
        for value in candidate.seen:
            yield candidate.group, candidate.scenario, value.regularizer


def _flag(name: str) -> str:
    return f"--{FLAGS.get(name, name).replace('_', '-')}"


def _said(name: str, value: Any) -> str:
    """The value of a setting as it is typed."""
    if name == "regularizers":
        return ",".join(item["name"] for item in value)
    if name in FILES and value is not None:
        return value[:8]
    if isinstance(value, list | tuple):
        return ",".join(f"{item:g}" if isinstance(item, int | float) else str(item) for item in value)
    return (
        {None: "its default", True: "on", False: "off"}.get(value, str(value))
        if not _is_number(value)
        else f"{value:g}"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _command(first: AuditedRun, other: AuditedRun) -> str:
    """How ``other`` is measured with the settings of ``first``: those that are not the defaults."""
    from shlex import join, quote

    from symmetry_audit.audit import make_settings
    from symmetry_audit.kernels import STENCILS

    usual = make_settings().to_dict()
    words = ["symaudit", "measure", other.report.dataset.source]
    for name, value in first.settings.items():
        default = name != "margin" and value == usual[name]  # the default of a margin depends on the other settings
        if default or (name in FREE and name != "scenarios"):
            continue
        if isinstance(value, bool):
            words.append(_flag(name) if value else f"--no-{_flag(name)[2:]}")
        else:
            words += [_flag(name), FILES.get(name) or _said(name, value)]
    if any(item["name"] not in STENCILS for item in first.settings["regularizers"]):
        words += ["--stencils", "FILE"]
    return f"{join(words)} --out {quote(str(other.folder))} --force"
