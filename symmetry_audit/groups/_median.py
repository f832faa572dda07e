"""The geometric median of deformations, in a geometry where only their relative deformation counts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.groups._affine import Affine

__all__ = ["affine_distance", "geometric_median"]

STEPS, SMALL = 200, 1e-12


def affine_distance(one: Affine, other: Affine) -> float:
    """ln of the axis ratio of D_1^-1 D_2: the distance of two groups G_w, 0 where they are the same.

    The distance of D_1^2 and D_2^2 as points of the hyperbolic plane, invariant under deforming both alike.
    """
    return float(np.linalg.norm(_coordinates(_matrices([other]), _root(_squared(one)))[0]))


def geometric_median(affines: Iterable[Affine]) -> Affine:
    """The deformation whose distances to all ``affines`` have the smallest sum; up to half may be outliers.

    By the Weiszfeld iteration in the tangent plane (Fletcher et al. 2009). Coordinates (a, b) cannot be averaged:
    the distance of two deformations is not that of their coordinates. Raises SettingError where there are none.
    """
    points = _matrices(list(affines))
    if not len(points):
        raise SettingError("there is no deformation to take the median of")
    middle = np.eye(2)
    for _ in range(STEPS):
        root = _root(middle)
        tangents = _coordinates(points, root)
        distances = np.linalg.norm(tangents, axis=1)
        away = distances > SMALL
        if not away.any():
            break
        weights = 1 / distances[away]
        pull = weights @ tangents[away]
        # a point that coincides with the middle pulls it back with force 1 (Vardi and Zhang 2000)
        left = max(0.0, 1 - np.count_nonzero(~away) / max(np.linalg.norm(pull), SMALL))
        step = left * pull / weights.sum()
        middle = root @ _squared(Affine(*step)) @ root
        if np.linalg.norm(step) < SMALL:
            break
    return Affine(*_coordinates(middle[None], np.eye(2))[0].tolist())


def _squared(affine: Affine) -> np.ndarray:
    return affine.matrix @ affine.matrix


def _matrices(affines: list[Affine]) -> np.ndarray:
    """D^2 of each, (n, 2, 2)."""
    return np.array([_squared(affine) for affine in affines]).reshape(-1, 2, 2)


def _root(matrix: np.ndarray) -> np.ndarray:
    """The square root of a symmetric positive definite matrix of determinant one."""
    return (matrix + np.eye(2)) / np.sqrt(np.trace(matrix) + 2)


def _coordinates(matrices: np.ndarray, root: np.ndarray) -> np.ndarray:
    """(a, b) of root^-1 D^2 root^-1, (n, 2), for D^2 = exp [[a, -b], [-b, -a]] relative to the middle root^2."""
    inverse = np.linalg.inv(root)
    relative = inverse @ matrices @ inverse
    half = (relative[:, 0, 0] - relative[:, 1, 1]) / 2
    off = -relative[:, 0, 1]
    sinh = np.hypot(half, off)
    length = np.arcsinh(sinh)
    scale = np.divide(length, sinh, out=np.ones_like(sinh), where=sinh > 0)
    return np.stack([half * scale, off * scale], axis=1)
