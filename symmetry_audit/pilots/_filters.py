"""Least-squares filters from moments, plain and symmetrised, and their errors on other images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symmetry_audit.pilots._moments import Moments
from symmetry_audit.pilots._symmetries import Symmetry

__all__ = ["Filter", "errors", "fitted", "gains_db", "influences", "slopes"]

RIDGE = 1e-3  # of the mean variance of a pixel
LEAST = 1e-6  # squared grey levels; smaller errors are rounding
DECIBEL = 10 / np.log(10)


@dataclass(frozen=True)
class Filter:
    """A filter of d weights that sum to 1, and what it was made of.

    ``kernel`` (d,) are the weights on the window. ``weights`` (m,) are those on the pixels of ``symmetry``, ``normal``
    (m, m) the matrix of the normal equations.
    """

    kernel: np.ndarray
    weights: np.ndarray
    normal: np.ndarray
    symmetry: Symmetry


def fitted(moments: Moments, symmetry: Symmetry) -> Filter:
    """The filter with the least mean squared error on images of ``moments``, turned by every element of a group.

    It estimates the clean pixel as mean(y) + h' (y - mean(y)), y being the window, and h minimises
    E (x - estimate)^2 + ridge |h|^2 with ridge = 1e-3 of the mean variance of a pixel of the window about the mean of
    the window.
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
    weights = _centred(h) + 1 / len(h)
    return Filter(symmetry.elements[0].T @ weights, weights, normal, symmetry)


def errors(found: Filter, moments: Moments) -> np.ndarray:
    """The mean squared error of a filter on each image, (n,), in squared grey levels."""
    kernel = found.kernel
    squares = (moments.second @ kernel - 2 * moments.cross + moments.noise * kernel) @ kernel
    return np.maximum(moments.power + squares, LEAST)


def gains_db(plain: Filter, symmetrised: Filter, moments: Moments) -> np.ndarray:
    """By how much the PSNR of ``symmetrised`` is above that of ``plain`` on each image, (n,), in dB."""
    return DECIBEL * np.log(errors(plain, moments) / errors(symmetrised, moments))


def slopes(found: Filter, moments: Moments) -> np.ndarray:
    """The derivative of the summed PSNR of all images by the weights, (m,), in dB."""
    rates = 2 * (moments.second @ found.kernel + moments.noise * found.kernel - moments.cross)
    return found.symmetry.elements[0] @ (-DECIBEL / errors(found, moments) @ rates)


def influences(found: Filter, slope: np.ndarray, moments: Moments) -> np.ndarray:
    """How each image would move slope' weights, (n,), if its weight in the training set grew: a derivative.

    A relative growth of an image's weight by e moves the weights by e normal^-1 r, r being what the normal
    equations leave of this image alone. (Through the ridge, a thousandth, it moves nothing here.)
    """
    along = _centred(np.linalg.solve(found.normal, slope))
    total = np.zeros(len(moments.power))
    for turn in found.symmetry.elements:
        left = moments.cross - moments.second @ (turn.T @ found.weights)
        total += left @ (turn.T @ along) - moments.noise @ (turn.T @ (along * found.weights))
    return total / len(found.symmetry.elements)


def _centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean()
