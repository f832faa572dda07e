"""A sample of images that depends neither on their order nor on chance: those whose hashes are smallest."""

from __future__ import annotations

import numpy as np

__all__ = ["SmallestHashes"]

SPARE = 4  # a quarter more rows are kept before the largest hashes are dropped


class SmallestHashes:
    """The rows of the ``limit`` images of smallest number, all rows where there are no more, in the order of the calls.

    Numbers are hashes, so the sample is a random one. Of equal numbers the first are kept.
    """

    def __init__(self, limit: int) -> None:
        self.count = 0
        self._limit, self._filled = limit, 0
        self._bound: int | None = None  # numbers from here on are not needed
        self._numbers = np.zeros(0, np.uint64)
        self._rows: np.ndarray | None = None

    @property
    def complete(self) -> bool:
        """Whether no image was left out."""
        return self.count <= self._limit

    def add(self, number: int, row: np.ndarray) -> None:
        """Add an image of a hash ``number`` below 2^64; ``row`` has one shape for all images."""
        self.count += 1
        if self._bound is not None and number >= self._bound:
            return
        if self._rows is None:
            self._rows = np.empty((0, *row.shape), row.dtype)
        if self._filled == len(self._rows):
            self._make_room()
        self._numbers[self._filled], self._rows[self._filled] = number, row
        self._filled += 1

    def rows(self) -> np.ndarray:
        """The sample (n, *shape of a row), n at most the limit. Of one row or more."""
        self._drop()
        assert self._rows is not None
        return self._rows[: self._filled]

    def _make_room(self) -> None:
        most = self._limit + max(self._limit // SPARE, 1)
        if self._filled == most:
            self._drop()
            return
        assert self._rows is not None
        length = min(max(2 * self._filled, 16), most)
        rows, numbers = np.empty((length, *self._rows.shape[1:]), self._rows.dtype), np.empty(length, np.uint64)
        rows[: self._filled], numbers[: self._filled] = self._rows, self._numbers
        self._rows, self._numbers = rows, numbers

    def _drop(self) -> None:
        """Keep no more than the limit."""
        if self._filled <= self._limit:
            return
        assert self._rows is not None
        kept = np.sort(np.argsort(self._numbers[: self._filled], kind="stable")[: self._limit])
        self._numbers[: self._limit], self._rows[: self._limit] = self._numbers[kept], self._rows[kept]
        self._filled = self._limit
        self._bound = int(self._numbers[: self._limit].max())
