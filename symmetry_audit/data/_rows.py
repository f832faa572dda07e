"""Pictures that are too large for memory: rows of numbers in a file without a name, read when they are needed."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from symmetry_audit.errors import ImageError

__all__ = ["StoredRows", "made_of_bands", "row_bands", "stored_rows"]

BAND_PIXELS = 1 << 22  # read at a time: 16 MB of float32
NARROW = 16  # times as wide as what is read are rows that are read in parts


def row_bands(height: int, width: int) -> Iterator[tuple[int, int]]:
    """The bands, (first row, last row + 1) each, in which ``height`` rows of ``width`` px are worked on."""
    rows = max(1, BAND_PIXELS // max(1, width))
    return ((first, min(first + rows, height)) for first in range(0, height, rows))


class _Unnamed(io.BufferedRandom):
    """A temporary file that is closed, and so gone, when nothing refers to it: views have no order to close it in."""

    def __del__(self) -> None:
        self.close()


@dataclass(frozen=True, eq=False)
class StoredRows:
    """An (H, W) array in a temporary file, which is gone with the last view of it. One thread may use it.

    As with an array, a slice is a view; ``np.asarray`` reads what a view shows. So what works on bands of rows of an
    array works on bands of these.
    """

    file: io.BufferedRandom
    dtype: np.dtype
    stored: int  # columns in the file
    rows: range
    columns: range

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return len(self.rows), len(self.columns)

    ndim = 2

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> StoredRows | np.ndarray:
        """A view by one or two slices of step 1; the numbers themselves by an array of rows (n,), (n, W)."""
        if isinstance(place, np.ndarray):
            return np.concatenate([np.empty((0, len(self.columns)), self.dtype), *(self[y : y + 1] for y in place)])
        lines, across = place if isinstance(place, tuple) else (place, slice(None))
        return StoredRows(self.file, self.dtype, self.stored, self.rows[lines], self.columns[across])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        first, width = self.columns.start, len(self.columns)
        # whole rows at once, unless that is much more than what is shown
        narrow = width * NARROW < self.stored
        shown = np.empty((len(self.rows), width if narrow else self.stored), self.dtype)
        for place, part in zip(self.rows, shown, strict=True) if narrow else ((self.rows.start, shown),):
            self.file.seek((place * self.stored + first * narrow) * self.dtype.itemsize)
            if self.file.readinto(part.data) != part.nbytes:
                raise ImageError("its rows are gone from the folder for temporary files; measure again")
        shown = shown if narrow else shown[:, first : first + width]
        return shown if dtype is None else shown.astype(dtype, copy=False)

    def write(self, first: int, band: np.ndarray) -> None:
        """Put ``band`` (n, W) of the whole's columns in place of the rows from ``first`` on."""
        self.file.seek(first * self.stored * self.dtype.itemsize)
        try:
            self.file.write(np.ascontiguousarray(band, self.dtype).data)
            self.file.flush()
        except OSError as error:
            size = len(self.rows) * self.stored * self.dtype.itemsize / 1e9
            reason = error.strerror or "cannot be written"
            raise ImageError(
                f"needs {size:.1f} GB in the folder for temporary files ({reason}); name another one by TMPDIR"
            ) from None


def stored_rows(shape: tuple[int, int], dtype: Any) -> StoredRows:
    """Room for (H, W) numbers, to be written."""
    raw = tempfile.TemporaryFile(buffering=0, prefix="symaudit-")  # noqa: SIM115 - closed with the last view
    file = _Unnamed(raw)
    return StoredRows(file, np.dtype(dtype), shape[1], range(shape[0]), range(shape[1]))


def made_of_bands(
    shape: tuple[int, int], dtype: Any, band: Callable[[int, int], np.ndarray], *, stored: bool
) -> np.ndarray | StoredRows:
    """(H, W) numbers, of which ``band(first, stop)`` gives each of ``row_bands``: an array, or ``stored`` in a file.

    Raises ImageError where there is no room for the file.
    """
    found = stored_rows(shape, dtype) if stored else np.empty(shape, dtype)
    for first, stop in row_bands(*shape):
        if isinstance(found, StoredRows):
            found.write(first, band(first, stop))
        else:
            found[first:stop] = band(first, stop)
    return found
