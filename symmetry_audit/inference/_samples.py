"""From a network's output to the samples of an image file."""

from __future__ import annotations

import numpy as np

from symmetry_audit.errors import ModelError

__all__ = ["as_samples", "checked"]


def as_samples(restored: np.ndarray, dtype: type[np.unsignedinteger] = np.uint8) -> np.ndarray:
    """``restored`` in 0..255 units, clipped and rounded to 8 or 16 bits (257 to a grey level), shape as it is.

    Raises ModelError for NaN and infinities, which clipping would hide.
    """
    steps = np.iinfo(dtype).max // 255
    return np.rint(checked(restored).clip(0, 255).astype(np.float64) * steps).astype(dtype)


def checked(restored: np.ndarray) -> np.ndarray:
    """``restored`` itself. Raises ModelError for NaN and infinities."""
    if not np.isfinite(restored).all():
        raise ModelError("the network returned NaN or infinite values; train it again, with a lower learning rate")
    return restored
