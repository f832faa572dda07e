"""Theorems 3.3, 3.7, 4.2 and Eqs. (44) to (46) as functions: the printed forms, their order, every error."""

from __future__ import annotations

from math import inf, nan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symmetry_audit.errors import SettingError
from symmetry_audit.results import Smoothness
from symmetry_audit.theory import (
    AREA,
    allowed_epsilon,
    continuous_bound,
    distance_errors,
    kappa,
    kappa_intervals,
    mesh_bound,
    network_bound,
    risk_bound,
    sampling_term,
    trivial_bound,
)
from tests.oracles import bounds as oracle

SIZES = st.floats(0, 1e3)
MUS = st.floats(1e-3, 1e3)
IMAGE = Smoothness(value=1.0, gradient=3.0, hessian=20.0)


@given(SIZES, MUS)
def test_theorem_3_3_is_2_epsilon_over_mu(epsilon: float, mu: float) -> None:
    bound = continuous_bound(epsilon, mu, trivial=16.0)
    assert bound.total == pytest.approx(2 * epsilon / mu)
    assert bound.vacuous == (2 * epsilon / mu > 16)


@given(SIZES, MUS, SIZES, st.floats(1e-3, 1))
def test_theorem_3_7_as_the_oracle_writes_it(epsilon: float, mu: float, regularizer: float, h: float) -> None:
    mesh = {**distance_errors(IMAGE, h, mu), "filter": regularizer}
    bound = mesh_bound(epsilon, mu, mesh, trivial=16.0)
    assert bound.total == pytest.approx(oracle.theorem_37(epsilon, mu, 1.0, 3.0, 20.0, 4.0, h, regularizer))
    assert list(bound.terms) == ["epsilon", "mesh: norm", "mesh: data", "mesh: filter"]
    assert bound.total == pytest.approx(sum(bound.terms.values()))


def test_the_distances_of_theorem_3_7_add_up_to_two_areas() -> None:
    """norm + (4/mu) data is 2 area (F H + G^2) h^2 whatever mu is."""
    for mu in (0.1, 1.0, 7.0):
        bound = mesh_bound(0.0, mu, distance_errors(IMAGE, 0.5, mu), trivial=1.0)
        assert bound.total == pytest.approx(2 * AREA * (1.0 * 20 + 9) * 0.25)


@given(SIZES, SIZES, MUS, SIZES)
def test_theorem_4_2_doubles_the_loss_and_theorem_3_7(loss: float, epsilon: float, mu: float, mesh: float) -> None:
    optimal = mesh_bound(epsilon, mu, {"norm": mesh}, trivial=16.0)
    bound = network_bound(loss, optimal)
    assert bound.total == pytest.approx(2 * loss + 2 * mesh + 4 * epsilon / mu)
    assert bound.terms["loss"] == 2 * loss
    assert bound.total >= optimal.total
    assert bound.trivial == optimal.trivial


@given(SIZES, SIZES, MUS, MUS, SIZES)
def test_more_epsilon_or_mesh_never_lowers_a_bound_more_convexity_never_raises_it(
    epsilon: float, more: float, mu: float, stronger: float, mesh: float
) -> None:
    def total(epsilon: float, mu: float, mesh: float) -> float:
        return mesh_bound(epsilon, mu, {"norm": mesh, "data": mesh}, trivial=1.0).total

    here = total(epsilon, mu, mesh)
    assert total(epsilon + more, mu, mesh) >= here
    assert total(epsilon, mu, mesh + more) >= here
    assert total(epsilon, mu + stronger, mesh) <= here


def test_above_the_trivial_bound_is_vacuous_at_it_is_not() -> None:
    trivial = trivial_bound(IMAGE)
    assert trivial == 16.0
    assert not continuous_bound(8.0, 1.0, trivial=trivial).vacuous
    assert continuous_bound(8.000001, 1.0, trivial=trivial).vacuous
    assert network_bound(0.0, continuous_bound(8.0, 1.0, trivial=trivial)).vacuous
    assert trivial_bound(Smoothness(value=0.5, gradient=0, hessian=0), area=3.0) == 3.0


@given(MUS, st.integers(1, 10**6), st.floats(1, 100), MUS)
def test_kappa_is_the_sampling_term_in_the_unit_of_epsilon(c: float, images: int, d: float, mu: float) -> None:
    assert sampling_term(c, images, d) == pytest.approx(sqrt(c) * images ** (-1 / d))
    assert kappa(c, images, d, mu) == pytest.approx(sqrt(c / images ** (2 / d)) * mu / 4)


@given(SIZES, st.integers(1, 64), MUS, SIZES, SIZES, SIZES)
def test_eq_46_is_where_eq_45_lies_below_eq_44(
    epsilon: float, order: int, mu: float, loss: float, mesh: float, sampling: float
) -> None:
    network = network_bound(loss, mesh_bound(epsilon, mu, {"norm": mesh}, trivial=16.0))
    risk = risk_bound(order, sampling, network).total
    others = mu / 4 * (network.total - network.terms["epsilon"])
    allowed = allowed_epsilon(order, sampling * mu / 4, others)
    assert risk - sampling == pytest.approx(4 / mu * (epsilon - allowed), rel=1e-6, abs=1e-6 * (1 + risk))


def test_allowed_epsilon_is_where_the_intervals_of_kappa_begin() -> None:
    (_, low), *_ = kappa_intervals([0.0, 0.7], [1, 16])
    assert allowed_epsilon(16, low) == pytest.approx(0.7)
    assert allowed_epsilon(1, 5.0) == 0.0
    assert allowed_epsilon(4, 1.0, 3.0) == -2.5


@pytest.mark.parametrize("bad", [-1.0, nan, inf])
def test_sizes_are_finite_and_at_least_0(bad: float) -> None:
    fine = continuous_bound(0.1, 1.0, trivial=16.0)
    calls = {
        "epsilon": lambda: continuous_bound(bad, 1.0, trivial=16.0),
        "trivial": lambda: continuous_bound(0.1, 1.0, trivial=bad),
        "data": lambda: mesh_bound(0.1, 1.0, {"data": bad}, trivial=16.0),
        "loss": lambda: network_bound(bad, fine),
        "sampling": lambda: risk_bound(4, bad, fine),
        "kappa": lambda: allowed_epsilon(4, bad),
        "terms": lambda: allowed_epsilon(4, 1.0, bad),
    }
    for name, call in calls.items():
        with pytest.raises(SettingError, match=f"{name} must be a finite number of at least 0, got {bad:g}"):
            call()


@pytest.mark.parametrize("bad", [0.0, -1.0, nan, inf])
def test_scales_are_above_0(bad: float) -> None:
    calls = {
        "mu": lambda: continuous_bound(0.1, bad, trivial=16.0),
        "area": lambda: trivial_bound(IMAGE, bad),
        "complexity": lambda: sampling_term(bad, 10, 2.0),
        "images": lambda: sampling_term(1.0, bad, 2.0),
        "dimension": lambda: kappa(1.0, 10, bad, 1.0),
    }
    for name, call in calls.items():
        with pytest.raises(SettingError, match=f"{name} must be a finite number above 0, got {bad:g}"):
            call()
    with pytest.raises(SettingError, match="mu must be a finite number above 0"):
        kappa(1.0, 10, 2.0, bad)


def test_a_group_has_an_element() -> None:
    with pytest.raises(SettingError, match="order must be a number of elements of at least 1, got 0"):
        allowed_epsilon(0, 1.0)
