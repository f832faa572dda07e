"""The rows of two reports of the same data and settings, compared number by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symmetry_audit.groups import Group
from symmetry_audit.results import PIXEL_FIELDS, RELATIVE_FIELDS, AuditReport, ResultRow
from symmetry_audit.statistics import deviations
from symmetry_audit.verification._part_differences import part_differences
from symmetry_audit.verification._tolerance import UNRECORDED, Tolerance

__all__ = ["differences", "row_key", "scale_of"]

EXACT = ("group", "images", "selected_image", "tested", "visible_elements", "fit", "control_images")
P_VALUES = ("p_value", "held_out_p_value")
UNDER_IDENTITY = ("identity_response",)  # does not depend on w
RECOMPUTED = (*RELATIVE_FIELDS, "mean_response")  # a report of the first schema does not claim these
# the same in every scenario: which images are at the limit depends on fits
FITTED = ("epsilon_within_limit",)
MEASURED = (
    "mean_response",
    "epsilon",
    "epsilon_selected",
    "median",
    "q25",
    "q75",
    "ci_low",
    "ci_high",
    "null_epsilon",
    "excess",
    "floor",
    "gain",
    "gain_low",
    "gain_high",
    "null_epsilon_se",
    "random_epsilon",
    "random_epsilon_se",
    "held_out_epsilon",
    "held_out_epsilon_se",
    "held_out_strict_epsilon",
    "held_out_gain",
    "held_out_gain_low",
    "held_out_gain_high",
)

# numbers of rows with controls that reports of earlier versions lack
LATER = ("control_images", *(name for name in (*MEASURED, *RELATIVE_FIELDS) if name.endswith("_se")))


def differences(
    old: AuditReport, new: AuditReport, profiles: Mapping[Any, np.ndarray], tolerance: Tolerance = UNRECORDED
) -> tuple[str, ...]:
    """Where the recomputed ``new`` contradicts ``old``, one sentence each; empty where everything agrees within the
    ``tolerance``.

    ``profiles`` maps (scenario, regularizer, sigma, downscale) to the recomputed response profile (T,) behind
    that row: elements that are worst by a tie may differ between machines.
    """
    contradictions = []
    if old.dataset.images != new.dataset.images:
        contradictions.append(f"the report has {old.dataset.images} images, the source now has {new.dataset.images}")
    if old.dataset.fingerprint != new.dataset.fingerprint:
        contradictions.append("the image files are not the report's: the fingerprint differs")
    named = [[item.image for item in report.skipped] for report in (old, new)]
    if named[0] != named[1] or old.skipped_count != new.skipped_count:
        contradictions.append(
            f"the skipped images are not the report's: {new.skipped_count} now, {old.skipped_count} in the report"
        )
    rows = {row_key(row): row for row in new.results}
    if set(rows) != {row_key(row) for row in old.results} or len(rows) != len(old.results):
        return (*contradictions, "the report's rows do not match its settings")
    tolerance = tolerance.over(min(row.control_images or row.images for row in new.results))
    for row in old.results:
        pair, profile = (row, rows[row_key(row)]), profiles[row_key(row)]
        contradictions += _row_differences(*pair, profile, tolerance, first=old.written != new.written)
    # the other parts follow from the same responses: compared only where the rows agree
    return tuple(contradictions or part_differences(old, new, tolerance))


def row_key(row: ResultRow) -> tuple:
    """(scenario, regularizer, sigma, downscale)."""
    return row.scenario, row.regularizer, row.sigma, row.downscale


def _row_differences(
    old: ResultRow, new: ResultRow, profile: np.ndarray, tolerance: Tolerance, *, first: bool
) -> list[str]:
    limits, scale = _limits(new, tolerance), scale_of(new)
    if first:
        limits = {name: limit for name, limit in limits.items() if name not in RECOMPUTED}
    if old.worst_element != new.worst_element:  # of a tie, which the standard errors need not share
        limits = {name: limit for name, limit in limits.items() if name not in PIXEL_FIELDS[1:]}
    if old.control_images is None and old.random_epsilon is not None:
        limits = {name: limit for name, limit in limits.items() if name not in LATER}
    pairs = {name: (getattr(old, name), getattr(new, name)) for name in limits}
    names = [name for name, limit in limits.items() if not tolerance.allows(*pairs[name], limit)]
    if not _is_worst(old, new.group, profile, tolerance.of(new.scenario) * scale):
        names += [name for name in ("worst_element", "worst_angle_deg") if getattr(old, name) != getattr(new, name)]
    return [
        f"{old.regularizer}, {old.scenario}: {name} is {getattr(old, name)}, recomputed {getattr(new, name)}"
        for name in names
    ]


def _limits(row: ResultRow, tolerance: Tolerance) -> dict[str, float | None]:
    """How much every field may differ from the recomputed ``row``; None where it must be equal."""
    scale, share = scale_of(row), tolerance.of(row.scenario)
    return {
        **dict.fromkeys(EXACT),
        **dict.fromkeys(UNDER_IDENTITY, tolerance.strict * scale),
        **dict.fromkeys(MEASURED, share * scale),
        **dict.fromkeys((*RELATIVE_FIELDS, "normalized_epsilon"), share),
        **dict.fromkeys(FITTED, tolerance.fitted * scale),
        **dict(zip(PIXEL_FIELDS, (share * scale, share * scale, share), strict=True)),
        **dict.fromkeys(P_VALUES, tolerance.p_value),
        "images_at_limit": int(tolerance.flips * row.images),  # w may be just inside on another machine
    }


def scale_of(row: ResultRow) -> float:
    """The row's mean response, never 0."""
    return max(row.mean_response or 0.0, 1e-12)


def _is_worst(row: ResultRow, group: str, profile: np.ndarray, allowed: float) -> bool:
    """Whether the row names an element that is the worst, up to ``allowed``, and its angle."""
    gaps, angles = deviations(profile), Group.parse(group).angles_deg()
    worst = np.flatnonzero(gaps >= gaps.max() - allowed)
    return (row.worst_element, row.worst_angle_deg) in [(t, angles[t]) for t in worst.tolist()]
