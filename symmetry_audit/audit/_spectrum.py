"""The radially averaged spectrum of an image, from which the floor and the null fields are computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

__all__ = ["BINS", "radial_power", "radial_spectrum"]

BINS = 64  # rings of |k| between 0 and 1/2 cycles/px
CENTRES = (np.arange(BINS) + 0.5) / (2 * BINS)


def radial_spectrum(power: np.ndarray) -> np.ndarray:
    """P at the centers of BINS rings, (BINS,), in the unit of ``power`` (n, n): its integral over k is the variance.

    ``power`` is the ``welch_power`` of an image. Rings are bounded by multiples of 1 / (2 BINS) cycles/px; rings that
    are empty for a small segment are interpolated.
    """
    rings, counts = _rings(len(power))
    total = np.bincount(rings.ravel(), power.ravel(), BINS + 1)[:BINS]
    filled = counts > 0  # a small segment leaves rings empty
    return np.interp(CENTRES, CENTRES[filled], total[filled] / counts[filled])


@lru_cache
def _rings(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The ring of every frequency, (size, size), and the sizes of the rings, (BINS,).

    Frequencies beyond 1/2 and zero are in a last ring, which has no size.
    """
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
    rings = np.minimum((frequency * 2 * BINS).astype(int), BINS - 1)
    rings[(frequency == 0) | (frequency > 0.5)] = BINS
    return rings, np.bincount(rings.ravel(), minlength=BINS + 1)[:BINS]


def radial_power(spectrum: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """``spectrum`` (BINS,) as a function of |k| in cycles/px, linear between the centers of its rings and constant
    beyond the first and the last."""
    return lambda frequency: np.interp(frequency, CENTRES, spectrum)
