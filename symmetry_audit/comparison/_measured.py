"""One set of images, and one set beside the first: the numbers of a comparison and their resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from symmetry_audit.statistics import FEWEST_IMAGES, bootstrap_p_value, percentile_interval, relative_error

__all__ = ["AuditedSet", "Beside", "Cell", "Measured", "interval"]


@dataclass(frozen=True)
class AuditedSet:
    """One audit as it enters a comparison: ``profiles`` (N, K, T) of its ``images``, and what the bootstrap draws
    (None: each image by itself), from its ``seed``. ``report`` is its folder and ``source`` where its images are."""

    name: str
    report: str
    source: str
    images: Sequence[str]
    profiles: np.ndarray
    clusters: Sequence[str] | None = None
    seed: int = 0
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


@dataclass(frozen=True)
class Measured:
    """One set: its mean profiles (K, T), those of the resamples (B, K, T), and the number of units drawn.

    ``own`` are the resamples of its report, ``draws`` those that are drawn for all sets together.
    """

    one: AuditedSet
    means: np.ndarray
    own: np.ndarray
    draws: np.ndarray
    units: int

    def epsilon(self, cell: Cell) -> float:
        return float(relative_error(self.means[cell.at], cell.elements))

    def response(self, cell: Cell) -> float:
        return float(self.means[cell.at, cell.elements].mean())

    def interval(self, cell: Cell) -> tuple[float, float]:
        """The interval of relative epsilon, as in the report."""
        return interval(_resampled(self.own, cell))

    def resampled(self, cell: Cell) -> np.ndarray:
        """Relative epsilons (B,) of the common resamples."""
        return _resampled(self.draws, cell)


@dataclass
class Beside:
    """One set beside the first in one cell."""

    cell: Cell
    mine: Measured
    first: Measured

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
        return (float(bootstrap_p_value(self.draws)), *interval(self.draws))


def _resampled(draws: np.ndarray, cell: Cell) -> np.ndarray:
    """Relative epsilons (B,); 0 where a resample drew flat images alone."""
    return np.nan_to_num(relative_error(draws[:, cell.at], cell.elements))


def interval(draws: np.ndarray) -> tuple[float, float]:
    """The ends of the 95 % percentile interval of ``draws`` (B,)."""
    low, high = percentile_interval(draws)
    return float(low), float(high)
