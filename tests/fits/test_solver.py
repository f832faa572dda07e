"""The solver on problems whose minimum is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import hypot, log, pi
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symmetry_audit.fits import _solver, proxy, solve
from symmetry_audit.groups import Affine
from tests.oracles import affine as oracle

ELEMENTS = 16
ANGLES = 2 * pi * np.arange(ELEMENTS) / ELEMENTS
LIMIT = log(2.0)
IDENTITY = Affine(0.0, 0.0)


@dataclass
class Known:
    """In place of a WindowSample: mean responses that are a given function of (a, b)."""

    function: object
    family: object = field(default_factory=lambda: SimpleNamespace(max_ratio=2.0))
    rows: np.ndarray = field(default_factory=lambda: np.arange(10))
    asked: list = field(default_factory=list)

    def thinned(self, step: int) -> Known:
        return self

    def profiles(self, affine: Affine, stencils: tuple[int, ...]) -> np.ndarray:
        self.asked.append((affine.a, affine.b))
        return self._values(affine.a, affine.b, stencils)

    def _values(self, a: float, b: float, stencils: tuple[int, ...]) -> np.ndarray:
        return np.stack([self.function(a, b, r) for r in stencils])

    def slopes(self, affine: Affine, stencils: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        (a, b), h = (affine.a, affine.b), 1e-6
        along_a = self._values(a + h, b, stencils) - self._values(a - h, b, stencils)
        along_b = self._values(a, b + h, stencils) - self._values(a, b - h, stencils)
        return self.profiles(affine, stencils), np.stack([along_a, along_b], axis=-1) / (2 * h)


def bowl(a0: float, b0: float, steep: tuple[float, float] = (0.3, 0.3), rest: float = 0.0, level: float = 5.0):
    """Profiles whose proxy is (steep_a^2 (a - a0)^2 + steep_b^2 (b - b0)^2 + rest^2) / 2."""

    def profile(a: float, b: float, stencil: int) -> np.ndarray:
        waves = (steep[0] * (a - a0) * np.cos(ANGLES), steep[1] * (b - b0) * np.sin(ANGLES), rest * np.cos(3 * ANGLES))
        return level * (1 + sum(waves))

    return profile


def objective(function, a: float, b: float) -> float:
    return float(proxy(function(a, b, 0)))


def test_proxy_by_hand() -> None:
    assert proxy(np.array([1.0, 3.0])) == 0.25
    assert proxy(np.array([[1.0, 3.0], [5.0, 5.0]])).tolist() == [0.25, 0.0]
    profile = np.random.default_rng(0).uniform(1, 2, (3, 7))
    assert proxy(profile).tolist() == pytest.approx([oracle.scaled_variance(row) for row in profile], rel=1e-12)
    assert proxy(9 * profile).tolist() == pytest.approx(proxy(profile).tolist(), rel=1e-12)


@pytest.mark.parametrize("rest", [0.0, 0.1])
@pytest.mark.parametrize("minimum", [(0.0, 0.0), (0.3, -0.2), (-0.5, 0.4), (0.0, 0.69)])
def test_a_bowl_is_solved_at_once(minimum: tuple[float, float], rest: float) -> None:
    """Residuals are linear: Gauss-Newton goes there in one step, whatever is left over at the bottom."""
    sample = Known(bowl(*minimum, rest=rest))
    found = solve(sample, (0,), [IDENTITY])
    assert (found.affine.a, found.affine.b) == pytest.approx(minimum, abs=1e-3)
    assert found.converged and not found.at_limit
    assert found.iterations <= 5


@pytest.mark.parametrize("steep", [(0.3, 0.3), (0.5, 0.1), (0.05, 0.6), (1.0, 0.02)])
@pytest.mark.parametrize("minimum", [(1.5, 0.0), (0.8, 0.8), (-0.2, 1.1), (-0.6, -0.9), (3.0, -2.0)])
def test_the_best_point_of_the_rim(minimum: tuple[float, float], steep: tuple[float, float]) -> None:
    """Beyond the largest ratio the nearest point of the disc is not the best one, where V is not round."""
    function = bowl(*minimum, steep)
    found = solve(Known(function), (0,), [IDENTITY])
    rim = np.linspace(0, 2 * pi, 20001)
    best = min(objective(function, LIMIT * np.cos(t), LIMIT * np.sin(t)) for t in rim)
    assert found.at_limit and found.converged
    assert hypot(found.affine.a, found.affine.b) == pytest.approx(LIMIT, rel=1e-9)
    assert objective(function, found.affine.a, found.affine.b) <= best * 1.001 + 1e-9


def test_the_better_of_two_starts_wins() -> None:
    """Two valleys of relative depth 1 and 2: one start in each."""

    def profile(a: float, b: float, stencil: int) -> np.ndarray:
        shallow, deep = np.exp(-((a + 0.4) ** 2 + b**2) / 0.05), np.exp(-((a - 0.4) ** 2 + b**2) / 0.05)
        return 1 + (0.4 - 0.1 * shallow - 0.2 * deep) * np.cos(ANGLES) + 0.02 * b * np.sin(ANGLES)

    near = [Affine(-0.35, 0.02), Affine(0.3, -0.05)]
    for starts in (near, near[::-1]):
        found = solve(Known(profile), (0,), starts)
        assert (found.affine.a, found.affine.b) == pytest.approx((0.4, 0.0), abs=5e-3)
    assert solve(Known(profile), (0,), near[:1]).affine.a == pytest.approx(-0.4, abs=5e-3)


def test_each_term_of_a_joint_fit_is_divided_by_its_value_near_ratio_one() -> None:
    """Two bowls with minima 0.2 and -0.2 on the axis; the one with the larger proxy at 0 must not rule."""
    depths = (0.5, 0.05)
    functions = [bowl(0.2, 0.0, (depths[0], 0.3)), bowl(-0.2, 0.0, (depths[1], 0.3), level=900.0)]
    sample = Known(lambda a, b, r: functions[r](a, b, r))
    # (a - 0.2)^2 / 0.2^2 + (a + 0.2)^2 / 0.2^2 is smallest at 0
    assert solve(sample, (0, 1), [Affine(0.1, 0.1)]).affine.a == pytest.approx(0.0, abs=1e-3)
    assert solve(sample, (1,), [Affine(0.1, 0.1)]).affine.a == pytest.approx(-0.2, abs=1e-3)


def test_a_profile_that_is_flat_at_ratio_one_divides_by_no_zero() -> None:
    found = solve(Known(bowl(0.0, 0.0)), (0,), [Affine(0.3, 0.1)])
    assert hypot(found.affine.a, found.affine.b) < 1e-3


def test_no_end_within_the_rounds_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bent valley, along which every step is short."""

    def profile(a: float, b: float, stencil: int) -> np.ndarray:
        return 1 + 5 * (b - 3 * a**2) * np.cos(ANGLES) + 0.1 * (0.4 - a) * np.sin(ANGLES)

    start = [Affine(-0.4, 0.45)]
    hurried = solve(Known(profile), (0,), start)
    assert not hurried.converged and hurried.iterations == 2 * _solver.ROUNDS
    monkeypatch.setattr(_solver, "ROUNDS", 500)
    found = solve(Known(profile), (0,), start)
    assert found.converged and (found.affine.a, found.affine.b) == pytest.approx((0.4, 0.48), abs=5e-3)


