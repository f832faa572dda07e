"""Arrays that come one by one, handed on as blocks of a fixed length; and sums of blocks in a fixed order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from symmetry_audit.errors import SettingError

__all__ = ["Blocks", "added"]


def added(total: np.ndarray, block: np.ndarray) -> np.ndarray:
    """``total`` (...) and then each array of ``block`` (n, ...), added one after the other: the same bits however the
    arrays are cut into blocks. A ``total`` of shape () is taken for zeros."""
    first = np.broadcast_to(total, block.shape[1:])[None]
    return np.add.accumulate(np.concatenate([first, block]), axis=0)[-1]


class Blocks:
    """Calls ``reduce`` with (n, size) float64 blocks of flattened arrays: n is ``length``, the last one shorter.

    Each array is a sum over some images, whose numbers (n,) ``reduce`` gets too. Where blocks begin depends on the
    number of arrays alone, so a result does not depend on how the images arrive. A block is overwritten after the
    call. ``rows``, the number of arrays to come, is fixed beforehand, because weights drawn block by block must know
    how much is left.
    Raises SettingError for no rows, for one too many and for arrays of different shapes.
    """

    def __init__(self, rows: int, length: int, reduce: Callable[[np.ndarray, np.ndarray], None]) -> None:
        if rows < 1:
            raise SettingError(f"statistics need at least one image, got {rows}")
        self.rows = rows
        self.filled = 0
        self.images = 0  # behind the arrays so far
        self.shape: tuple[int, ...] | None = None
        self._length = min(length, rows)
        self._reduce = reduce

    def add(self, array: np.ndarray, images: int = 1) -> None:
        """Take the next array, the sum over ``images`` images; all must have the shape of the first."""
        self._check(array.shape)
        if self.shape is None:
            self.shape = array.shape
            self._buffer = np.empty((self._length, array.size))
            self._counts = np.empty(self._length, int)
        at = self.filled % self._length
        self._buffer[at], self._counts[at] = array.ravel(), images
        self.filled += 1
        self.images += images
        if at + 1 == self._length or self.filled == self.rows:
            self._reduce(self._buffer[: at + 1], self._counts[: at + 1])

    def require_all(self) -> tuple[int, ...]:
        """The shape of each array. Raises SettingError unless all announced arrays have been added."""
        if self.filled < self.rows:
            raise SettingError(f"{self.rows} images were announced and {self.filled} added; add the others first")
        assert self.shape is not None  # there is at least one
        return self.shape

    def _check(self, shape: tuple[int, ...]) -> None:
        if self.filled == self.rows:
            raise SettingError(f"{self.rows} images were announced and one more came; announce the right number")
        if self.shape not in (None, shape):
            raise SettingError(f"every image needs a table of shape {self.shape} as the first has, got {shape}")
