"""The solvable case against dense algebra, and the theorems against the solvable case: never violated."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.results import Bound
from symmetry_audit.theory import (
    AREA,
    ExactTurn,
    QuadraticProblem,
    Waves,
    continuous_bound,
    difference_error,
    difference_filters,
    distance_errors,
    kernel_smoothness,
    mesh_bound,
    mesh_frequencies,
    network_bound,
    response_errors,
    trivial_bound,
)
from tests.oracles import bounds as oracle

WEIGHT, RHO = 0.05, 0.4
# turn -> the largest |k| of its fields: the first waves that it keeps on the torus are turned into their mirror image,
# which a mirror-symmetric stencil cannot tell from them
LARGEST = {ExactTurn(2, 1): 6, ExactTurn(3, 2): 9, ExactTurn(1, 1): 6, ExactTurn(5, 1): 12}
TURNS = tuple(LARGEST)
SIZES = (16, 32, 64, 128)


def resolving(turn: ExactTurn) -> tuple[int, ...]:
    return tuple(size for size in SIZES if size > 2 * LARGEST[turn])


def weights(anisotropy: float) -> tuple[float, float]:
    return WEIGHT * (1 + anisotropy), WEIGHT * (1 - anisotropy)


def exact(size: int, anisotropy: float) -> QuadraticProblem:
    """The continuous problem: its symbol at the waves that the mesh resolves."""
    x, y = mesh_frequencies(size)
    first, second = weights(anisotropy)
    return QuadraticProblem(first * x**2 + second * y**2)


def differences(size: int, anisotropy: float) -> QuadraticProblem:
    """The mesh problem, by forward differences."""
    return QuadraticProblem.of_filters(difference_filters(size, weights(anisotropy)))


def disc_filters(size: int, strength: float = 40.0) -> list[np.ndarray]:
    """A pair of kernels with bounded second derivatives and no more, sampled on the periodic mesh, times h^2."""
    at = 2 / size * np.fft.fftfreq(size, 1 / size)
    points = np.stack(np.meshgrid(at, at), axis=-1)
    return list(strength * (2 / size) ** 2 * oracle.disc_kernel(points, RHO))


def field(turn: ExactTurn, seed: int) -> Waves:
    return Waves.random(turn, LARGEST[turn], np.random.default_rng(seed))


def slope(x, y) -> float:
    """Of the logarithms, by least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


# --- the operator


@pytest.mark.parametrize("data", [1.0, 0.3])
def test_the_closed_form_is_the_minimiser(data: float) -> None:
    rng = np.random.default_rng(4)
    kernels = [rng.normal(size=(6, 6)), rng.normal(size=(6, 6))]
    y = rng.normal(size=(6, 6))
    problem = QuadraticProblem.of_filters(kernels, data)
    solved, hessian = oracle.normal_equations(y, kernels, data)
    assert np.allclose(problem.solve(y), solved, rtol=0, atol=1e-12)
    assert np.allclose(problem.solve(y), oracle.searched_minimum(y, kernels, data), rtol=0, atol=1e-6)
    assert problem.mu == pytest.approx(np.linalg.eigvalsh(hessian)[0])
    assert problem.energy(solved, y) == pytest.approx(oracle.energy(solved, y, kernels, data))
    assert problem.energy(y, y) == pytest.approx(oracle.energy(y, y, kernels, data)) == problem.regularizer(y)
    assert problem.h == pytest.approx(1 / 3)


def test_forward_differences_by_hand() -> None:
    x = np.zeros((4, 4))
    x[1, 2] = 1.0  # row 1, column 2
    along_x, along_y = difference_filters(4, (1.0, 9.0))
    right = np.roll(x, -1, axis=1) - x
    below = np.roll(x, -1, axis=0) - x
    expected = [right / 0.5, 3 * below / 0.5]
    for kernel, wanted in zip((along_x, along_y), expected, strict=True):
        assert np.allclose((oracle.periodic_matrix(kernel) @ x.ravel()).reshape(4, 4), wanted)
    problem = QuadraticProblem.of_filters((along_x, along_y))
    assert problem.regularizer(x) == pytest.approx(0.25 * (2 * 4 + 2 * 36) / 2)


