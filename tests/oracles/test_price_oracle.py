"""Checks of the price oracle against hand-sized cases, and of the formula of the price against brute force."""

import math

import numpy as np
import pytest

from . import price as oracle

UNEVEN = np.array([[3.0, 2.5, 0.5], [2.5, 3.0, 0.5], [0.5, 0.5, 2.0]])  # three pixels, the middle one like the left
MIRROR = (2, 1, 0)


def mirrored(signal):
    return signal[np.ix_(MIRROR, MIRROR)]


def test_the_covariance_of_one_wave_long():
    """A lag along x of a field that is stretched along x is worth less: the field varies slowly there."""
    turn = np.eye(2)
    along, across = (oracle.covariance(np.array(lag), 2.0, 0.0, turn) for lag in ((3, 0), (0, 3)))
    assert oracle.covariance(np.zeros(2), 2.0, 0.0, turn) == pytest.approx(1)
    assert along > across
    # |D^-1 x| is all that counts: 4 px along weigh as 2 px across
    far, near = (oracle.covariance(np.array(lag), 2.0, 0.0, turn) for lag in ((4, 0), (0, 2)))
    assert far == pytest.approx(near, abs=1e-6)


def test_the_variogram_of_the_isotropic_field_by_a_plain_grid():
    """1 - C(x), which the waves that an image cannot hold hardly enter, from a square grid of frequencies."""
    k = (np.arange(-1500, 1500) + 0.5) / 5000
    q = np.hypot(k[:, None], k)
    power = np.where(q < oracle.LIMIT, np.maximum(q, oracle.KINK) ** -2.0, 0.0)
    expected = (power * (1 - np.cos(2 * math.pi * (2 * k[:, None] + k)))).sum() / power.sum()
    assert 1 - oracle.covariance(np.array([1, 2]), 1.0, 0.0, np.eye(2)) == pytest.approx(expected, rel=2e-3)


def test_the_wiener_filter_of_two_pixels_by_hand():
    signal = np.array([[2.0, 1.0], [1.0, 2.0]])
    assert oracle.wiener(signal, 1.0, 0) == pytest.approx([5 / 8, 1 / 8])  # [[3, 1], [1, 3]]^-1 [2, 1]
    assert oracle.risk(np.array([5 / 8, 1 / 8]), signal, 1.0, 0) == pytest.approx(5 / 8)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_the_price_is_the_excess_of_the_mixture(sigma):
    """Both forms of the price by quadrature over three pixels, against the best symmetric function by brute force."""
    least = oracle.price_by_orbits(UNEVEN, MIRROR, sigma, 1)
    signals = [UNEVEN, mirrored(UNEVEN)]
    edge = 5 * math.sqrt(3 + sigma**2)
    axis = np.linspace(-edge, edge, 61)
    y = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    mixed, rho = oracle.mixture(y, signals, sigma, 1)
    own = np.array([y @ oracle.wiener(signal, sigma, 1) for signal in signals])
    density = oracle.multivariate_normal(cov=UNEVEN + sigma**2 * np.eye(3)).pdf(y)
    first = (density * (own[0] - mixed) ** 2).sum() / density.sum()
    second = (density * (rho * (own - mixed) ** 2).sum(0)).sum() / density.sum()
    assert first == pytest.approx(least, rel=1e-6)
    assert second == pytest.approx(least, rel=1e-6)
    linear = oracle.linear_price(signals, sigma, 1)
    error = oracle.risk(oracle.wiener(UNEVEN, sigma, 1), UNEVEN, sigma, 1)
    assert 0.1 < 10 * math.log10(1 + least / error) < linear


def test_the_mixture_is_the_conditional_mean():
    """Under the mixed law its error is orthogonal to whatever function of y; to that of one law alone it is not."""
    signals = [UNEVEN, mirrored(UNEVEN)]
    found = oracle.simulated(signals, 1.0, 1, 100_000, 0)
    y = found["noisy"]
    own = y @ oracle.wiener(UNEVEN, 1.0, 1)

    def score(estimate, function):
        product = (found["clean"] - estimate) * function
        return abs(product.mean()) / product.std() * len(product) ** 0.5

    functions = [y[:, 0], y[:, 2] ** 3, y[:, 1] * (y[:, 0] ** 2 - y[:, 2] ** 2), np.sign(y[:, 0] + y[:, 1]), own]
    assert max(score(found["mixed"], function) for function in functions) < 4
    assert score(own, y[:, 0]) > 10


def test_one_law_costs_nothing():
    found = oracle.simulated([UNEVEN, UNEVEN], 1.0, 1, 1000, 0)
    assert np.abs(found["excess"]).max() < 1e-9
    assert found["recognised"] == pytest.approx(0.5)
    assert oracle.linear_price([UNEVEN, UNEVEN], 1.0, 1) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("ratio", [1.3, 2.0, 2.5])
def test_little_noise_leaves_the_union_of_the_spectra(ratio):
    """The ellipses |D^T k| < 0.3 of two directions at right angles cover 4 arctan(ratio) / pi of the area of one."""
    expected = 10 * math.log10(4 * math.atan(ratio) / math.pi)
    assert oracle.spectral_price(ratio, 1e-3, 40) == pytest.approx(expected, rel=1e-3)
    assert oracle.spectral_price(ratio, 50, 40) < expected
