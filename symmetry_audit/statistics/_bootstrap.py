"""Percentile bootstrap over images or sums over several images, in one pass (SPEC 6)."""

from __future__ import annotations

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.statistics._blocks import Blocks

__all__ = ["BootstrapMeans", "percentile_interval"]

STREAM = 1  # this accumulator's own random stream beside those of the others
BLOCK = 256  # units whose weights are drawn at a time: 1,000 resamples make 2 MB


def percentile_interval(values: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends, each (...), of the middle ``level`` of ``values`` (resamples, ...).

    For a maximum such as epsilon the interval never covers 0. Where epsilon is below twice its null level the interval
    says nothing; report "not distinguishable from symmetric" instead. In simulations with a true epsilon
    above that (tests/statistics/test_calibration.py) 95% intervals of 100 images cover it in 94% of datasets.
    Raises SettingError for a ``level`` outside (0, 1).
    """
    if not 0 < level < 1:
        raise SettingError(f"the confidence level must be between 0 and 1, got {level}; use 0.95, for example")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


class BootstrapMeans:
    """Means over units drawn with replacement: as many draws as there are ``units``, ``resamples`` times.

    A unit is an image, or a cluster or a group of images that are drawn together, as UnitSums makes them. A mean is
    the sum over the drawn images divided by their number. A single unit gives an interval of no width.

    The weights of a resample are multinomial, exactly, though they are drawn block by block: the number of draws
    that fall into a block is binomial given the draws left, and they spread evenly over the units of the block.
    Every cell of a unit's table gets the same weight, so cells can be compared within a resample. Memory: one table
    per resample, whatever the number of units.
    """

    def __init__(self, units: int, *, resamples: int = 1000, seed: int) -> None:
        self._units = Blocks(units, BLOCK, self._draw)
        self._units_left = units
        self._draws_left = np.full(resamples, units)
        self._rng = np.random.default_rng([seed, STREAM])
        self._totals = np.zeros(())
        self._drawn = np.zeros(resamples)  # images in each resample

    def add(self, table: np.ndarray, images: int = 1) -> None:
        """Add the next unit's table, the sum over its ``images``, of any shape but the same for all."""
        self._units.add(np.asarray(table), images)

    def means(self) -> np.ndarray:
        """The mean table of every resample, (resamples, *shape of a table)."""
        shape = self._units.require_all()
        return (self._totals / self._drawn[:, None]).reshape(-1, *shape)

    def _draw(self, sums: np.ndarray, images: np.ndarray) -> None:
        """Draw weights for a block of units, and add their sums (n, size) under them."""
        weights = self._weights(len(sums))
        self._totals = self._totals + weights @ sums
        self._drawn = self._drawn + (weights * images).sum(1)

    def _weights(self, units: int) -> np.ndarray:
        """How often each resample draws each of the next ``units`` units, (resamples, units)."""
        inside = self._rng.binomial(self._draws_left, units / self._units_left)
        self._draws_left -= inside
        self._units_left -= units
        rows = np.repeat(np.arange(len(inside)), inside)
        picks = rows * units + self._rng.integers(units, size=len(rows))
        return np.bincount(picks, minlength=len(inside) * units).reshape(-1, units).astype(float)
