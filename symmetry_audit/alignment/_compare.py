"""Compare the network's errors with an audit of the data, element by element and group by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import gcd, inf
from operator import itemgetter
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from symmetry_audit.alignment._verdict import with_verdict
from symmetry_audit.errors import ReportError
from symmetry_audit.groups import Group
from symmetry_audit.results import (
    Alignment,
    AuditReport,
    DataCurve,
    DataSymmetry,
    GroupAlignment,
    ResultRow,
    ScenarioAlignment,
)
from symmetry_audit.statistics import deviations, relative_error

__all__ = ["compare_with_data"]

UNSEEN = 1e-12  # relative: a regularizer that cannot see an element has the same response for it, up to rounding
ALIKE = 2.0  # the two relative errors measure different quantities: up to this factor they count as equal
LEAST_POINTS = 3  # points that a rank correlation needs


def compare_with_data(
    alignment: Alignment, report: AuditReport, profiles: Mapping[Any, np.ndarray], *, same_images: bool = True
) -> Alignment:
    """``alignment`` with the data of ``report``, and a verdict that says how the two compare.

    ``profiles`` are the mean responses f_A (order of the report's group,) by (scenario, regularizer, sigma,
    downscale); those at the first sigma and downscale of the run are used. Two relative numbers are compared: the root
    of the network's mean squared error divided by its contrast, and relative epsilon of SPEC 8. Both are of
    first order in grey levels, but they differ by an unknown factor (the constants of Theorem 3.7), so a factor of 2
    counts as no difference. Each is known up to an interval: the network's error from what exceeds its floor to all of
    it, epsilon over its confidence interval, at the lower end less the data's floor and null level. Network or data
    count as more symmetric if that holds at any place in both intervals, as alike if no place in them differs by more
    than a factor of 2, and otherwise it cannot be told (SPEC 15).

    Raises ReportError if report and alignment share no element but the identity, or no scenario.
    """
    measured, audited = Group.parse(alignment.group), Group.parse(report.settings["group"])
    common = Group(gcd(measured.rotations, audited.rotations), measured.mirrored and audited.mirrored)
    if common.order < 2:
        raise ReportError(
            f"the report is of {audited}, which shares no element with {measured}; give --group {audited}"
        )
    rows = _first_rows(report)
    places = audited.indices_of(common), measured.indices_of(common)
    curves, groups = [], []
    for scenario in alignment.scenarios:
        own = [_curve(row, profiles, report, scenario, *places) for row in rows if row.scenario == scenario.scenario]
        curves += [curve for curve, _ in own]
        groups += [
            _group(subgroup, common, own, scenario, places[1], report) for subgroup in common.subgroups()[1:] if own
        ]
    if not curves:
        raise ReportError(f"the report of {report.dataset.name} has no dataset scenario; measure with --scenario all")
    symmetry = DataSymmetry(
        name=report.dataset.name,
        group=str(common),
        indices=tuple(places[1].tolist()),
        same_images=same_images,
        curves=tuple(curves),
        groups=tuple(groups),
        relative_to="mean",
    )
    return with_verdict(replace(alignment, symmetry=symmetry), report.recommendation)


def _first_rows(report: AuditReport) -> list[ResultRow]:
    """The floors at the first sigma and downscale of the run."""
    return [row for row in report.results if (row.sigma, row.downscale) == report.first_scale]


def _curve(
    row: ResultRow,
    profiles: Mapping[Any, np.ndarray],
    report: AuditReport,
    scenario: ScenarioAlignment,
    audited: np.ndarray,
    measured: np.ndarray,
) -> tuple[DataCurve, np.ndarray]:
    """One regularizer, with its mean responses to the common elements; ``audited`` and ``measured`` are the indices of
    these in report and alignment."""
    profile = profiles[row.scenario, row.regularizer, row.sigma, row.downscale][audited]
    unit = profile.mean() or 1.0  # black images, whose responses are all 0
    deviation = deviations(profile) / unit
    deviation[deviation < UNSEEN] = 0.0
    means = scenario.elements
    pairs = [
        (value, means[index].excess)
        for value, index in zip(deviation.tolist(), measured, strict=True)
        if value and means[index].excess is not None
    ]
    titles = {item["name"]: item["title"] for item in report.settings["regularizers"]}
    curve = DataCurve(
        scenario=row.scenario,
        regularizer=row.regularizer,
        title=titles[row.regularizer],
        deviation=tuple(deviation.tolist()),
        floor=_share(row.relative_floor, row.floor, float(unit)),
        null=_share(row.relative_null, row.null_epsilon, float(unit)),
        correlation=_rank_correlation(pairs),
    )
    return curve, profile


def _share(relative: float | None, absolute: float | None, unit: float) -> float:
    """A relative number, or the absolute one as a share of ``unit`` in a report that was written before it had both."""
    return (absolute or 0.0) / unit if relative is None else relative


def _rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's rank correlation; None for fewer than three points, or if one side is constant."""
    columns = list(zip(*pairs, strict=True))
    if len(pairs) < LEAST_POINTS or any(len(set(column)) < 2 for column in columns):
        return None
    return float(spearmanr(*columns).statistic)


