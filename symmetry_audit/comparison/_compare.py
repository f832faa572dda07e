"""Response profiles of several sets of images -> rows with paired or unpaired intervals (SPEC 6 and 8)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np

from symmetry_audit.comparison._measured import AuditedSet, Beside, Cell, Measured, interval
from symmetry_audit.comparison._pairing import image_keys, shared, units
from symmetry_audit.comparison._verdicts import (
    difference_verdicts,
    overall_difference,
    overall_restoration,
    restoration_verdict,
)
from symmetry_audit.results import ROLES, ComparedDataset, ComparedRow, DatasetComparison, DatasetVerdict
from symmetry_audit.statistics import (
    FEWEST_IMAGES,
    joint_resamples,
)

__all__ = ["compare_audits"]

ONE = "an interval needs more than one image, or cluster, in every set"
FEW = f"fewer than {FEWEST_IMAGES} images, or clusters, in one of the sets"
FLAT = "the mean response is 0: every image is flat"
SAME = "degraded and clean images are not shown to differ by more than the tolerance"


def compare_audits(
    sets: Sequence[AuditedSet],
    cells: Sequence[Cell],
    *,
    settings: Mapping[str, Any],
    unit: str,
    group: str,
    scenario: str,
    key: str = "stem",
    tolerance: float = 0.02,
    notes: Sequence[str] = (),
) -> DatasetComparison:
    """Compare every set with the first, cell by cell; ``cells`` of one block follow each other.

    ``key`` is one of KEYS. Sets with roles come in the order clean, degraded, restored. ``group`` and ``scenario`` are
    those of the first sentence. Raises SettingError where images of one set cannot be told apart by the key.
    """
    keys = [image_keys(one.images, key, one.name) for one in sets]
    common = [0] * len(sets) if key == "none" else shared(keys)
    drawn = units(keys, [one.clusters for one in sets], key)
    draws = joint_resamples([one.profiles for one in sets], drawn, seed=abs(sets[0].seed))
    measured = [
        Measured(one, one.profiles.mean(0), _own(one, labels), found, len(set(labels)))
        for one, found, labels in zip(sets, draws, drawn, strict=True)
    ]
    rows = [
        row for _, block in groupby(cells, lambda cell: cell.block) for row in _rows(list(block), measured, tolerance)
    ]
    return DatasetComparison(
        datasets=tuple(
            ComparedDataset(
                name=one.name, role=one.role, report=one.report, source=one.source, images=len(one.images), shared=both
            )
            for one, both in zip(sets, common, strict=True)
        ),
        key=key,
        paired=key != "none" and all(set(of_set) == set(keys[0]) for of_set in keys),
        settings=settings,
        unit=unit,
        tolerance=tolerance,
        group=group,
        scenario=scenario,
        verdicts=tuple(_verdicts(rows)),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def _own(one: AuditedSet, labels: Sequence[Hashable]) -> np.ndarray:
    """Mean profiles of the resamples of one set by itself (B, K, T)."""
    return joint_resamples([one.profiles], [labels], seed=abs(one.seed))[0]


def _rows(cells: Sequence[Cell], measured: Sequence[Measured], tolerance: float) -> Iterator[ComparedRow]:
    """The rows of one block, whose regularizers are judged together; regularizer by regularizer, set by set."""
    beside = {
        (at, cell.regularizer): Beside(cell, one, measured[0]) for at, one in enumerate(measured) for cell in cells
    }
    verdicts: dict[tuple[int, str], str] = {}
    for at in range(1, len(measured)):
        judged = [(at, cell.regularizer) for cell in cells if beside[at, cell.regularizer].judged]
        found = difference_verdicts([beside[place].evidence() for place in judged], tolerance)
        verdicts |= dict(zip(judged, found, strict=True))
    for cell in cells:
        for at, one in enumerate(measured):
            row = _alone(cell, one, measured[0])
            if at:
                here = beside[at, cell.regularizer]
                row = _with_difference(row, here, verdicts.get((at, cell.regularizer), "not settled"))
                if one.one.role == ROLES[2]:
                    change = beside[1, cell.regularizer], verdicts.get((1, cell.regularizer), "not settled")
                    row = _with_restoration(row, here, *change, tolerance)
            yield row


def _alone(cell: Cell, one: Measured, first: Measured) -> ComparedRow:
    epsilon, response, other = one.epsilon(cell), one.response(cell), first.response(cell)
    numbers: dict[str, float | None] = {"relative_epsilon": None if np.isnan(epsilon) else epsilon}
    reasons = {"relative_epsilon": FLAT} if np.isnan(epsilon) else {}
    if one.units > 1 and not reasons:
        numbers["ci_low"], numbers["ci_high"] = one.interval(cell)
    else:
        reasons |= dict.fromkeys(("ci_low", "ci_high"), FLAT if reasons else ONE)
    if other > 0:
        numbers["response_ratio"] = response / other
    else:
        reasons["response_ratio"] = FLAT
    return ComparedRow(
        dataset=one.one.name,
        role=one.one.role,
        group=cell.group,
        scenario=cell.scenario,
        regularizer=cell.regularizer,
        sigma=cell.sigma,
        downscale=cell.downscale,
        mean_response=response,
        reasons=reasons,
        **numbers,  # pyright: ignore[reportArgumentType]  # only relative_epsilon may be None
    )


def _with_difference(row: ComparedRow, beside: Beside, verdict: str) -> ComparedRow:
    if np.isnan(beside.difference):
        names = ("difference", "difference_low", "difference_high", "p_value")
        return replace(row, verdict=verdict, reasons={**row.reasons, **dict.fromkeys(names, FLAT)})
    if not beside.known:
        missing = dict.fromkeys(("difference_low", "difference_high", "p_value"), ONE)
        return replace(row, difference=beside.difference, verdict=verdict, reasons={**row.reasons, **missing})
    p, low, high = beside.evidence()
    return replace(
        row,
        difference=beside.difference,
        difference_low=low,
        difference_high=high,
        p_value=p if beside.judged else None,
        verdict=verdict,
        reasons=dict(row.reasons) if beside.judged else {**row.reasons, "p_value": FEW},
    )


def _with_restoration(row: ComparedRow, beside: Beside, change: Beside, verdict: str, tolerance: float) -> ComparedRow:
    """The share that the network undoes of the ``change``, degraded minus clean, on which ``verdict`` was given."""
    if not (beside.judged and change.judged):
        missing = dict.fromkeys(("undone", "undone_low", "undone_high"), FEW)
        return replace(row, restoration="not settled", reasons={**row.reasons, **missing})
    if verdict != "differs":
        missing = dict.fromkeys(("undone", "undone_low", "undone_high"), SAME)
        found = restoration_verdict(verdict, (0, 0), (0, 0), tolerance)
        return replace(row, restoration=found, reasons={**row.reasons, **missing})
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = 1 - beside.draws / change.draws
    low, high = interval(shares[np.isfinite(shares)])
    return replace(
        row,
        undone=1 - beside.difference / change.difference,
        undone_low=low,
        undone_high=high,
        restoration=restoration_verdict(verdict, interval(beside.draws), (low, high), tolerance),
    )


def _verdicts(rows: Sequence[ComparedRow]) -> Iterator[DatasetVerdict]:
    """One answer for each set but the first under each group and scenario, at the first scale."""
    scale = rows[0].sigma, rows[0].downscale
    found: dict[tuple[str, str | None, str, str], list[ComparedRow]] = {}
    for row in rows:
        if (row.sigma, row.downscale) == scale and row.verdict is not None:
            found.setdefault((row.dataset, row.role, row.group, row.scenario), []).append(row)
    for (dataset, role, group, scenario), chosen in found.items():
        if role == ROLES[2]:
            verdict = overall_restoration([row.restoration or "" for row in chosen])
        else:
            verdict = overall_difference([row.verdict or "" for row in chosen])
        yield DatasetVerdict(dataset=dataset, role=role, group=group, scenario=scenario, verdict=verdict)
