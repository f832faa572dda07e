"""A rectangle of a picture that is measured as an image of its own: a tile of a scene."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Window"]


class Window(NamedTuple):
    """``height`` rows from ``row`` on and ``width`` columns from ``column`` on, in px of the upright picture, whose
    shape ``scene`` is (H, W)."""

    row: int
    column: int
    height: int
    width: int
    scene: tuple[int, int]

    @classmethod
    def whole(cls, scene: tuple[int, int]) -> Window:
        """All of a picture."""
        return cls(0, 0, *scene, scene)

    def bands(self, rows: int) -> Iterator[Window]:
        """``rows`` of it at a time."""
        for first in range(self.row, self.row + self.height, rows):
            yield self._replace(row=first, height=min(rows, self.row + self.height - first))

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its place in an array of the scene."""
        return slice(self.row, self.row + self.height), slice(self.column, self.column + self.width)

    def stored(self, orientation: int) -> Window:
        """Its place in the samples of a file of this EXIF orientation, before ``upright`` turns them."""
        row, column, height, width, (high, wide) = self
        if orientation in (2, 3, 6, 7):
            column = wide - column - width
        if orientation in (3, 4, 7, 8):
            row = high - row - height
        if orientation >= 5:
            return Window(column, row, width, height, (wide, high))
        return Window(row, column, height, width, (high, wide))

    def __str__(self) -> str:
        return f"{self.row} {self.column} {self.height} {self.width}"
