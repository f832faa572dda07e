"""Second moments of all windows of an image: everything that a linear filter can learn from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

__all__ = ["Moments", "NoiseVariance", "mean_moments", "pair_moments", "stacked"]

NoiseVariance = Callable[[np.ndarray, np.ndarray], np.ndarray | None]  # as Task.noise_variance; None is no noise


@dataclass(frozen=True)
class Moments:
    """Moments of windows y with d pixels and of the clean pixel x under their centre, about the level of the image.

    ``second`` E y y' (..., d, d); ``cross`` E y x (..., d); ``power`` E x^2 (...); ``noise`` (..., d) is the variance
    of noise that is added to y, independent from pixel to pixel, and not part of ``second``. In squared grey levels.
    Leading axes count images. Means over images, and over windows turned by a matrix R (R second R', R cross), are
    moments again.
    """

    second: np.ndarray
    cross: np.ndarray
    power: np.ndarray
    noise: np.ndarray

    def chosen(self, images: np.ndarray) -> Moments:
        """Those of some ``images``, given by their indices."""
        return Moments(*(getattr(self, item.name)[images] for item in fields(self)))

    def mean(self, images: np.ndarray) -> Moments:
        """The mean over some ``images``, given by their indices."""
        weights = np.bincount(images, minlength=len(self.power)) / len(images)
        return Moments(*(np.tensordot(weights, getattr(self, item.name), 1) for item in fields(self)))


def _no_noise(mean: np.ndarray, square: np.ndarray) -> None:
    """Nothing is added."""


def stacked(moments: Sequence[Moments]) -> Moments:
    """The moments of several images, on a new first axis."""
    return Moments(*(np.stack([getattr(one, item.name) for one in moments]) for item in fields(Moments)))


def mean_moments(moments: Sequence[Moments]) -> Moments:
    """The mean of several moments with equal weights."""
    return stacked(moments).mean(np.arange(len(moments)))


def pair_moments(
    clean: np.ndarray, degraded: np.ndarray, side: int, noise_variance: NoiseVariance = _no_noise
) -> Moments:
    """The moments over all windows of ``side`` x ``side`` px, ``side`` odd, that lie in the image.

    ``clean`` and ``degraded`` are (H, W) float64 in grey levels. Noise of ``noise_variance`` is added to ``degraded``:
    not drawn, but as its expectation, which for second moments is exact.
    """
    level = degraded.mean()  # about it, since numbers near 0 lose less to rounding
    given = degraded - level
    second = _second(given, side)
    middle = side // 2
    target = (clean - level)[middle : clean.shape[0] - middle, middle : clean.shape[1] - middle]
    equal = np.array_equal(clean, degraded)
    cross = second[:, side * middle + middle].copy() if equal else _cross(given, target, side)
    means = _box_sums(_box_sums(degraded, target.shape[0]).T, target.shape[1]).T.ravel() / target.size
    noise = noise_variance(means, second.diagonal())
    power = np.einsum("ij,ij", target, target) / target.size
    return Moments(second, cross, power, np.zeros(side * side) if noise is None else noise)


def _second(image: np.ndarray, side: int) -> np.ndarray:
    """E y y' over all windows, (side^2, side^2).

    Pixels i and i + s of a window have the mean of image(p) image(p + s) over the rectangle of all p that pixel i
    visits. The rectangles of all i with the same s differ in their borders alone.
    """
    height, width = image.shape
    rows, columns = height - side + 1, width - side + 1
    found = np.empty((side,) * 4)
    for down in range(side):
        for right in range(-side + 1, side):
            left, over = max(0, -right), max(0, right)
            here, there = image[: height - down, left : width - over], image[down:, over : width - left]
            sums = _box_sums(_product_sums(here, there, rows).T, columns).T
            y, x = np.arange(side - down)[:, None], np.arange(left, side - over)
            found[y, x, y + down, x + right] = found[y + down, x + right, y, x] = sums
    return found.reshape(side * side, -1) / (rows * columns)


def _cross(image: np.ndarray, target: np.ndarray, side: int) -> np.ndarray:
    rows, columns = target.shape
    corners = [(y, x) for y in range(side) for x in range(side)]
    sums = [np.einsum("ij,ij", image[y : y + rows, x : x + columns], target) for y, x in corners]
    return np.array(sums) / target.size


def _product_sums(a: np.ndarray, b: np.ndarray, rows: int) -> np.ndarray:
    """``_box_sums(a * b, rows)`` without the whole product."""
    left = len(a) - rows
    first = np.einsum("ij,ij->j", a[:rows], b[:rows])
    return np.cumsum([first, *(a[rows:] * b[rows:] - a[:left] * b[:left])], axis=0)


def _box_sums(values: np.ndarray, rows: int) -> np.ndarray:
    """Sums over every ``rows`` consecutive rows, (number of rows - rows + 1, ...)."""
    steps = values[rows:] - values[: len(values) - rows]
    return np.cumsum([values[:rows].sum(axis=0), *steps], axis=0)
