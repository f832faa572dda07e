"""Minimizing the variance proxy over w = (a, b): Gauss-Newton on a few windows, then on all of a sample (SPEC 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot, log

import numpy as np
from scipy.optimize import brentq

from symmetry_audit.fits._sample import WindowSample
from symmetry_audit.groups import Affine

__all__ = ["Solution", "proxy", "solve"]

# (a, b) -> residuals (n,) whose squares add up to the objective, and their derivatives with respect to a and b, (n, 2)
Residuals = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
ROUNDS = 15
COARSE = 2048  # windows for the first minimum
TOLERANCE = 2e-4  # in (a, b): 0.02 % of the ratio
ROUGH = 2e-3  # the same for the first minimum, which is off by more: its windows are few
REFERENCE = Affine.from_axes(0.0, 1 + 1e-4)  # each term of a joint objective is divided by its value here


@dataclass(frozen=True)
class Solution:
    """The minimum found.

    ``iterations`` counts the steps from all starts and on the whole sample; ``converged``: the next step would be
    negligible; ``at_limit``: the ratio is the largest admitted, and the minimum is that on the rim of the disc.
    """

    affine: Affine
    iterations: int
    converged: bool
    at_limit: bool


@dataclass(frozen=True)
class _Place:
    """A point (a, b) with its residuals and their derivatives."""

    point: np.ndarray
    value: np.ndarray
    jacobian: np.ndarray

    @classmethod
    def of(cls, objective: Residuals, point: np.ndarray) -> _Place:
        return cls(point, *objective(point))

    @property
    def square(self) -> float:
        """The objective."""
        return float(self.value @ self.value)


def proxy(profiles: np.ndarray) -> np.ndarray:
    """Variance over t divided by the squared mean over t, (..., T) -> (...): Sec. 6.1 of [SA] made scale free.

    Half of the elements suffice where the other half repeats them. Undefined where the mean is zero.
    """
    return profiles.var(-1) / np.square(profiles.mean(-1))


def solve(sample: WindowSample, stencils: tuple[int, ...], starts: Sequence[Affine]) -> Solution:
    """Minimize the sum over ``stencils`` of their proxies, each divided by its value at ratio 1 + 1e-4.

    The minimum is that over the disc |(a, b)| <= ln(largest ratio).
    ``stencils`` are positions in the sample's family. Gauss-Newton runs on every n-th window from each of
    ``starts``, then on all windows from the best result. The sample must not be empty and must respond to every
    one of ``stencils``.
    """
    limit = log(sample.family.max_ratio)
    coarse, whole = _residuals(_coarse(sample, stencils), stencils), _residuals(sample, stencils)
    steps, found = 0, []
    for start in starts:
        place, count, _ = _gauss_newton(coarse, _Place.of(coarse, np.array([start.a, start.b])), limit, ROUGH)
        steps += count
        near = [at for at, other in enumerate(found) if hypot(*(place.point - other.point)) <= 2 * ROUGH]
        if not near:
            found.append(place)
        elif place.square < found[near[0]].square:  # one of them suffices: the better one
            found[near[0]] = place
    first = min((_Place.of(whole, place.point) for place in found), key=lambda place: place.square)
    place, count, converged = _gauss_newton(whole, first, limit, TOLERANCE)
    affine = Affine(*place.point.tolist())
    return Solution(affine, steps + count, converged, hypot(*place.point) >= limit * (1 - 1e-6))


def _coarse(sample: WindowSample, stencils: tuple[int, ...]) -> WindowSample:
    """Every n-th window, or all where these do not respond."""
    part = sample.thinned(max(1, len(sample.rows) // COARSE))
    return part if (part.profiles(REFERENCE, stencils) > 0).all() else sample


def _residuals(sample: WindowSample, stencils: tuple[int, ...]) -> Residuals:
    # never 0, even where a profile is already flat; a single term needs no scale
    scale = np.maximum(proxy(sample.profiles(REFERENCE, stencils)), 1e-12) if len(stencils) > 1 else np.ones(1)
    return lambda point: _scaled(*sample.slopes(Affine(*point), stencils), scale)


def _scaled(profiles: np.ndarray, slopes: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residuals (R E,) whose squares add up to the sum over the stencils of proxy / scale, and derivatives (R E, 2)."""
    mean = profiles.mean(-1, keepdims=True)
    relative = profiles / mean
    along = (slopes - relative[..., None] * slopes.mean(1, keepdims=True)) / mean[..., None]
    unit = np.sqrt(scale * profiles.shape[-1])[:, None]
    return ((relative - 1) / unit).ravel(), (along / unit[..., None]).reshape(-1, 2)


def _gauss_newton(objective: Residuals, place: _Place, limit: float, tolerance: float) -> tuple[_Place, int, bool]:
    """Damped Gauss-Newton inside the disc |(a, b)| <= ``limit``, until a step is shorter than ``tolerance``:
    (place, iterations, converged)."""
    damping = 1e-3
    for iteration in range(ROUNDS):
        while True:
            trial = _target(place, limit, damping)
            if hypot(*(trial - place.point)) < tolerance:
                return place, iteration, True
            tried = _Place.of(objective, trial)
            if tried.square < place.square:
                break
            damping *= 10
        place, damping = tried, damping / 5
    return place, ROUNDS, False


def _target(place: _Place, limit: float, damping: float) -> np.ndarray:
    """Where in the disc |(a, b)| <= ``limit`` the residuals, linear from ``place`` on, are smallest."""
    normal = place.jacobian.T @ place.jacobian
    # a and b are alike: where the residuals hardly depend on one of them, it must not run away
    normal[np.diag_indices(2)] += damping * np.trace(normal) / 2
    gradient = place.jacobian.T @ place.value
    free = place.point - np.linalg.lstsq(normal, gradient, rcond=1e-12)[0]
    return free if hypot(*free) <= limit else _on_rim(normal, normal @ place.point - gradient, free, limit)


def _on_rim(normal: np.ndarray, pull: np.ndarray, free: np.ndarray, limit: float) -> np.ndarray:
    """Where on the circle |x| = ``limit`` the quadratic x^T normal x / 2 - pull^T x is smallest.

    There normal x + multiplier x = pull. It is not the point nearest to the ``free`` minimum outside: the proxy is
    flatter in some directions than in others.
    """
    values, axes = np.linalg.eigh(normal)
    along = axes.T @ pull

    def excess(multiplier: float) -> float:
        return hypot(*(along / (values + multiplier))) - limit

    most = (1 + 1e-9) * hypot(*along) / limit
    if most > 0 and excess(1e-12 * most) > 0 >= excess(most):
        free = axes @ (along / (values + brentq(excess, 1e-12 * most, most, xtol=1e-12 * most)))
    return free * (limit / hypot(*free))
