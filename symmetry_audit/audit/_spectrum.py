"""The radially averaged Welch periodogram of an image, from which the floor and the null fields are computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.fft import fft2

__all__ = ["BINS", "radial_power", "radial_spectrum"]

BINS = 64  # rings of |k| between 0 and 1/2 cycles/px
WINDOW = 128  # px along each side of a segment; a power of two no larger than the image
SEGMENTS = 8  # along each axis at most: enough for the mean of a ring, few enough to cost next to nothing
BATCH = 4  # pairs of segments transformed at a time, 512 KB: they stay in cache
CENTRES = (np.arange(BINS) + 0.5) / (2 * BINS)


def radial_spectrum(image: np.ndarray) -> np.ndarray:
    """P at the centers of BINS rings, (BINS,), in squared intensity px^2: its integral over k is the variance.

    Segments of at most 128 px under a Hann window, spread evenly over ``image`` (H, W), each minus its mean. Rings are
    bounded by multiples of 1 / (2 BINS) cycles/px; rings that are empty for a small segment are interpolated. Both
    sides of the image must have 2 px at least.

    Transforms are float32: the amplitude, the root of P, is right to 5e-7 of itself and 1e-8 of its largest value.
    """
    size = min(WINDOW, 1 << (min(image.shape).bit_length() - 1))
    starts = [np.unique(np.linspace(0, n - size, SEGMENTS).astype(int)) for n in image.shape]
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size))[np.ix_(*starts)].reshape(-1, size, size)
    window, rings, counts = _rings(size)
    with np.errstate(over="ignore", invalid="ignore"):  # the caller reports samples that are too large
        scaled, scale = _centered(windows)
        scaled *= window
        power = np.square(scale) * _power(scaled) / (len(windows) * np.square(window, dtype=np.float64).sum())
    total = np.bincount(rings.ravel(), power.ravel(), BINS + 1)[:BINS]
    filled = counts > 0  # a small segment leaves rings empty
    return np.interp(CENTRES, CENTRES[filled], total[filled] / counts[filled])


@lru_cache
def _rings(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The window of a segment in float32, the ring of every frequency, (size, size) both, and the sizes of the rings.

    Frequencies beyond 1/2 and zero are in a last ring, which has no size.
    """
    window = np.hanning(size + 2)[1:-1]
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
    rings = np.minimum((frequency * 2 * BINS).astype(int), BINS - 1)
    rings[(frequency == 0) | (frequency > 0.5)] = BINS
    return np.outer(window, window).astype(np.float32), rings, np.bincount(rings.ravel(), minlength=BINS + 1)[:BINS]


def _centered(windows: np.ndarray) -> tuple[np.ndarray, np.float64]:
    """``windows`` (n, size, size) minus their means, in float32 and at most 1, and the power of two that they lack.

    In float32 the mean of bright samples is rounded, so what is left of it is taken out again.
    """
    centered = windows - windows.mean((1, 2), keepdims=True, dtype=np.float64).astype(windows.dtype)
    centered -= centered.mean((1, 2), keepdims=True)
    scale = np.exp2(np.ceil(np.log2(max(np.abs(centered).max(), np.finfo(np.float64).tiny))))
    return np.divide(centered, scale).astype(np.float32), scale


def _power(segments: np.ndarray) -> np.ndarray:
    """Sum over ``segments`` (n, size, size) of |transform|^2, up to a part that is odd in the frequency.

    Two real segments are transformed as one complex signal a + i b, whose |transform|^2 is |A|^2 + |B|^2 and such
    a part; over a ring, which holds -k with k, that part adds up to nothing.
    """
    packed = np.zeros((-(-len(segments) // 2), *segments.shape[1:]), np.complex64)
    packed.real = segments[::2]
    packed.imag[: len(segments) // 2] = segments[1::2]
    total = np.zeros(segments.shape[1:])
    for first in range(0, len(packed), BATCH):
        found = fft2(packed[first : first + BATCH], overwrite_x=True)
        total += (np.square(found.real) + np.square(found.imag)).sum(0)
    return total


def radial_power(spectrum: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """``spectrum`` (BINS,) as a function of |k| in cycles/px, linear between the centers of its rings and constant
    beyond the first and the last."""
    return lambda frequency: np.interp(frequency, CENTRES, spectrum)
