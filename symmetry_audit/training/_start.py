"""What training takes from an audit: the group, the method, the initial w, and the w_n of every image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from symmetry_audit.catalogue import find_method
from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.groups import Affine, Group, geometric_median
from symmetry_audit.results import JOINT, AuditReport

__all__ = ["Start", "joint_fits", "start_from_report"]


@dataclass(frozen=True)
class Start:
    """What was taken from a report. ``lines`` list it with the reasons, for people."""

    method: str
    group: str
    w: Affine | None
    fits: Mapping[str, Affine] = field(repr=False)
    lines: tuple[str, ...]
    audit: Mapping[str, Any]  # for the checkpoint


def start_from_report(
    report: AuditReport,
    fingerprint: str | None,
    *,
    method: str | None = None,
    group: str | None = None,
    shared: bool = True,
    fitting: Callable[[str], bool] = lambda group: True,
    allow_other_data: bool = False,
) -> Start:
    """Read the group, the method and w off ``report``; ``method`` and ``group`` override it.

    ``fingerprint`` is that of the training images. If it differs from the report's, DataError is raised, unless
    ``allow_other_data``. Without ``shared`` the report sets no initial w: every layer has a w of its own, or w comes
    from a checkpoint. ``fitting`` says whether a network can be built over a group. If it cannot over the recommended
    group, the largest subgroup that fits is used, which is a symmetry of the data as well. Raises ReportError if the
    report recommends no group.
    """
    if fingerprint != report.dataset.fingerprint and not allow_other_data:
        raise DataError(
            f"the report is about images other than --data ({report.dataset.images} images of "
            f'"{report.dataset.source}"): measure --data, or say --allow-other-data'
        )
    lines = []
    held = report.recommendation
    if held is None and (group is None or method is None):
        hint = "measure with --scenario all, or give --group and --method"
        raise ReportError(f"the report of {report.dataset.name} recommends no group; {hint}")
    if method == "cnn":
        group = "p1"
        lines.append("method cnn: as requested; it has no group")
    elif group is None:
        assert held is not None  # refused above
        group = _buildable(held.group, fitting, lines, held.sentence)
    else:
        lines.append(f"group {group}: as requested" + (f"; the report recommends {held.group}" if held else ""))
    if method is None:
        assert held is not None
        method = _method(group, held.scenario, lines)
    fits = joint_fits(report)
    w = _shared_w(fits, lines) if find_method(method).deformed and fits and shared else None
    audit = {
        **{"dataset": report.dataset.name, "fingerprint": report.dataset.fingerprint},
        **{"recommended": held.group if held else None, "scenario": held.scenario if held else None},
        **{"group": group, "method": method, "w": None if w is None else [w.a, w.b], "fits": len(fits)},
    }
    return Start(method, group, w, fits, tuple(lines), audit)


def joint_fits(report: AuditReport) -> dict[str, Affine]:
    """w_n by image: the successful joint fits at the report's first sigma and downscale."""
    try:
        table = report.affine
    except ReportError:
        return {}
    table = table[(table["regularizer"] == JOINT) & table["reason"].isna()]
    if not len(table):
        return {}
    first = table[(table["sigma"] == table["sigma"].iloc[0]) & (table["downscale"] == table["downscale"].iloc[0])]
    return {row.image: Affine(row.a, row.b) for row in first.itertuples()}


def _buildable(recommended: str, fitting: Callable[[str], bool], lines: list[str], sentence: str) -> str:
    if fitting(recommended):
        lines.append(f"group {recommended}: {sentence}")
        return recommended
    subgroups = Group.parse(recommended).subgroups()
    group = next((str(one) for one in reversed(subgroups) if fitting(str(one))), "p1")
    lines.append(
        f"group {group}: the report recommends {recommended}, whose order does not fit the network's width; {group} "
        "is its largest subgroup that fits"
    )
    return group


def _method(group: str, scenario: str, lines: list[str]) -> str:
    if Group.parse(group).order == 1:
        lines.append("method cnn: the trivial group needs no equivariant layers")
        return "cnn"
    if str(Group.parse(group)) == "p2":
        lines.append("method fconv: a deformation does not change half turns")
        return "fconv"
    if scenario == "dataset_adaptive":
        lines.append("method sa: the report supports the group if every image has its own deformation of it")
        return "sa"
    lines.append("method fconv: the report supports the group without deformation")
    return "fconv"


def _shared_w(fits: Mapping[str, Affine], lines: list[str]) -> Affine:
    w = geometric_median(fits.values())
    lines.append(
        f"w starts at ratio {w.ratio:.3f}, angle {w.alpha:.3f} rad: the geometric median of {len(fits)} joint fits"
    )
    return w
