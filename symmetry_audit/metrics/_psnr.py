"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np

from symmetry_audit.errors import ImageError
from symmetry_audit.metrics._matched import matched

__all__ = ["psnr", "psnr_of_norms"]


def psnr(restored: np.ndarray, clean: np.ndarray, peak: float = 255.0) -> float:
    """10 log10(peak^2 / MSE) in dB, the mean over all pixels and channels; inf if the images are equal.

    Both are (H, W) or (H, W, C) of the same shape and any dtype, taken as they are: neither clipped nor rounded.
    Raises SettingError for other shapes and ImageError for values that are not finite.
    """
    restored, clean = matched(restored, clean)
    error = float(np.mean((restored - clean) ** 2))
    return 10 * math.log10(peak**2 / error) if error else math.inf


def psnr_of_norms(restored: np.ndarray, clean: np.ndarray) -> float:
    """20 log10(sqrt(H W) max |clean| / || restored - clean ||) in dB, the norm over all channels; as [REI] measures.

    The peak is the largest value of ``clean``. Three channels are summed but counted once, so this is 10 log10 3 = 4.77
    dB below ``psnr`` for an image that reaches 255, and further below for others. Arguments and errors as there, and
    ImageError for a black image.
    """
    restored, clean = matched(restored, clean)
    peak, error = float(np.abs(clean).max()), float(np.sum((restored - clean) ** 2))
    if not peak:
        raise ImageError("the clean image is black, so it has no peak to compare with; remove it or use protocol rgb")
    return 10 * math.log10(clean.shape[0] * clean.shape[1] * peak**2 / error) if error else math.inf
