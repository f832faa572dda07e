"""Images made smaller for display."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

__all__ = ["Rows", "reduced"]


class Rows(Protocol):
    """An (H, W) array, or what stands for one outside memory: ``np.asarray`` reads a slice of its rows."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, place: Any, /) -> Any: ...


def reduced(values: Rows, side: int) -> np.ndarray:
    """Means over square blocks, so that the longer side of (H, W) has about ``side`` pixels; small ones as they are.

    A row of blocks is read at a time.
    """
    step = max(max(values.shape) // side, 1)
    if step == 1:
        return np.asarray(values)
    rows, columns = (min(step, length) for length in values.shape)  # of a block: a very wide picture has fewer rows
    bands = (np.asarray(values[top : top + rows]) for top in range(0, len(values), rows))
    return np.concatenate([_row(band, rows, columns) for band in bands])


def _row(band: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Means over the blocks of a band of up to so many ``rows``, (1, number of blocks)."""
    padding = [(0, rows - len(band)), (0, -band.shape[1] % columns)]
    return np.pad(band, padding, mode="edge").reshape(1, rows, -1, columns).mean((1, 3))
