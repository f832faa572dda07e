"""The covariance function of Gaussian fields with a spectrum P(|D^T k|), in closed form but for one integral."""

from __future__ import annotations

import numpy as np
from scipy.special import j0

from symmetry_audit.groups import IDENTITY, Affine
from symmetry_audit.synth._gaussian import BAND_LIMIT, LARGEST_WAVE, power_law

__all__ = ["gaussian_covariance"]


def gaussian_covariance(lags: np.ndarray, affine: Affine = IDENTITY, *, slope: float = 1.0) -> np.ndarray:
    """E r(y) r(y + lag) of ``gaussian_field`` on an unbounded plane, variance one, for lags (..., 2) of (x, y) in px.

    The field is r0(D^-1 x) with r0 isotropic, so its covariance is C0(|D^-1 lag|), where C0 is the Hankel transform
    of ``power_law`` with this ``slope``: C0(s) = integral of P(f) J0(2 pi f s) f df over f < 0.3 cycles/px, divided by
    its value at 0. Lags need not be whole pixels, and turning them turns the field, exactly. The unbounded plane has
    waves longer than any image, which a periodic field of finite size lacks. Shape (...), float64.
    """
    distance = np.linalg.norm(lags @ np.linalg.inv(affine.matrix).T, axis=-1)
    radii, where = np.unique(distance, return_inverse=True)
    frequency, weight = _quadrature(radii[-1] if radii.size else 0.0)
    weight = weight * power_law(frequency, slope) * frequency
    found = j0(2 * np.pi * radii[:, None] * frequency) @ (weight / weight.sum())
    return found[where].reshape(distance.shape)


def _quadrature(farthest: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in cycles/px and their weights df, enough of them for the waves that fit into ``farthest`` px.

    Gauss-Legendre on both sides of 1/128, where the power law has its kink; above it in log f, where it is smooth.
    """
    points = 64 + int(4 * np.pi * BAND_LIMIT * farthest)
    node, weight = np.polynomial.legendre.leggauss(points)
    low = (node + 1) / (2 * LARGEST_WAVE)
    octaves = np.log(BAND_LIMIT * LARGEST_WAVE)
    high = np.exp((node + 1) / 2 * octaves) / LARGEST_WAVE
    return np.append(low, high), np.append(weight / (2 * LARGEST_WAVE), weight * octaves / 2 * high)
