"""Response profiles of several sets of images -> rows with paired or unpaired intervals (SPEC 6 and 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

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
    bootstrap_p_value,
    joint_resamples,
    percentile_interval,
    relative_error,
)

__all__ = ["AuditedSet", "Cell", "compare_audits"]

ONE = "an interval needs more than one image, or cluster, in every set"
FEW = f"fewer than {FEWEST_IMAGES} images, or clusters, in one of the sets"
FLAT = "the mean response is 0: every image is flat"
SAME = "degraded and clean images are not shown to differ by more than the tolerance"


@dataclass(frozen=True)
class AuditedSet:
    """One audit as it enters a comparison: ``profiles`` (N, K, T) of its ``images``, and what the bootstrap draws
    (None: each image by itself). ``report`` is its folder and ``source`` where its images are."""

    name: str
    report: str
    source: str
    images: Sequence[str]
    profiles: np.ndarray
    clusters: Sequence[str] | None = None
    role: str | None = None


@dataclass(frozen=True)
class Cell:
    """One number to compare: profile ``at`` of the K, over the ``elements`` (E,) of ``group``."""

    at: int
    group: str
    elements: np.ndarray
    scenario: str
    regularizer: str
    sigma: float | None
    downscale: int

    @property
    def block(self) -> tuple[float | None, int, str, str]:
        """What regularizers that are judged together have in common."""
        return self.sigma, self.downscale, self.scenario, self.group


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
    draws = joint_resamples([one.profiles for one in sets], drawn, seed=abs(settings["seed"]))
    measured = [
        _Measured(one, one.profiles.mean(0), found, len(set(labels)))
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


@dataclass(frozen=True)
class _Measured:
    """One set: its mean profiles (K, T), those of the resamples (B, K, T), and the number of units drawn."""

    one: AuditedSet
    means: np.ndarray
    draws: np.ndarray
    units: int

    def epsilon(self, cell: Cell) -> float:
        return float(relative_error(self.means[cell.at], cell.elements))

    def response(self, cell: Cell) -> float:
        return float(self.means[cell.at, cell.elements].mean())

    def resampled(self, cell: Cell) -> np.ndarray:
        """Relative epsilons (B,); 0 where a resample drew flat images alone."""
        return np.nan_to_num(relative_error(self.draws[:, cell.at], cell.elements))


@dataclass
class _Beside:
    """One set beside the first in one cell. ``change`` holds degraded minus clean for a restored set."""

    cell: Cell
    mine: _Measured
    first: _Measured
    reasons: dict[str, str] = field(default_factory=dict)

    @cached_property
    def difference(self) -> float:
        return self.mine.epsilon(self.cell) - self.first.epsilon(self.cell)

    @cached_property
    def draws(self) -> np.ndarray:
        return self.mine.resampled(self.cell) - self.first.resampled(self.cell)

    @property
    def known(self) -> bool:
        """Whether there is a difference with an interval."""
        return min(self.mine.units, self.first.units) > 1 and not np.isnan(self.difference)

    @property
    def judged(self) -> bool:
        """Whether there are enough images for a verdict."""
        return self.known and min(self.mine.units, self.first.units) >= FEWEST_IMAGES

    def evidence(self) -> tuple[float, float, float]:
        """p-value and interval."""
        return (float(bootstrap_p_value(self.draws)), *_interval(self.draws))


def _rows(cells: Sequence[Cell], measured: Sequence[_Measured], tolerance: float) -> Iterator[ComparedRow]:
    """The rows of one block, whose regularizers are judged together; regularizer by regularizer, set by set."""
    beside = {
        (at, cell.regularizer): _Beside(cell, one, measured[0]) for at, one in enumerate(measured) for cell in cells
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


def _alone(cell: Cell, one: _Measured, first: _Measured) -> ComparedRow:
    epsilon, response, other = one.epsilon(cell), one.response(cell), first.response(cell)
    numbers: dict[str, float | None] = {"relative_epsilon": None if np.isnan(epsilon) else epsilon}
    reasons = {"relative_epsilon": FLAT} if np.isnan(epsilon) else {}
    if one.units > 1 and not reasons:
        numbers["ci_low"], numbers["ci_high"] = _interval(one.resampled(cell))
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


def _with_difference(row: ComparedRow, beside: _Beside, verdict: str) -> ComparedRow:
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


def _with_restoration(
    row: ComparedRow, beside: _Beside, change: _Beside, verdict: str, tolerance: float
) -> ComparedRow:
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
    low, high = _interval(shares[np.isfinite(shares)])
    return replace(
        row,
        undone=1 - beside.difference / change.difference,
        undone_low=low,
        undone_high=high,
        restoration=restoration_verdict(verdict, _interval(beside.draws), (low, high), tolerance),
    )


def _interval(draws: np.ndarray) -> tuple[float, float]:
    low, high = percentile_interval(draws)
    return float(low), float(high)


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
