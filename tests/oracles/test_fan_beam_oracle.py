"""The reference for CT stands on closed forms of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.oracles import fan_beam as oracle

FIELD = 416 / 1075  # so that the source is at distance 1


def test_the_first_view_of_four_by_hand():
    """beta = 45 degrees: the source is at (s, -s), s = sqrt(1/2), the middle of the detector opposite."""
    source, direction = oracle.ray(4, 3, FIELD, 0, 1)
    assert source == pytest.approx(math.sqrt(0.5) * (1 - 1j))
    assert direction == pytest.approx(math.sqrt(0.5) * (-1 + 1j))
    _, outer = oracle.ray(4, 3, FIELD, 0, 2)
    u = 2 * math.sqrt(2) * FIELD / 3
    assert math.atan2((outer / direction).imag, (outer / direction).real) == pytest.approx(-math.atan(u / 2))


def test_a_ray_along_a_diagonal_sees_the_diagonal():
    """From corner to corner every sample is a pixel, and their distance is that of the pixels' centres."""
    image = np.zeros((6, 6))
    image[np.arange(6), 5 - np.arange(6)] = [1, 2, 3, 4, 5, 6]
    assert oracle.ray_sum(image, 4, 3, FIELD, 0, 1) == pytest.approx(21 * math.sqrt(2) * FIELD / 6)


def test_chords_through_the_middle_and_beside_a_disc():
    lengths = oracle.chords(4, 3, FIELD, 0j, 0.1)
    np.testing.assert_allclose(lengths[:, 1], 0.2)
    distance = math.sin(math.atan(math.sqrt(2) * FIELD / 3))
    assert distance > 0.1
    np.testing.assert_array_equal(lengths[:, [0, 2]], 0)
    np.testing.assert_allclose(oracle.chords(4, 3, FIELD, 0j, 0.5, step=2)[:, 2], 2 * math.sqrt(0.25 - distance**2))


def test_the_ramp_has_no_gain_at_frequency_zero():
    """1/4 = 2 (1/1 + 1/9 + 1/25 + ..) / pi^2; N odd lags on either side leave 1/(2 pi^2 N)."""
    taps = [oracle.ramp(lag, 1.0) for lag in range(-4001, 4002)]
    assert 0 < sum(taps) == pytest.approx(1 / (2 * math.pi**2 * 2001), rel=1e-3)


def test_a_disc_in_the_middle_of_a_pixel():
    chords = oracle.chords(48, 49, 2.0, 0j, 0.5)
    views = oracle.filtered(chords, 2.0, cosine=1)
    assert oracle.pixel(views, 3, 2.0, 1, 1, power=2) == pytest.approx(1, abs=0.02)
    assert oracle.fbp(chords, 3, 2.0)[1, 1] == oracle.pixel(views, 3, 2.0, 1, 1, power=2)


def test_two_energies_by_hand():
    table = {"a": [2.0, *[1.0] * 50]}  # entry 50 is that of 70 keV
    found = oracle.polychromatic(table, [3.0, 1.0, *[0.0] * 49], {"a": 0.5})
    assert found == pytest.approx(-math.log((3 * math.exp(-1) + math.exp(-0.5)) / 4))


def test_runs_of_a_detector_by_hand():
    hidden = [True, False, True, True, False, True]
    assert oracle.interpolated([9, 1, 9, 9, 4, 9], hidden) == [1, 1, 2, 3, 4, 4]
    assert oracle.thinned([0, 4, 8, 4, 0, 4, 4]) == [0, 1, 8, 1, 0, 1, 4]
