"""Which pixels of a slice hold data: round fields of view with every padding, and slices without any."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.data._padding import held, valid_pixels
from symmetry_audit.errors import ImageError
from symmetry_audit.wording import GREY_LEVELS, HU

SIDE = 64


def radius(side: int = SIDE) -> np.ndarray:
    """Distance from the middle, by a loop of its own."""
    middle = (side - 1) / 2
    return np.array([[((x - middle) ** 2 + (y - middle) ** 2) ** 0.5 for x in range(side)] for y in range(side)])


OUTSIDE = radius() > SIDE / 2


@pytest.fixture
def tissue(rng) -> np.ndarray:
    return rng.normal(0, 60, (SIDE, SIDE)).astype(np.float32)


def test_a_slice_without_padding_is_valid_everywhere(tissue):
    assert valid_pixels(tissue).all()
    assert valid_pixels(tissue - 1000).all()  # air, noisy
    assert held(tissue, HU)[1] is None
    assert held(tissue, HU)[0] is tissue


@pytest.mark.parametrize("value", [-3024, -2048, -1500, -1024, -1000, 0])
def test_the_constant_outside_the_circle_is_padding(tissue, value):
    padded = np.where(OUTSIDE, np.float32(value), tissue)
    assert np.array_equal(valid_pixels(padded), ~OUTSIDE)


@pytest.mark.parametrize("shift", [-2, -1, 1])
def test_the_edge_of_the_fill_may_be_off_by_pixels(tissue, shift):
    outside = radius() > SIDE / 2 + shift
    padded = np.where(outside, np.float32(-1000), tissue)
    assert np.array_equal(valid_pixels(padded), ~outside)


def test_padding_below_minus_1100_is_found_inside_the_circle_too(tissue):
    padded = np.where(OUTSIDE, np.float32(-1500), tissue)
    padded[:20] = -1500  # a gantry tilt that was straightened
    valid = ~OUTSIDE
    valid[:20] = False
    assert np.array_equal(valid_pixels(padded), valid)


def test_air_within_the_field_of_view_stays(tissue):
    padded = np.where(OUTSIDE, np.float32(-1000), tissue)
    padded[20:40, 20:40] = -1000
    assert np.array_equal(valid_pixels(padded), ~OUTSIDE)


@pytest.mark.parametrize("declared", [-3024, -1024])
def test_the_declared_value_inside_counts_only_below_what_air_can_be(tissue, declared):
    padded = np.where(OUTSIDE, np.float32(declared), tissue)
    padded[30, 30] = declared
    padded[0, 0] = 5  # a corner that holds data, so that the constant of the corners does not help
    valid = valid_pixels(padded, padded == declared)
    assert valid[30, 30] == (declared == -1024)
    assert not valid[0, 10]
    assert valid[0, 0]


def test_padding_that_lossy_compression_smeared_is_found_by_a_threshold(tissue, rng):
    ringing = rng.normal(0, 90, (SIDE, SIDE)).astype(np.float32)
    padded = np.where(OUTSIDE, -3024 + ringing, tissue)
    edge = (radius() > SIDE / 2 - 5) & ~OUTSIDE
    smeared = np.where(edge, np.where(rng.random((SIDE, SIDE)) < 0.5, -1300, tissue), padded)
    valid = valid_pixels(smeared)
    assert not valid[OUTSIDE].any()
    assert np.array_equal(valid[~OUTSIDE], smeared[~OUTSIDE] > -1100)


def test_dark_metal_artefacts_in_the_middle_are_no_padding(tissue):
    padded = np.where(OUTSIDE, np.float32(-2000), tissue)
    padded[32, 30:34] = [-1300, -1800, -2500, -1150]
    assert np.array_equal(valid_pixels(padded), ~OUTSIDE)


def test_nan_is_not_valid_in_any_unit(tissue):
    tissue[3, 4] = np.nan
    for unit in (HU, GREY_LEVELS):
        samples, valid = held(tissue, unit)
        assert valid is not None
        assert np.argwhere(~valid).tolist() == [[3, 4]]
        assert samples[3, 4] == pytest.approx(np.delete(tissue.ravel(), 3 * SIDE + 4).astype(float).mean(), abs=1e-4)
        assert np.isfinite(samples).all()


def test_padding_belongs_to_ct_alone(tissue):
    padded = np.where(OUTSIDE, np.float32(0), tissue + 100)
    assert held(padded, GREY_LEVELS)[1] is None


def test_images_of_other_shapes(tissue):
    wide = np.concatenate([tissue, tissue[:, :10]], axis=1)
    assert valid_pixels(wide).all()
    assert valid_pixels(tissue[:1]).all()
    assert valid_pixels(tissue[:2, :2]).all()


def test_what_cannot_be_used():
    with pytest.raises(ImageError, match=r"^holds nothing but padding or NaN$"):
        held(np.full((8, 8), -2000, np.float32), HU)
    with pytest.raises(ImageError, match=r"^holds infinite samples; replace them first$"):
        held(np.array([[1, -np.inf]], np.float32), GREY_LEVELS)
