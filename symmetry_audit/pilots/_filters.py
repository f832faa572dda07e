"""Least-squares filters from moments, plain and symmetrised, and their errors on other images."""

from __future__ import annotations

import numpy as np

from symmetry_audit.pilots._moments import Moments
from symmetry_audit.pilots._symmetries import Symmetry

__all__ = ["errors", "fitted", "gains_db"]

RIDGE = 1e-3  # of the mean variance of a pixel
LEAST = 1e-6  # squared grey levels; smaller errors are rounding
DECIBEL = 10 / np.log(10)


def fitted(moments: Moments, symmetry: Symmetry) -> np.ndarray:
    """The filter (d,) with the least mean squared error on images of ``moments``, turned by every element of a group.

    Its weights are h + 1/m on the m pixels of the group: it estimates the clean pixel as mean(y) + h' (y - mean(y)), y
    being the window, and h minimises E (x - estimate)^2 + ridge |h|^2 with ridge = 1e-3 of the mean variance of a pixel
    of the window about the mean of the window.
    """
    turned = [
        (turn @ (turn @ moments.second).T, turn @ moments.cross, turn @ moments.noise) for turn in symmetry.elements
    ]
    second, cross, noise = (sum(parts) / len(turned) for parts in zip(*turned, strict=True))
    second = second + np.diag(noise)
    means = second.mean(axis=0)
    normal = second - means - means[:, None] + means.mean()
    right = _centred(cross - means)
    normal[np.diag_indices_from(normal)] += max(RIDGE * normal.trace() / len(normal), LEAST)
    h = np.linalg.solve(normal, right)
    return symmetry.elements[0].T @ (_centred(h) + 1 / len(h))


def errors(kernel: np.ndarray, moments: Moments) -> np.ndarray:
    """The mean squared error of a filter on each image, (n,), in squared grey levels."""
    squares = (moments.second @ kernel - 2 * moments.cross + moments.noise * kernel) @ kernel
    return np.maximum(moments.power + squares, LEAST)


def gains_db(plain: np.ndarray, symmetrised: np.ndarray, moments: Moments) -> np.ndarray:
    """By how much the PSNR of ``symmetrised`` is above that of ``plain`` on each image, (n,), in dB."""
    return DECIBEL * np.log(errors(plain, moments) / errors(symmetrised, moments))


def _centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean()
