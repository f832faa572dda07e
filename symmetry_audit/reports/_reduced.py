"""Images made smaller for display."""

from __future__ import annotations

import numpy as np

__all__ = ["reduced"]


def reduced(values: np.ndarray, side: int) -> np.ndarray:
    """Means over square blocks, so that the longer side of (H, W) has about ``side`` pixels; small ones as they are."""
    step = max(max(values.shape) // side, 1)
    if step == 1:
        return values
    height, width = (-(-length // step) * step for length in values.shape)
    padding = [(0, height - values.shape[0]), (0, width - values.shape[1])]
    padded = np.pad(values, padding, mode="edge")
    return padded.reshape(height // step, step, width // step, step).mean((1, 3))
