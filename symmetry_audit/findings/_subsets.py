"""Epsilon of random subsets of the images against their size, of any number of images."""

from __future__ import annotations

import numpy as np

from symmetry_audit.statistics import SmallestHashes, SubsetCurve, UnitSums, default_sizes

__all__ = ["Subsets"]

KEPT = 4096  # images whose profiles are kept, for small subsets
SHARE = 8  # a small subset is at most this part of them: different ones are nearly independent


class Subsets:
    """Subsets of the images behind the table "profiles" of ``sums``.

    Where these are groups, subsets of up to an eighth of KEPT images are drawn from the KEPT images of smallest hash,
    which are a random sample, and larger ones are of whole groups; sizes in between, smaller than a group, are left
    out.
    """

    def __init__(self, sums: UnitSums, seed: int) -> None:
        self._sums, self._seed = sums, seed
        self._sample = SmallestHashes(KEPT)

    def add(self, number: int, stack: np.ndarray) -> None:
        """Add the profiles (P, S, R, T) of one image, of which ``sums`` has the sums, by its hash."""
        self._sample.add(number, stack)

    def epsilons(self) -> tuple[tuple[int, ...], np.ndarray]:
        """The sizes, ascending to the number of all images, and epsilons (sizes, repeats, P, S, R)."""
        units, images = len(self._sums), self._sums.images
        if not self._sums.grouped:
            curve = SubsetCurve(units, seed=self._seed)
            self._sums.feed("profiles", curve)
            return curve.sizes, curve.epsilons()
        wanted = default_sizes(images)
        rows = self._sample.rows()
        most = max(len(rows) // SHARE, wanted[0])
        large = sorted({round(size * units / images) for size in wanted if size > most} - {0})
        groups = SubsetCurve(units, sizes=large, seed=self._seed)
        self._sums.feed("profiles", groups)
        single = SubsetCurve(len(rows), sizes=[size for size in wanted if size <= most], seed=self._seed)
        for row in rows:
            single.add(row)
        return single.sizes + groups.images(), np.concatenate([single.epsilons(), groups.epsilons()])