def test_symbols_of_both_discretisations_approach_the_exact_ones() -> None:
    mesh, limit = differences(256, 0.3).symbol, exact(256, 0.3).symbol
    assert np.allclose(mesh[:4, :4], limit[:4, :4], rtol=2e-3)
    x, y = mesh_frequencies(256)
    closed = 40.0**2 * oracle.disc_symbol(np.hypot(x, y), RHO)
    sampled = QuadraticProblem.of_filters(disc_filters(256)).symbol
    assert np.allclose(sampled[:8, :8], closed[:8, :8], rtol=1e-4, atol=1e-6 * closed.max())


# --- turns


@pytest.mark.parametrize("turn", TURNS)
def test_turns_are_those_of_spec_3(turn: ExactTurn) -> None:
    waves = field(turn, seed=2)
    turned = oracle.turned_waves(waves.k, waves.amplitudes, waves.phases, np.radians(turn.angle_deg), 25)
    assert np.allclose(turn(waves.sample(25)), turned, rtol=0, atol=1e-12)
    there = Waves(turn.frequencies(waves.k), waves.amplitudes, waves.phases)
    assert np.allclose(there.sample(25), turned, rtol=0, atol=1e-12)
    assert np.allclose((~turn)(turn(waves.sample(25))), waves.sample(25), rtol=0, atol=1e-12)


def test_angles_and_the_sense_of_the_turn() -> None:
    assert [turn.angle_deg for turn in TURNS] == pytest.approx([53.130102, 67.380135, 90, 22.619865])
    assert (~TURNS[0]).angle_deg == -TURNS[0].angle_deg
    waves = np.array([[1, 0], [0, 1]])  # to the right, down: after a quarter turn up, to the right
    assert TURNS[2].frequencies(waves).tolist() == [[0, -1], [1, 0]]


def test_waves_stay_within_their_smoothness() -> None:
    waves = field(TURNS[0], seed=9)
    shape, h = waves.smoothness(), 2 / 256
    assert shape.value == pytest.approx(1.0)
    for problem in (differences(256, 0.5), exact(256, 0.0)):
        restored = problem.solve(waves.sample(256))
        for samples in (waves.sample(256), restored, TURNS[0](restored)):
            down, right = np.gradient(samples, h)
            assert np.abs(samples).max() <= shape.value
            assert np.hypot(down, right).max() <= shape.gradient
            assert np.abs(np.gradient(right, h, axis=1)).max() <= shape.hessian


# --- the theorems on it: what they say, the slack, the slopes


def theorem_3_3(size: int, anisotropy: float, turn: ExactTurn, seed: int) -> tuple[float, Bound]:
    waves, problem = field(turn, seed), exact(size, anisotropy)
    y = waves.sample(size)
    trivial = trivial_bound(waves.smoothness())
    bound = continuous_bound(problem.epsilon(y, turn), problem.mu, trivial=trivial)
    return problem.equivariance_error(y, turn), bound


def theorem_3_7(size: int, anisotropy: float, turn: ExactTurn, seed: int) -> tuple[float, Bound]:
    """epsilon of the exact regularizer at what the mesh problem restored; the mesh term from F, G and H alone."""
    waves, mesh = field(turn, seed), differences(size, anisotropy)
    y, shape = waves.sample(size), waves.smoothness()
    off = {
        **distance_errors(shape, mesh.h, mesh.mu),
        "difference": difference_error(shape, mesh.h, sum(weights(anisotropy))),
    }
    epsilon = exact(size, anisotropy).epsilon(y, turn, mesh)
    return mesh.equivariance_error(y, turn), mesh_bound(epsilon, mesh.mu, off, trivial=trivial_bound(shape))


