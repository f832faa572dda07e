"""The median of deformations against scipy's minimum and the closed-form distance of the hyperbolic plane."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, affine_distance, geometric_median


def closed_form(one: np.ndarray, other: np.ndarray) -> float:
    """ln of the axis ratio of D_1^-1 D_2 from its singular values."""
    high, low = np.linalg.svd(np.linalg.inv(one) @ other, compute_uv=False)
    return float(np.log(high / low))


def drawn(rng: np.random.Generator, count: int) -> list[Affine]:
    return [Affine.from_axes(rng.uniform(0, np.pi), rng.uniform(1, 2)) for _ in range(count)]


def test_distance_is_that_of_the_relative_deformation(rng):
    for one, other in zip(drawn(rng, 20), drawn(rng, 20), strict=True):
        assert affine_distance(one, other) == pytest.approx(closed_form(one.matrix, other.matrix), abs=1e-12)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_median_minimises_the_sum_of_distances(rng, count):
    points = drawn(rng, count)

    def cost(w: np.ndarray) -> float:
        return sum(closed_form(Affine(*w).matrix, point.matrix) for point in points)

    found = geometric_median(points)
    best = minimize(cost, [found.a + 0.05, found.b - 0.05], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 0})
    assert cost(np.array([found.a, found.b])) <= best.fun + 1e-9
    if count not in (2,):  # between two points every one on the way has the same sum
        assert [found.a, found.b] == pytest.approx(best.x, abs=1e-5)


def test_outliers_below_half_move_it_little():
    crowd = [Affine(0.3 + 1e-3 * k, 0.1) for k in range(-5, 6)]
    found = geometric_median([*crowd, *[Affine(-0.6, -0.3)] * 10])
    assert found.a == pytest.approx(0.3, abs=0.02)
    assert found.b == pytest.approx(0.1, abs=0.02)


def test_several_at_one_place_hold_it(rng):
    here = Affine(0.2, -0.1)
    found = geometric_median([here] * 12 + drawn(rng, 9))
    assert [found.a, found.b] == pytest.approx([0.2, -0.1], abs=1e-9)


def test_it_moves_along_when_all_turn(rng):
    points = drawn(rng, 9)
    found = geometric_median(points)
    turned = geometric_median([Affine.from_axes(point.alpha + 0.4, point.ratio) for point in points])
    assert affine_distance(turned, Affine.from_axes(found.alpha + 0.4, found.ratio)) < 1e-7


def test_none_has_no_median():
    with pytest.raises(SettingError, match="no deformation"):
        geometric_median([])
