"""Gaussian fields with a spectrum P(|D^T k|): second-order structure and nothing else (SPEC 5)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import IDENTITY, Affine

__all__ = ["BAND_LIMIT", "deformed_frequency", "gaussian_field", "power_law"]

BAND_LIMIT = 0.3  # cycles/px of |D^T k|: with an axis ratio of up to 2.7 the pixel grid then cuts nothing off
LARGEST_WAVE = 128.0  # px; beyond it power laws are flat, or a few waves would dominate every image


def power_law(frequency: np.ndarray, slope: float = 1.0) -> np.ndarray:
    """Power of a field whose amplitude falls as 1 / |k|^slope; flat below 1/128 cycles/px.

    Photographs have a ``slope`` near 1. ``frequency`` in cycles/px, any shape, which the result has too.
    """
    return np.maximum(frequency, 1 / LARGEST_WAVE) ** (-2.0 * slope)


def gaussian_field(
    shape: tuple[int, int],
    affine: Affine = IDENTITY,
    *,
    rng: np.random.Generator,
    power: Callable[[np.ndarray], np.ndarray] = power_law,
    limit: float | None = BAND_LIMIT,
) -> np.ndarray:
    """One periodic Gaussian field r0(D^-1 x), r0 isotropic, as float64 (H, W); G_w is its group in distribution.

    ``power`` maps an array of |D^T k| in cycles/px to the spectral density there, up to a factor: mean zero
    and variance one are those of the distribution, not of the single field. The spectrum is 0 at |D^T k| >= ``limit``;
    None keeps all frequencies of the pixel grid. ``rng`` gives white noise, which is filtered. Raises SettingError
    where ``power`` is no spectral density.
    """
    frequency = deformed_frequency(shape, affine)
    kept = (frequency > 0) & (frequency < (np.inf if limit is None else limit))
    density = np.zeros_like(frequency)
    density[kept] = power(frequency[kept])
    del frequency, kept  # a field of a large image leaves little memory
    if not (np.isfinite(density).all() and density.min() >= 0 and density.max() > 0):
        raise SettingError("power must give finite values that are not negative, some of them positive below the limit")
    twice = np.full(density.shape[1], 2.0)  # columns that also count for -k
    twice[0] = 1.0
    if shape[1] % 2 == 0:
        twice[-1] = 1.0
    variance = (density @ twice).sum() / (shape[0] * shape[1])
    density /= variance
    spectrum = scipy.fft.rfft2(rng.standard_normal(shape))
    spectrum *= np.sqrt(density, out=density)
    return scipy.fft.irfft2(spectrum, shape, overwrite_x=True)


def deformed_frequency(shape: tuple[int, int], affine: Affine) -> np.ndarray:
    """|D^T k| in cycles/px on the half plane of ``rfft2`` of an (H, W) image, shape (H, W // 2 + 1)."""
    k_y, k_x = scipy.fft.fftfreq(shape[0])[:, None], scipy.fft.rfftfreq(shape[1])
    d = affine.matrix
    return np.hypot(d[0, 0] * k_x + d[1, 0] * k_y, d[0, 1] * k_x + d[1, 1] * k_y)