def test_the_argument_of_theorem_3_3_step_by_step() -> None:
    """Both inequalities of strong convexity, their sum, and the sum of signed differences that bounds it."""
    turn, problem = TURNS[0], exact(32, 0.4)
    y = field(turn, seed=1).sample(32)
    turned = turn(y)
    x, z = problem.solve(y), problem.solve(turned)
    distance = problem.equivariance_error(y, turn)
    first = problem.energy(turn(x), turned) - problem.energy(z, turned)
    second = problem.energy((~turn)(z), y) - problem.energy(x, y)
    assert first >= problem.mu / 2 * distance
    assert second >= problem.mu / 2 * distance
    assert problem.squared_norm((~turn)(z) - x) == pytest.approx(distance)
    brackets = [
        problem.regularizer(turn(x)) - problem.regularizer(x),
        problem.regularizer((~turn)(z)) - problem.regularizer(z),
    ]
    assert first + second == pytest.approx(sum(brackets))
    assert max(map(abs, brackets)) == problem.epsilon(y, turn)
    assert problem.mu * distance <= sum(brackets) <= 2 * problem.epsilon(y, turn)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("anisotropy", [0.0, 0.001, 0.01, 0.1, 0.5, 1.0])
def test_no_bound_is_ever_violated(turn: ExactTurn, anisotropy: float) -> None:
    rounding = 1e-25
    for seed in range(3):
        error, bound = theorem_3_3(32, anisotropy, turn, seed)
        assert error <= bound.total + rounding
        for size in resolving(turn):
            error, bound = theorem_3_7(size, anisotropy, turn, seed)
            assert error <= bound.total + rounding
            assert error <= bound.trivial


@pytest.mark.parametrize("turn", TURNS)
def test_on_the_mesh_itself_2_epsilon_over_mu_holds_without_a_mesh_term(turn: ExactTurn) -> None:
    """Exact turns keep mesh norms, so the mesh problem is one more problem of Theorem 3.3, with its own epsilon."""
    for size in resolving(turn):
        mesh, y = differences(size, 0.0), field(turn, seed=5).sample(size)
        assert mesh.equivariance_error(y, turn) <= 2 * mesh.epsilon(y, turn) / mesh.mu + 1e-25


def test_quarter_turns_of_a_symmetric_stencil_are_exact() -> None:
    turn, mesh = ExactTurn(1, 1), differences(32, 0.0)
    y = field(turn, seed=3).sample(32)
    assert mesh.equivariance_error(y, turn) < 1e-28
    assert differences(32, 0.1).equivariance_error(y, turn) > 1e-6


def test_slopes_in_epsilon() -> None:
    """The squared error falls with the square of epsilon, the bound with epsilon: its slack grows as epsilon falls."""
    small = [1e-5, 1e-4, 1e-3]  # beyond, some fields leave the limit
    found = [theorem_3_3(32, a, TURNS[0], 0) for a in small]
    errors = [error for error, _ in found]
    totals = [bound.total for _, bound in found]
    assert slope(totals, errors) == pytest.approx(2.0, abs=0.1)
    assert slope(small, totals) == pytest.approx(1.0, abs=0.1)
    error, bound = theorem_3_3(32, 0.1, TURNS[0], 0)
    assert error < bound.total < 1000 * error


def test_slopes_in_h() -> None:
    """Without anisotropy the squared error is of fourth order in h, the bound of second."""
    found = [theorem_3_7(size, 0.0, TURNS[0], 0) for size in SIZES]
    h = [2 / size for size in SIZES]
    assert slope(h[1:], [error for error, _ in found[1:]]) == pytest.approx(4.0, abs=0.15)
    assert slope(h, [bound.total for _, bound in found]) == pytest.approx(2.0, abs=1e-6)


def test_with_anisotropy_a_finer_mesh_stops_helping() -> None:
    errors, bounds = zip(*(theorem_3_7(size, 0.5, TURNS[0], 0) for size in (128, 256)), strict=True)
    limit, _ = theorem_3_3(128, 0.5, TURNS[0], 0)
    assert errors[1] == pytest.approx(limit, rel=1e-2)
    assert bounds[1].terms["epsilon"] == pytest.approx(bounds[0].terms["epsilon"], rel=1e-2)


