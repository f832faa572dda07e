"""What training takes from an audit: the group, the method, the initial w, and the w_n of every image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from symmetry_audit.catalogue import find_method
from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.groups import Affine, Group, geometric_median
from symmetry_audit.results import ADAPTIVE_STEPS, AuditReport, Recommendation
from symmetry_audit.training._fits import joint_fits

__all__ = ["Start", "start_from_report"]


@dataclass(frozen=True)
class Start:
    """What was taken from a report. ``lines`` list it with the reasons, for people.

    ``relax`` and ``augment`` are as in ``results.Build``; None where the report says nothing.
    """

    method: str
    group: str
    relax: float | None
    augment: str | None
    lines: tuple[str, ...]
    w: Affine | None = None
    fits: Mapping[str, Affine] = field(default_factory=dict, repr=False)
    audit: Mapping[str, Any] = field(default_factory=dict)  # for the checkpoint


def start_from_report(
    report: AuditReport,
    fingerprint: str | None,
    *,
    advice: Recommendation | None = None,
    steps: int = 0,
    method: str | None = None,
    group: str | None = None,
    shared: bool = True,
    fitting: Callable[[str], bool] = lambda group: True,
    allow_other_data: bool = False,
) -> Start:
    """Read the network and w off ``report`` and ``advice``; ``method`` and ``group`` override the advice.

    ``advice`` is what `symaudit recommend` found for the task, by default the report's own. Where it says that SA pays,
    SA is used from 10,000 ``steps`` on. ``fingerprint`` is that of the training images. If it differs from the
    report's, DataError is raised, unless ``allow_other_data``. Without ``shared`` the report sets no initial w: every
    layer has a w of its own, or w comes from a checkpoint. ``fitting`` says whether a network can be built over a
    group. If it cannot over the advised group, the largest subgroup that fits is used. Raises ReportError if there is
    no advice.
    """
    if fingerprint != report.dataset.fingerprint and not allow_other_data:
        raise DataError(
            f"the report is about images other than --data ({report.dataset.images} images of "
            f'"{report.dataset.source}"): measure --data, or say --allow-other-data'
        )
    held = advice or report.recommendation
    if held is None and (group is None or method is None):
        hint = "measure with --scenario all, or give --group and --method"
        raise ReportError(f"the report of {report.dataset.name} advises no group; {hint}")
    chosen = _chosen(held, method, group, steps, fitting)
    fits = joint_fits(report)
    lines, w = list(chosen.lines), None
    if find_method(chosen.method).deformed and fits and shared:
        w = _shared_w(fits, lines)
    audit = {
        **{"dataset": report.dataset.name, "fingerprint": report.dataset.fingerprint},
        **{"recommended": held.group if held else None, "evidence": held.build.evidence if held else None},
        **{"group": chosen.group, "method": chosen.method, "w": None if w is None else [w.a, w.b], "fits": len(fits)},
    }
    return replace(chosen, w=w, fits=fits, lines=tuple(lines), audit=audit)


def _chosen(
    held: Recommendation | None,
    method: str | None,
    group: str | None,
    steps: int,
    fitting: Callable[[str], bool],
) -> Start:
    """Group, method, relaxation and augmentation, each as requested or as advised, with the reasons."""
    lines: list[str] = []
    build = held.build if held else None
    if method == "cnn":
        lines.append("method cnn: as requested; it has no group")
        return Start("cnn", "p1", None, build.augment if build else None, tuple(lines))
    relax = None
    if group is not None:
        lines.append(f"group {group}: as requested" + (f"; the report advises {build.name}" if build else ""))
    else:
        assert held is not None and build is not None  # refused before
        if build.adapt is not None and steps >= ADAPTIVE_STEPS and method in (None, "sa", "tl"):
            reason = f"adapting it to each image gains on held-out blocks, and {steps:,} steps are enough to learn it"
            group = _buildable(build.adapt, fitting, lines, reason)
            method = method or ("sa" if group == build.adapt else None)
        else:
            group = _buildable(build.group, fitting, lines, held.sentence)
        relax = build.relax if method is None else None  # advised for the advised method
    if method is None:
        method = _method(group, lines)
    relax = None if method == "cnn" else relax
    return Start(method, group, relax, build.augment if build else None, tuple(lines))


def _buildable(recommended: str, fitting: Callable[[str], bool], lines: list[str], sentence: str) -> str:
    if fitting(recommended):
        lines.append(f"group {recommended}: {sentence}")
        return recommended
    subgroups = Group.parse(recommended).subgroups()
    group = next((str(one) for one in reversed(subgroups) if fitting(str(one))), "p1")
    lines.append(
        f"group {group}: the report advises {recommended}, whose order does not fit the network's width; {group} "
        "is its largest subgroup that fits"
    )
    return group


def _method(group: str, lines: list[str]) -> str:
    if Group.parse(group).order == 1:
        lines.append("method cnn: the trivial group needs no equivariant layers")
        return "cnn"
    if str(Group.parse(group)) == "p4":
        lines.append("method gcnn: quarter turns are exact on the pixel grid, at the cost of a plain network")
        return "gcnn"
    lines.append("method fconv: the usual one for groups without exact turns")
    return "fconv"


def _shared_w(fits: Mapping[str, Affine], lines: list[str]) -> Affine:
    w = geometric_median(fits.values())
    lines.append(
        f"w starts at ratio {w.ratio:.3f}, angle {w.alpha:.3f} rad: the geometric median of {len(fits)} joint fits"
    )
    return w
