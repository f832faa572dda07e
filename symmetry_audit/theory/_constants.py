"""The constants of Theorem 3.7: F, G, H from samples, and the grid errors that they bound.

Derived here (ours); the constants that [SA] prints are in :mod:`symmetry_audit.theory._printed`. Images are functions
on the square [-1, 1]^2, sampled at h = 2/m, that are periodic or vanish near the border, with |r| <= F1,
|grad r| <= G1, |Hess r| <= H1 (operator norm); so are the restored images. All follows from the midpoint rule: over a
square cell of side h the linear part of f cancels and the rest is at most (H/2) |x - c|^2, so

    |integral f - h^2 sum f| <= area h^2 H / 12.                                                  (quadrature_error)

Squared distances: w = x - x' has 2 F1, 2 G1, 2 H1, and |Hess w^2| <= 2 (|w| |Hess w| + |grad w|^2), hence
norm = (2/3) area (F1 H1 + G1^2) h^2, and half of mu times that for the data term (mu/2) ||x - y||^2.

Filters: q(y) = integral phi(u) r(y - u) du is a sum over the kernel's support of area A, of a function of Hessian
F1 H2 + 2 G1 G2 + H1 F2: |q_h - q| <= e = (A/12) h^2 (F1 H2 + 2 G1 G2 + H1 F2). Where the mean of the sampled kernel is
removed (SPEC 2) the same holds for images in [0, F1] and an envelope without negative lobes: a zero-sum kernel sees
r - F1/2 alone, which halves F1 H2, and removing the mean costs the other half.

Sums over the grid of |q| or q^2: with M the integral of |phi|, |q| <= M F1, |grad q| <= M G1, |Hess q| <= M H1.
q^2 has the Hessian 2 M^2 (F1 H1 + G1^2). |q| has kinks: the error of its sum is its slope times the mean distance from
the center of a cell, (sqrt 2 + asinh 1) h / 6. This is of first order in h, the best that sup norms can give.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import asinh, sqrt
from typing import TypeVar

import numpy as np

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.results import Smoothness
from symmetry_audit.theory._bounds import AREA
from symmetry_audit.wording import count

__all__ = [
    "ESTIMATORS",
    "KernelSmoothness",
    "difference_error",
    "distance_errors",
    "image_smoothness",
    "kernel_smoothness",
    "quadrature_error",
    "response_errors",
    "stretched",
]

# the estimate of the supremum of finite differences over an image
ESTIMATORS = {"max": 1.0, "q99.9": 0.999}
MEAN_DISTANCE = (sqrt(2) + asinh(1)) / 6  # from the center of a unit square


@dataclass(frozen=True, kw_only=True)
class KernelSmoothness:
    """F2, G2, H2 of a kernel, its ``mass`` M, the integral of its absolute value, and its extent.

    ``area`` is that of its support, ``radius`` the largest distance of the support from the center.
    """

    value: float
    gradient: float
    hessian: float
    area: float
    radius: float
    mass: float

    def scaled(self, h: float) -> KernelSmoothness:
        """The same kernel with ``h`` as its unit of length: phi(x / h) / h^2, of unchanged mass."""
        return KernelSmoothness(
            value=self.value / h**2,
            gradient=self.gradient / h**3,
            hessian=self.hessian / h**4,
            area=self.area * h**2,
            radius=self.radius * h,
            mass=self.mass,
        )


Shape = TypeVar("Shape", Smoothness, KernelSmoothness)


def stretched(shape: Shape, ratio: float) -> Shape:
    """F, G, H after any linear map of determinant 1 that stretches lengths by at most ``ratio``."""
    reach = {"radius": ratio * shape.radius} if isinstance(shape, KernelSmoothness) else {}
    return replace(shape, gradient=ratio * shape.gradient, hessian=ratio**2 * shape.hessian, **reach)


def image_smoothness(images: Iterable[np.ndarray], estimator: str = "max") -> Smoothness:
    """F, G and H of a set of images (H, W) in [0, 1], per pixel: the largest value of any image.

    G is from differences of neighbors, H from second differences, both in px; divide them by h and h^2 for a domain
    of radius 1. ``estimator`` says how their suprema over one image are estimated: by the maximum, "max", or by the
    99.9 % quantile, "q99.9", which ignores single pixels and is then no bound for them. Differences over whole pixels
    are means of derivatives, so neither estimator sees variation within a pixel. Raises SettingError for an unknown
    estimator, without images, and for an image of fewer than 3 x 3 px.
    """
    if estimator not in ESTIMATORS:
        raise SettingError(f'unknown estimator "{estimator}".{suggest(estimator, ESTIMATORS)}')
    found = [_suprema(image, ESTIMATORS[estimator]) for image in images]
    if not found:
        raise SettingError("F, G and H need at least one image")
    value, gradient, hessian = np.max(found, axis=0).tolist()
    name = {"max": "maximum", "q99.9": "99.9 % quantile"}[estimator]
    estimator = f"{name} of finite differences of {count(len(found), 'image')}"
    return Smoothness(value=value, gradient=gradient, hessian=hessian, estimator=estimator)


def kernel_smoothness(samples: np.ndarray, spacing: float) -> KernelSmoothness:
    """F2, G2, H2, area and mass of a kernel sampled finely, (n, n) with ``spacing`` between samples.

    ``spacing`` is in the unit of the kernel's coordinates (px or the domain's); finite differences at a
    thirtieth of a kernel's width are its derivatives to about a percent. The support is where any sample is not 0.
    Raises SettingError for fewer than 3 x 3 samples.
    """
    value, gradient, hessian = _suprema(samples, 1.0)
    rows, columns = np.nonzero(samples)
    middle = (np.array(np.shape(samples)) - 1) / 2
    return KernelSmoothness(
        value=value,
        gradient=gradient / spacing,
        hessian=hessian / spacing**2,
        area=float(len(rows)) * spacing**2,
        radius=float(np.hypot(rows - middle[0], columns - middle[1]).max(initial=0.0)) * spacing,
        mass=float(np.abs(samples).sum()) * spacing**2,
    )


def quadrature_error(hessian: float, h: float, area: float = AREA) -> float:
    """area h^2 H / 12, the error of a sum over the grid for the integral of a function of Hessian at most H."""
    return area * h**2 * hessian / 12


def distance_errors(image: Smoothness, h: float, mu: float, area: float = AREA) -> dict[str, float]:
    """``norm`` for squared distances between images, ``data`` for the data term (mu/2) ||x - y||^2."""
    norm = quadrature_error(8 * (image.value * image.hessian + image.gradient**2), h, area)
    return {"norm": norm, "data": mu / 2 * norm}


def response_errors(
    image: Smoothness, kernel: KernelSmoothness, h: float, response: str = "abs", area: float = AREA
) -> dict[str, float]:
    """``filter`` and ``sum``: the grid errors of R(r) = integral |phi * r| ("abs") or of its square ("energy").

    ``filter`` is the error of sampling the kernel, ``sum`` that of summing the responses over the grid.
    Raises SettingError for another response.
    """
    product = image.value * kernel.hessian + 2 * image.gradient * kernel.gradient + image.hessian * kernel.value
    off = quadrature_error(product, h, kernel.area)
    if response == "abs":
        return {"filter": area * off, "sum": area * MEAN_DISTANCE * h * kernel.mass * image.gradient}
    if response == "energy":
        bend = 2 * kernel.mass**2 * (image.value * image.hessian + image.gradient**2)
        return {
            "filter": area * off * (2 * kernel.mass * image.value + off),
            "sum": quadrature_error(bend, h, area),
        }
    raise SettingError(f'unknown response "{response}".{suggest(response, ("abs", "energy"))}')


def difference_error(image: Smoothness, h: float, weight: float, area: float = AREA) -> float:
    """The error of forward differences in R(r) = (1/2) sum_i w_i integral |d_i r|^2, where ``weight`` = w_1 + w_2.

    For periodic images whose waves the grid resolves: the square of a wave's difference quotient falls short of
    omega^2 by at most omega^4 h^2 / 12, and the integral of |d_ii r|^2 is at most area H^2.
    """
    return area * weight * image.hessian**2 * h**2 / 24


def _suprema(samples: np.ndarray, share: float) -> tuple[float, float, float]:
    """F, G, H of one array (H, W), per sample; G and H as the quantile at ``share``, 1 being the supremum."""
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 2 or min(samples.shape) < 3:
        raise SettingError(f"smoothness needs an array of at least 3 x 3, got shape {samples.shape}")
    down, right = np.diff(samples, axis=0)[:, :-1], np.diff(samples, axis=1)[:-1]
    xx = np.diff(samples, 2, axis=1)[1:-1]
    yy = np.diff(samples, 2, axis=0)[:, 1:-1]
    xy = (samples[2:, 2:] - samples[2:, :-2] - samples[:-2, 2:] + samples[:-2, :-2]) / 4
    bend = np.abs(xx + yy) / 2 + np.hypot((xx - yy) / 2, xy)
    gradient, hessian = (float(np.quantile(part, share)) for part in (np.hypot(down, right), bend))
    return float(np.abs(samples).max()), gradient, hessian
