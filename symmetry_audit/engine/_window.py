"""What every engine does before and after its sums: the pixels that are seen, and what is only rounding."""

from __future__ import annotations

import numpy as np

__all__ = ["seen_window", "without_rounding"]


def seen_window(image: np.ndarray, margin: int, radius: int) -> np.ndarray:
    """The pixels that kernels of ``radius`` reach from V: ``image`` without its border of margin - radius px.

    ``image`` is (H, W); the result is a view of it, not a copy.
    """
    height, width = image.shape[0] - 2 * margin, image.shape[1] - 2 * margin
    assert margin >= radius and height > 0 and width > 0, "the caller skips images with an empty V"
    border = margin - radius
    return image[border : image.shape[0] - border, border : image.shape[1] - border]


def without_rounding(
    rows: np.ndarray, outer: np.ndarray, weights: np.ndarray, precision: float, power: int
) -> np.ndarray:
    """``rows`` (rows of V, m), where responses no larger than rounding are set to zero.

    Flat images, and ramps under second differences, give only such responses; these must read as zero.
    ``weights`` (m,) are the sums of |kernel|; the samples and the arithmetic, of relative ``precision``, both round.
    """
    low, high = outer.min(), outer.max()
    samples = np.finfo(outer.dtype).eps * max(abs(low), abs(high))
    arithmetic = precision * (high - low)
    # written so that an overflow, inf or nan, is passed on
    return np.where(rows.mean(0) <= (4 * weights * (samples + arithmetic)) ** power, 0.0, rows)
