"""How epsilon settles as images are added: random subsets of growing size, in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.statistics._blocks import Blocks
from symmetry_audit.statistics._epsilon import subgroup_error

__all__ = ["SubsetCurve", "default_sizes", "enough"]

STREAM = 3  # this accumulator's own random stream beside those of the others
BLOCK = 256  # images whose membership is drawn at a time


def default_sizes(images: int) -> tuple[int, ...]:
    """At most ten sizes from 5 (or fewer) to ``images``, evenly spaced on a logarithmic scale."""
    return tuple(np.unique(np.geomspace(min(5, images), images, 10).round().astype(int)).tolist())


def enough(sizes: Sequence[int], epsilons: np.ndarray, tolerance: float = 0.1) -> np.ndarray:
    """The least of ``sizes`` from which on the mean epsilon stays within ``tolerance`` of the last one's; (...).

    ``epsilons`` (sizes, repeats, ...) belong to ascending ``sizes``, the last of which is the whole dataset;
    ``tolerance`` is relative. The last size itself where the mean settles no earlier.
    """
    means = epsilons.mean(1)
    close = np.abs(means - means[-1]) <= tolerance * means[-1]
    settled = np.logical_and.accumulate(close[::-1])[::-1]
    return np.asarray(sizes)[settled.argmax(0)]


class SubsetCurve:
    """epsilon of random subsets without replacement: ``repeats`` of each of ``sizes``, drawn independently.

    Subsets are of units: of images, or of groups of images as UnitSums makes them. ``sizes`` count units.

    Membership is drawn block by block, exactly: how many units of a block belong to a subset is hypergeometric
    given how many are still to be chosen, and which ones is uniform. ``sizes`` are ``default_sizes`` unless given.
    Subsets of the size of the whole dataset are all the same.
    Raises SettingError unless the sizes ascend within 1 to ``units``.
    """

    def __init__(self, units: int, *, sizes: Sequence[int] | None = None, repeats: int = 20, seed: int) -> None:
        self._units = Blocks(units, BLOCK, self._share)
        self.sizes = default_sizes(units) if sizes is None else tuple(sizes)
        possible = [size for size in sorted(set(self.sizes)) if 1 <= size <= units]
        if not self.sizes or list(self.sizes) != possible:
            raise SettingError(f"subset sizes must ascend within 1 to {units}, the number of images, got {sizes}")
        self._rng = np.random.default_rng([seed, STREAM])
        self._wanted = np.repeat(self.sizes, repeats)  # units each subset still takes
        self._left = units
        self._totals = np.zeros(())
        self._counts = np.zeros(len(self._wanted))  # images in each subset

    def add(self, profiles: np.ndarray, images: int = 1) -> None:
        """Add the next unit's profiles (..., T), the sum over its ``images``."""
        self._units.add(np.asarray(profiles), images)

    def epsilons(self) -> np.ndarray:
        """epsilon of every subset, (sizes, repeats, ...)."""
        shape = self._units.require_all()
        totals = self._totals.reshape(len(self.sizes), -1, *shape)
        counts = self._counts.reshape(len(self.sizes), -1)
        return subgroup_error(totals) / counts.reshape(*counts.shape, *(1,) * (totals.ndim - 3))

    def images(self) -> tuple[int, ...]:
        """How many images the subsets of each of ``sizes`` have, in the mean."""
        self._units.require_all()
        return tuple(self._counts.reshape(len(self.sizes), -1).mean(1).round().astype(int).tolist())

    def _share(self, block: np.ndarray, images: np.ndarray) -> None:
        units = len(block)
        taken = self._rng.hypergeometric(self._wanted, self._left - self._wanted, units)
        self._wanted -= taken
        self._left -= units
        ranks = self._rng.permuted(np.tile(np.arange(units), (len(taken), 1)), axis=1)
        chosen = (ranks < taken[:, None]).astype(float)
        self._totals = self._totals + chosen @ block
        self._counts = self._counts + chosen @ images
