"""Spectra of small kernels and of images: the weights of a fit, and the error to expect of responses."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.fft import fft2, rfft2

__all__ = ["GRID", "expected_error", "half_plane", "kernel_spectra", "pink_plane", "power_spectra", "spectral_weight"]

GRID = 128  # frequencies per axis of every sum over the spectrum
# weights of |f|^-p in the mean square error of a stencil, each normalized: long waves rule the spectra of images
WEIGHTS = {0: 0.02, 2: 1.0, 3: 3.0, 4: 100.0}
SAFETY = 1.4  # the largest error measured on photographs over the one that the model expects


def expected_error(exact: np.ndarray, realized: np.ndarray, *, with_gains: bool = True) -> float:
    """The largest relative error to expect of a mean absolute response; twice that for an energy.

    ``exact`` and ``realized`` are power spectra of kernels, (m, GRID, GRID / 2 + 1). An image is a mixture of parts
    whose spectra differ from its mean spectrum, from which the gains come. The error is the largest over kernels, mean
    spectra |f|^-p for p = 1, 2, 3, and parts of one of these exponents with or without a preferred direction, weighted
    by how much a part responds beside the most that one can. Without gains it is that of a part alone.
    """
    pinks = [pink_plane(p, GRID) for p in (1, 2, 3)]
    means = np.array([half_plane(pink) for pink in pinks])
    parts = np.array([half_plane(pink * lobe) for pink in pinks for lobe in _lobes()])
    exact, realized = (table.reshape(len(table), -1) for table in (exact, realized))
    gains = np.sqrt((exact @ means.T) / (realized @ means.T)) if with_gains else np.ones((len(exact), len(means)))
    sizes, found = (np.sqrt(table @ parts.T).reshape(len(table), 3, 1, -1) for table in (exact, realized))
    errors = np.abs(gains[:, None, :, None] * found - sizes) / sizes.max(3, keepdims=True)
    return SAFETY * float(errors.max())


@lru_cache
def pink_plane(exponent: int, grid: int) -> np.ndarray:
    """|f|^-exponent (grid, grid) of sum one; 0 at f = 0, since kernels of zero sum do not see the mean."""
    axis = np.fft.fftfreq(grid)
    frequency = np.hypot(axis[:, None], axis)
    frequency[0, 0] = np.inf
    power = frequency**-exponent if exponent else np.where(np.isinf(frequency), 0.0, 1.0)
    return power / power.sum()


@lru_cache
def spectral_weight(grid: int) -> np.ndarray:
    """The weight of squared errors (grid, grid) in the fit of a stencil."""
    return np.asarray(sum(weight * pink_plane(exponent, grid) for exponent, weight in WEIGHTS.items()))


def half_plane(power: np.ndarray) -> np.ndarray:
    """The half plane of ``power`` (n, n), flat; columns that stand for two count twice."""
    half = power[:, : len(power) // 2 + 1].copy()
    half[:, 1:-1] *= 2
    return half.ravel()


@lru_cache
def _lobes() -> np.ndarray:
    """Shares of the spectrum of parts of an image: without direction, and with one of 16; (17, GRID, GRID)."""
    axis = np.fft.fftfreq(GRID)
    angle = np.arctan2(axis[:, None], axis)
    turned = (np.cos(angle - turn) ** 8 for turn in np.arange(16) * np.pi / 16)
    return np.array([np.ones_like(angle), *turned])


def kernel_spectra(kernels: np.ndarray, grid: int = GRID) -> np.ndarray:
    """Fourier transforms of ``kernels`` (m, k, k) about their centre, (m, grid, grid)."""
    radius = kernels.shape[1] // 2
    padded = np.zeros((len(kernels), grid, grid))
    padded[:, : 2 * radius + 1, : 2 * radius + 1] = kernels
    return fft2(np.roll(padded, (-radius, -radius), (1, 2)))


def power_spectra(kernels: np.ndarray) -> np.ndarray:
    """|transform|^2 of ``kernels`` (m, k, k) on the half plane, (m, GRID, GRID / 2 + 1)."""
    padded = np.zeros((len(kernels), GRID, GRID))
    padded[:, : kernels.shape[1], : kernels.shape[1]] = kernels
    return np.abs(rfft2(padded)) ** 2
