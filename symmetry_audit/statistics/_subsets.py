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

    Membership is drawn block by block, exactly: how many images of a block belong to a subset is hypergeometric
    given how many are still to be chosen, and which ones is uniform. ``sizes`` are ``default_sizes`` unless given.
    Subsets of the size of the whole dataset are all the same.
    Raises SettingError unless the sizes ascend within 1 to ``images``.
    """

    def __init__(self, images: int, *, sizes: Sequence[int] | None = None, repeats: int = 20, seed: int) -> None:
        self._images = Blocks(images, BLOCK, self._share)
        self.sizes = default_sizes(images) if sizes is None else tuple(sizes)
        possible = [size for size in sorted(set(self.sizes)) if 1 <= size <= images]
        if not self.sizes or list(self.sizes) != possible:
            raise SettingError(f"subset sizes must ascend within 1 to {images}, the number of images, got {sizes}")
        self._rng = np.random.default_rng([seed, STREAM])
        self._wanted = np.repeat(self.sizes, repeats)  # images each subset still takes
        self._left = images
        self._totals = np.zeros(())

    def add(self, profiles: np.ndarray) -> None:
        """Add the next image's profiles (..., T)."""
        self._images.add(np.asarray(profiles))

    def epsilons(self) -> np.ndarray:
        """epsilon of every subset, (sizes, repeats, ...)."""
        shape = self._images.require_all()
        totals = self._totals.reshape(len(self.sizes), -1, *shape)
        return subgroup_error(totals) / np.reshape(self.sizes, (-1,) + (1,) * (totals.ndim - 2))

    def _share(self, block: np.ndarray) -> None:
        images = len(block)
        taken = self._rng.hypergeometric(self._wanted, self._left - self._wanted, images)
        self._wanted -= taken
        self._left -= images
        ranks = self._rng.permuted(np.tile(np.arange(images), (len(taken), 1)), axis=1)
        self._totals = self._totals + (ranks < taken[:, None]).astype(float) @ block
