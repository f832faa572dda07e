"""The radially averaged Welch periodogram of an image, from which the floor and the null fields are computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.fft import rfft2

__all__ = ["BINS", "radial_power", "radial_spectrum"]

BINS = 64  # rings of |k| between 0 and 1/2 cycles/px
WINDOW = 128  # px along each side of a segment; a power of two no larger than the image
SEGMENTS = 8  # along each axis at most: enough for the mean of a ring, few enough to cost next to nothing
CENTRES = (np.arange(BINS) + 0.5) / (2 * BINS)


def radial_spectrum(image: np.ndarray) -> np.ndarray:
    """P at the centers of BINS rings, (BINS,), in squared intensity px^2: its integral over k is the variance.

    Segments of at most 128 px under a Hann window, spread evenly over ``image`` (H, W), each minus its mean. Rings are
    bounded by multiples of 1 / (2 BINS) cycles/px; rings that are empty for a small segment are interpolated. Both
    sides of the image must have 2 px at least.
    """
    size = min(WINDOW, 1 << (min(image.shape).bit_length() - 1))
    starts = [np.unique(np.linspace(0, n - size, SEGMENTS).astype(int)) for n in image.shape]
    window = np.hanning(size + 2)[1:-1]
    window = np.outer(window, window)
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size))[np.ix_(*starts)].astype(np.float64)
    centered = windows - windows.mean((2, 3), keepdims=True)
    with np.errstate(over="ignore"):  # the caller reports samples that are too large
        power = np.square(np.abs(rfft2(centered * window))).mean((0, 1)) / np.square(window).sum()
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    # columns of the half plane count twice, except the first and the last
    twice = np.where(np.isin(np.arange(power.shape[1]), (0, size // 2)), 1.0, 2.0)
    inside = (frequency > 0) & (frequency <= 0.5)
    rings = np.minimum((frequency[inside] * 2 * BINS).astype(int), BINS - 1)
    weights = np.broadcast_to(twice, power.shape)[inside]
    counts = np.bincount(rings, weights, BINS)
    total = np.bincount(rings, weights * power[inside], BINS)
    filled = counts > 0  # a small segment leaves rings empty
    return np.interp(CENTRES, CENTRES[filled], total[filled] / counts[filled])


def radial_power(spectrum: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """``spectrum`` (BINS,) as a function of |k| in cycles/px, linear between the centers of its rings and constant
    beyond the first and the last."""
    return lambda frequency: np.interp(frequency, CENTRES, spectrum)
