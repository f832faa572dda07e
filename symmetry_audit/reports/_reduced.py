"""Images made smaller for display."""

from __future__ import annotations

import numpy as np

__all__ = ["reduced"]


def reduced(values: np.ndarray, side: int) -> np.ndarray:
    """Means over square blocks, so that the longer side of (H, W) has about ``side`` pixels; small ones as they are.

    ``values`` may be rows outside memory, of which ``np.asarray`` reads a slice: a row of blocks at a time is read.
    """
    step = max(max(values.shape) // side, 1)
    if step == 1:
        return np.asarray(values)
    return np.concatenate([_row(np.asarray(values[top : top + step]), step) for top in range(0, len(values), step)])


def _row(band: np.ndarray, step: int) -> np.ndarray:
    """Means over the blocks of up to ``step`` rows, (1, number of blocks)."""
    padding = [(0, step - len(band)), (0, -band.shape[1] % step)]
    return np.pad(band, padding, mode="edge").reshape(1, step, -1, step).mean((1, 3))
