"""Checks of the bounds oracle against hand-sized cases and direct sums."""

import math

import numpy as np
import pytest

from . import bounds as oracle


def test_periodic_matrix_by_hand():
    kernel = np.zeros((3, 3))
    kernel[0, 1] = 5.0  # takes the neighbour to the left
    x = np.arange(9.0).reshape(3, 3)
    found = (oracle.periodic_matrix(kernel) @ x.ravel()).reshape(3, 3)
    assert found.tolist() == [[10, 0, 5], [25, 15, 20], [40, 30, 35]]


def test_both_minimisers_agree_and_nothing_lies_lower():
    rng = np.random.default_rng(1)
    kernels, y = [rng.normal(size=(4, 4)) for _ in range(2)], rng.normal(size=(4, 4))
    solved, _ = oracle.normal_equations(y, kernels, 0.7)
    assert np.allclose(solved, oracle.searched_minimum(y, kernels, 0.7), atol=1e-7)
    least = oracle.energy(solved, y, kernels, 0.7)
    assert all(least < oracle.energy(solved + 0.1 * rng.normal(size=(4, 4)), y, kernels, 0.7) for _ in range(20))


def test_a_quarter_turn_is_counter_clockwise_on_the_screen():
    """A wave to the right that is 1 at x = 0.25 is, turned, 1 at y = -0.25: further up."""
    turned = oracle.turned_waves([(1, 0)], [1.0], [-0.25 * math.pi], math.pi / 2, 8)
    assert turned[-1] == pytest.approx(np.ones(8))  # row -1 is y = -0.25
    assert turned[1] == pytest.approx(np.zeros(8), abs=1e-12)


@pytest.mark.parametrize("omega", [0.0, 1.0, 5.0, 17.0])
def test_the_closed_form_of_the_disc_kernels(omega):
    rho, at = 0.4, np.linspace(-0.4, 0.4, 801)
    points = np.stack(np.meshgrid(at, at), axis=-1)
    wave = np.exp(-1j * omega * (points @ [0.6, 0.8]))
    direct = [(part * wave).sum() * (at[1] - at[0]) ** 2 for part in oracle.disc_kernel(points, rho)]
    assert oracle.disc_symbol(omega, rho) == pytest.approx(
        sum(abs(value) ** 2 for value in direct), rel=1e-6, abs=1e-20
    )


def test_theorem_37_by_hand():
    # F = G = H = 1, area 4, h = 1/2, mu = 2: distances (1/12)(2)(4 + 4) = 4/3, data 4/3
    assert oracle.theorem_37(3.0, 2.0, 1, 1, 1, 4.0, 0.5, 0.5) == pytest.approx(3 + 4 / 3 + 2 * (4 / 3 + 0.5))
