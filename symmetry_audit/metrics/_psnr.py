"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np

from symmetry_audit.metrics._matched import matched

__all__ = ["psnr"]


def psnr(restored: np.ndarray, clean: np.ndarray, peak: float = 255.0) -> float:
    """10 log10(peak^2 / MSE) in dB, the mean over all pixels and channels; inf if the images are equal.

    Both are (H, W) or (H, W, C) of the same shape and any dtype, taken as they are: neither clipped nor rounded.
    Raises SettingError for other shapes and ImageError for values that are not finite.
    """
    restored, clean = matched(restored, clean)
    error = float(np.mean((restored - clean) ** 2))
    return 10 * math.log10(peak**2 / error) if error else math.inf
