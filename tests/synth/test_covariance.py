"""The covariance function of Gaussian fields: against the fields themselves and a direct sum over frequencies."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from symmetry_audit.groups import IDENTITY, Affine
from symmetry_audit.synth import gaussian_covariance, gaussian_field, power_law
from tests.oracles import price as oracle

DEFORMED = Affine.from_axes(0.3, 2.0)


class Impulse:
    """In place of random numbers: one pixel, so that the field is the filter itself."""

    def standard_normal(self, shape: tuple[int, int]) -> np.ndarray:
        noise = np.zeros(shape)
        noise[0, 0] = 1
        return noise


def periodic_covariance(size: int, affine: Affine, slope: float) -> np.ndarray:
    """That of ``gaussian_field``: the autocorrelation of its filter."""
    field = gaussian_field((size, size), affine, rng=Impulse(), power=partial(power_law, slope=slope))
    return np.fft.ifft2(np.abs(np.fft.fft2(field)) ** 2).real


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("affine", [IDENTITY, DEFORMED, Affine.from_axes(1.2, 2.5)])
def test_it_is_that_of_the_fields(affine, slope):
    """Of large ones: a field of 1,024 px lacks the waves beyond, 0.2 % of the variance at slope 1."""
    table = periodic_covariance(1024, affine, slope)
    x, y = np.meshgrid(np.arange(-22, 23), np.arange(-22, 23))
    found = gaussian_covariance(np.stack([x, y], axis=-1), affine, slope=slope)
    assert found == pytest.approx(table[y, x], abs=3e-3)
    # what it lacks is the same at all lags
    assert found - table[y, x] == pytest.approx(np.full(x.shape, (found - table[y, x]).mean()), abs=1.5e-3)


@pytest.mark.parametrize("lag", [(0, 0), (1, 0), (0, 1), (3, -2), (-2.5, 0.7), (4, 4)])
def test_against_a_sum_over_frequencies(lag):
    assert gaussian_covariance(np.array(lag), DEFORMED) == pytest.approx(
        oracle.covariance(np.array(lag, float), 2.0, 0.3, np.eye(2)), abs=1e-6
    )


def test_turned_lags_are_those_of_the_turned_field():
    """A field of a long axis at 0.3 turned by 0.5 has its long axis at 0.8."""
    turn = oracle.rotation(0.5)
    lags = np.array([[1.0, 0.0], [2.0, 3.0], [-4.0, 1.0]])
    turned = gaussian_covariance(lags @ turn, DEFORMED)  # rows: the inverse of the turn
    assert turned == pytest.approx(gaussian_covariance(lags, Affine.from_axes(0.8, 2.0)), abs=1e-12)


def test_far_lags_are_resolved():
    """White up to 0.3 cycles/px has the covariance 2 J1(z) / z, z = 2 pi 0.3 |x|, which rings for long."""
    from scipy.special import j1

    distance = np.array([1.0, 10.0, 100.0, 400.0])
    z = 2 * math.pi * 0.3 * distance
    lags = np.stack([0.6 * distance, -0.8 * distance], axis=-1)
    assert gaussian_covariance(lags, slope=0.0) == pytest.approx(2 * j1(z) / z, abs=1e-12)


def test_shapes():
    assert gaussian_covariance(np.zeros((4, 3, 2))).tolist() == np.ones((4, 3)).tolist()
    assert gaussian_covariance(np.zeros((0, 2))).shape == (0,)
