"""The mean of an image, from which float32 arithmetic starts."""

from __future__ import annotations

import numpy as np

from symmetry_audit.engine import Rows, told

__all__ = ["middle"]


def middle(image: Rows) -> np.float32:
    """The mean of ``image`` (H, W). It has no effect; without it float32 keeps its digits for the detail."""
    # float32 and float64 images must give the same bits
    return np.float32(image.mean(dtype=np.float64) if isinstance(image, np.ndarray) else told(image)[2])
