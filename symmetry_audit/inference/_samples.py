"""From a network's output to the samples of an image file."""

from __future__ import annotations

from typing import Any

import numpy as np

from symmetry_audit.errors import ModelError

__all__ = ["as_samples", "checked"]


def as_samples(restored: np.ndarray, dtype: type[Any] = np.uint8, white: float | None = None) -> np.ndarray:
    """``restored`` in 0..255 units, clipped, as samples from 0 to ``white`` of ``dtype``, shape as it is.

    By default ``white`` is the largest integer of ``dtype``. Integers are rounded. Raises ModelError for NaN and
    infinities, which clipping would hide.
    """
    white = np.iinfo(dtype).max if white is None else white
    samples = checked(restored).clip(0, 255).astype(np.float64) * (white / 255)
    return (np.rint(samples) if np.issubdtype(dtype, np.integer) else samples).astype(dtype)


def checked(restored: np.ndarray) -> np.ndarray:
    """``restored`` itself. Raises ModelError for NaN and infinities."""
    if not np.isfinite(restored).all():
        raise ModelError("the network returned NaN or infinite values; train it again, with a lower learning rate")
    return restored