def _group(
    subgroup: Group,
    common: Group,
    curves: Sequence[tuple[DataCurve, np.ndarray]],
    scenario: ScenarioAlignment,
    measured: np.ndarray,
    report: AuditReport,
) -> GroupAlignment:
    inside = common.indices_of(subgroup)[1:]
    seen = [index for index in inside if any(curve.deviation[index] for curve, _ in curves)]
    means = [scenario.elements[measured[index]] for index in seen or inside]
    worst = max(means, key=lambda mean: mean.error)
    excess = max((mean.excess for mean in means if mean.excess is not None), default=None)
    epsilon, curve = max(((_epsilon(profile, [0, *inside]), curve) for curve, profile in curves), key=itemgetter(0))
    known: dict[str, Any] = {
        "scenario": scenario.scenario,
        "group": str(subgroup),
        "model": worst.relative,
        "model_floor": worst.relative_floor,
        "model_excess": excess,
    }
    if not seen or worst.relative is None or excess is None:
        return GroupAlignment(**known, data=None, data_floor=None, regularizer=None, relation="not tested")
    floor = curve.floor + curve.null
    low, high = _interval(report, scenario.scenario, subgroup, curve.regularizer)
    data = max(min(low, epsilon) - floor, 0.0), max(high, epsilon)
    relation, factor = _relation((excess, worst.relative), data)
    return GroupAlignment(
        **known,
        **{"data": epsilon, "data_floor": floor, "data_low": data[0], "data_high": data[1]},
        **{"regularizer": curve.regularizer, "relation": relation, "factor": factor},
    )


def _interval(report: AuditReport, scenario: str, group: Group, regularizer: str) -> tuple[float, float]:
    """The confidence interval of relative epsilon over ``group``; without limits where the report has none."""
    candidates = report.recommendation.candidates if report.recommendation else ()
    found = [
        (value.ci_low, value.ci_high)
        for item in candidates
        if (item.scenario, item.group) == (scenario, str(group))
        for value in item.values
        if value.regularizer == regularizer
    ]
    found += [
        (row.relative_ci_low, row.relative_ci_high)
        for row in _first_rows(report)
        if (row.scenario, row.group, row.regularizer) == (scenario, str(group), regularizer)
    ]
    return next(((low, high) for low, high in found if low is not None and high is not None), (inf, 0.0))


def _epsilon(profile: np.ndarray, elements: Sequence[int]) -> float:
    """Relative epsilon of SPEC 8 over ``elements``; 0 where nothing responds, and without rounding."""
    relative = float(relative_error(profile, np.asarray(elements)))
    return relative if relative >= UNSEEN else 0.0


def _relation(model: tuple[float, float], data: tuple[float, float]) -> tuple[str, float | None]:
    """How symmetric the network is compared with the data, and by what factor; both sides are intervals."""
    if model[0] > ALIKE * data[1]:
        return "less", model[0] / data[1]
    if data[0] > ALIKE * model[1]:
        return "more", data[0] / model[1] if model[1] else None
    alike = model[1] <= ALIKE * data[0] and data[1] <= ALIKE * model[0]
    return "as" if alike else "cannot tell", None