def test_coarse_samples_are_asked_first() -> None:
    """From every twelfth of 25,000 windows, as the function of their number tells."""
    counts = []

    @dataclass
    class Counting(Known):
        def thinned(self, step: int) -> Known:
            counts.append(step)
            return self

    solve(Counting(bowl(0.1, 0.1), rows=np.arange(25_000)), (0,), [IDENTITY])
    solve(Counting(bowl(0.1, 0.1), rows=np.arange(10)), (0,), [IDENTITY])
    assert counts == [12, 1]


points = st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))


@settings(max_examples=60, deadline=None)
@given(points, st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), st.floats(0, 0.5), st.floats(-1, 1), points)
def test_never_outside_the_disc_nor_worse_than_the_start(minimum, steep, rest, bend, start) -> None:
    def profile(a: float, b: float, stencil: int) -> np.ndarray:
        return bowl(*minimum, steep, rest)(a + bend * b**2, b - bend * a**2, 0)

    length = max(1.0, hypot(*start) / LIMIT)
    first = Affine(start[0] / length, start[1] / length)
    sample = Known(profile)
    found = solve(sample, (0,), [first, IDENTITY])
    assert hypot(found.affine.a, found.affine.b) <= LIMIT * (1 + 1e-12)
    assert found.at_limit == (hypot(found.affine.a, found.affine.b) >= LIMIT * (1 - 1e-6))
    assert max(hypot(*point) for point in sample.asked) <= LIMIT * (1 + 1e-12)
    best = min(objective(profile, w.a, w.b) for w in (first, IDENTITY))
    assert objective(profile, found.affine.a, found.affine.b) <= best * (1 + 1e-12) + 1e-9
