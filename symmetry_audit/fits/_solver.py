"""Minimizing the variance proxy over w = (a, b): Gauss-Newton on a sample, then on the whole image (SPEC 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot, log

import numpy as np
from scipy.optimize import brentq

from symmetry_audit.fits._sample import WindowSample
from symmetry_audit.groups import Affine

__all__ = ["Solution", "proxy", "solve"]

Profiles = Callable[[Affine], np.ndarray]  # w -> mean responses (R, E)
Residuals = Callable[[np.ndarray], np.ndarray]  # (a, b) -> residuals whose squares add up to the objective
STEP = 1e-3  # of the finite differences in (a, b): far below any ratio that matters, far above rounding
ROUNDS, POLISHES = 15, 4
COARSE = 2048  # windows for the first minimum
TOLERANCE = 2e-4  # in (a, b): 0.02 % of the ratio
REFERENCE = Affine.from_axes(0.0, 1 + 1e-4)  # each term of a joint objective is divided by its value here
GAIN = 0.008, 2e-3**2  # last steps must promise to lower the proxy by more than this share and this amount


@dataclass(frozen=True)
class Solution:
    """The minimum found.

    ``iterations`` counts the steps from all starts and on the whole image; ``converged``: the last step was
    negligible; ``at_limit``: the ratio is the largest admitted, and the minimum is that on the rim of the disc.
    """

    affine: Affine
    iterations: int
    converged: bool
    at_limit: bool


def proxy(profiles: np.ndarray) -> np.ndarray:
    """Variance over t divided by the squared mean over t, (..., T) -> (...): Sec. 6.1 of [SA] made scale free.

    Half of the elements suffice where the other half repeats them. Undefined where the mean is zero.
    """
    return profiles.var(-1) / np.square(profiles.mean(-1))


def solve(
    sample: WindowSample, stencils: tuple[int, ...], starts: Sequence[Affine], exact: Profiles | None = None
) -> Solution:
    """Minimize the sum over ``stencils`` of their proxies, each divided by its value at ratio 1 + 1e-4.

    The minimum is that over the disc |(a, b)| <= ln(largest ratio).
    ``stencils`` are positions in the sample's family. Gauss-Newton runs on every n-th window from each of
    ``starts``, then on all windows from the best result. ``exact`` gives the profiles of the whole image, (R, E), for a
    few last steps; without it the minimum is that of the sample. The sample must not be empty and must respond to every
    one of ``stencils``.
    """
    limit = log(sample.family.max_ratio)
    coarse = sample.thinned(max(1, len(sample.rows) // COARSE))
    found = [_gauss_newton(_residuals(coarse, stencils), np.array([w.a, w.b]), limit) for w in starts]
    objective = _residuals(sample, stencils)
    first = min((point for point, _, _ in found), key=lambda point: _square(objective(point)))
    point, steps, converged = _gauss_newton(objective, first, limit)
    iterations = sum(count for _, count, _ in found) + steps
    if exact is not None:
        scale = _scale(sample, stencils)
        point, steps, converged = _polish(lambda p: _scaled(exact(Affine(*p)), scale), objective, point, limit, scale)
        iterations += steps
    return Solution(Affine(*point.tolist()), iterations, converged, hypot(*point) >= limit * (1 - 1e-6))


def _scale(sample: WindowSample, stencils: tuple[int, ...]) -> np.ndarray:
    """The divisor of each term of the objective, (R,), never 0, even where a profile is already flat."""
    return np.maximum(proxy(sample.profiles(REFERENCE, stencils)), 1e-12)


def _residuals(sample: WindowSample, stencils: tuple[int, ...]) -> Residuals:
    scale = _scale(sample, stencils)
    return lambda point: _scaled(sample.profiles(Affine(*point), stencils), scale)


def _scaled(profiles: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Residuals (R E,) whose squares add up to the sum over the stencils of proxy / scale."""
    relative = profiles / profiles.mean(-1, keepdims=True) - 1
    return (relative / np.sqrt(scale * profiles.shape[-1])[:, None]).ravel()


def _gauss_newton(objective: Residuals, point: np.ndarray, limit: float) -> tuple[np.ndarray, int, bool]:
    """Damped Gauss-Newton inside the disc |(a, b)| <= ``limit``: (point, iterations, converged)."""
    damping, value = 1e-3, objective(point)
    for iteration in range(1, ROUNDS + 1):
        jacobian = _jacobian(objective, point, value)
        while True:
            trial = _target(jacobian, value, point, limit, damping)
            moved, trial_value = hypot(*(trial - point)), objective(trial)
            better = _square(trial_value) < _square(value)
            if better or moved < TOLERANCE:
                break
            damping *= 10
        if better:
            point, value, damping = trial, trial_value, damping / 5
        if moved < TOLERANCE:
            return point, iteration, True
    return point, ROUNDS, False


def _polish(
    exact: Residuals, sampled: Residuals, point: np.ndarray, limit: float, scale: np.ndarray
) -> tuple[np.ndarray, int, bool]:
    """Steps with residuals of the whole image and the sample's Jacobian, while they promise a decrease."""
    value = exact(point)
    jacobian = _jacobian(sampled, point, sampled(point))
    least = GAIN[1] * (1 / scale).mean()
    for count in range(POLISHES):
        trial = _target(jacobian, value, point, limit)
        promised = _square(value) - _square(value + jacobian @ (trial - point))
        if promised <= GAIN[0] * _square(value) + least:
            return point, count, True
        trial_value = exact(trial)
        if _square(trial_value) >= _square(value):
            return point, count + 1, True
        point, value = trial, trial_value
    return point, POLISHES, False


def _jacobian(objective: Residuals, point: np.ndarray, value: np.ndarray) -> np.ndarray:
    return np.stack([(objective(point + STEP * axis) - value) / STEP for axis in np.eye(2)], axis=1)


def _target(
    jacobian: np.ndarray, value: np.ndarray, point: np.ndarray, limit: float, damping: float = 0.0
) -> np.ndarray:
    """Where in the disc |(a, b)| <= ``limit`` the residuals, linear from ``point`` on, are smallest."""
    normal = jacobian.T @ jacobian
    normal[np.diag_indices(2)] *= 1 + damping
    gradient = jacobian.T @ value
    free = point - np.linalg.lstsq(normal, gradient, rcond=1e-12)[0]
    return free if hypot(*free) <= limit else _on_rim(normal, normal @ point - gradient, free, limit)


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


def _square(value: np.ndarray) -> float:
    return float(value @ value)