@pytest.mark.parametrize("size", [20, 32, 64])
@pytest.mark.parametrize("turn", TURNS[:2])
def test_sampled_kernels_keep_the_bound_of_a_run(turn: ExactTurn, size: int) -> None:
    """The composition of C from F2, G2, H2 that `run_bounds` uses, where the answer is known."""
    waves, mesh = field(turn, seed=6), QuadraticProblem.of_filters(disc_filters(size))
    shape, y = waves.smoothness(), waves.sample(size)
    u = np.linspace(-RHO, RHO, 401)
    pair = 40.0 * oracle.disc_kernel(np.stack(np.meshgrid(u, u), axis=-1), RHO)
    off = distance_errors(shape, mesh.h, mesh.mu)
    for phi in pair:  # R is half the sum of the two energies
        for name, value in response_errors(shape, kernel_smoothness(phi, u[1] - u[0]), mesh.h, "energy").items():
            off[name] = off.get(name, 0.0) + value / 2
    x, y_axis = mesh_frequencies(size)
    limit = QuadraticProblem(40.0**2 * oracle.disc_symbol(np.hypot(x, y_axis), RHO))
    assert limit.equivariance_error(y, turn) < 1e-25  # isotropic: what is left is the mesh
    for restored in (mesh.solve(y), turn(mesh.solve(y))):
        assert abs(mesh.regularizer(restored) - limit.regularizer(restored)) <= off["filter"] + off["sum"]
    bound = mesh_bound(limit.epsilon(y, turn, mesh), mesh.mu, off, trivial=trivial_bound(shape))
    assert 1e-20 < mesh.equivariance_error(y, turn) <= bound.total


@pytest.mark.parametrize("anisotropy", [0.01, 0.1, 0.5, 1.0])
def test_theorem_4_2_for_the_isotropic_filter(anisotropy: float) -> None:
    """The network is the filter of the isotropic problem: it has the symmetry, and it is not the optimal operator."""
    for turn in TURNS:
        waves = field(turn, seed=8)
        y, optimal, net = waves.sample(32), exact(32, anisotropy), exact(32, 0.0)
        assert net.equivariance_error(y, turn) < 1e-25
        loss, bound = optimal.squared_norm(net.solve(y) - optimal.solve(y)), theorem_3_3(32, anisotropy, turn, 8)[1]
        turned = optimal.squared_norm(net.solve(turn(y)) - optimal.solve(turn(y)))
        assert 0 < turned <= network_bound(loss, bound).total


# --- errors


def test_what_cannot_be_turned_or_solved() -> None:
    turn = ExactTurn(2, 1)
    with pytest.raises(SettingError, match=r"rotating by 53.13 degrees maps some waves of the field off the torus"):
        turn(np.cos(np.pi * np.arange(16) / 8)[None, :].repeat(16, 0))
    waves = Waves(np.array([[5, 5]]), np.array([1.0]), np.array([0.3]))
    with pytest.raises(SettingError, match="a grid of 13 points does not resolve the rotated field; use a finer grid"):
        turn(waves.sample(13))
    assert turn.frequencies(waves.k).tolist() == [[7, -1]]
    with pytest.raises(SettingError, match="p and q that are not both 0"):
        ExactTurn(0, 0)
    with pytest.raises(
        SettingError, match=r"symbol must be a square array of values of at least 0, got shape \(2, 3\)"
    ):
        QuadraticProblem(np.ones((2, 3)))
    with pytest.raises(SettingError, match=r"of at least 0, got shape \(2, 2\)"):
        QuadraticProblem(np.array([[0.0, 1], [-1, 0]]))
    for data in (0.0, float("nan")):
        with pytest.raises(SettingError, match=f"data must be above 0, got {data:g}"):
            QuadraticProblem(np.ones((2, 2)), data)
    with pytest.raises(SettingError, match="weights must be at least 0, got 1, -2"):
        difference_filters(4, (1, -2))


def test_a_constant_and_an_empty_field_turn_into_themselves() -> None:
    turn = ExactTurn(2, 1)
    assert np.allclose(turn(np.full((8, 8), 0.3)), 0.3)
    assert not turn(np.zeros((8, 8))).any()
    assert QuadraticProblem(np.zeros((8, 8))).squared_norm(np.ones((8, 8))) == AREA
