"""imresize against the oracle, torch's antialiased interpolation, and what must hold for any image."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import from_numpy
from torch.nn import functional

from symmetry_audit.errors import SettingError
from symmetry_audit.tasks import imresize, resize_8bit
from tests.oracles import restoration as oracle

AGREEMENT = 1e-9
SCALES = (*(Fraction(1, s) for s in (2, 3, 4, 8)), Fraction(1), Fraction(2), Fraction(3), Fraction(4))
ODD = (Fraction(3, 2), Fraction(2, 3), Fraction(7, 5))


@pytest.mark.parametrize("size", [(12, 24), (13, 9), (1, 5), (2, 1)])
@pytest.mark.parametrize("scale", SCALES + ODD, ids=str)
def test_oracle(rng, scale, size):
    plane = rng.uniform(0, 255, size=size)
    found = imresize(plane, float(scale))
    expected = oracle.imresize(plane, scale)
    assert found.dtype == np.float64 and found.shape == expected.shape
    assert np.allclose(found, expected, rtol=0, atol=AGREEMENT)


@pytest.mark.parametrize("scale", [1 / 2, 1 / 4, 2, 3])
def test_inside_it_is_torch_with_antialiasing(rng, scale):
    image = rng.uniform(0, 255, size=(64, 72, 3))
    batch = from_numpy(image.transpose(2, 0, 1).copy())[None]
    theirs = functional.interpolate(batch, scale_factor=scale, mode="bicubic", antialias=True)[0]
    edge = int(3 * max(scale, 1))  # torch drops weights beyond the border, MATLAB mirrors
    inside = (slice(edge, -edge), slice(edge, -edge))
    assert np.allclose(imresize(image, scale)[inside], theirs.numpy().transpose(1, 2, 0)[inside], rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_channels_go_one_by_one_and_any_dtype_comes_out_as_float64(rng, dtype):
    image = rng.integers(0, 256, size=(9, 7, 3)).astype(dtype)
    found = imresize(image, 1 / 3)
    assert found.dtype == np.float64 and found.shape == (3, 3, 3) and found.flags.c_contiguous
    for channel in range(3):
        assert np.array_equal(found[..., channel], imresize(image[..., channel], 1 / 3))


def test_it_does_not_round_or_clip():
    step = np.repeat([0.0, 255.0], 8)[None].repeat(4, axis=0)
    found = imresize(step, 2)
    assert found.min() < -1 and found.max() > 256
    assert np.any(found != np.rint(found))


@pytest.mark.parametrize("divisor", range(1, 50))
def test_a_multiple_of_the_scale_has_no_pixel_too_many(divisor):
    for count in (1, 7, 63, 340):
        assert imresize(np.zeros((divisor * count, 1)), 1 / divisor).shape[0] == count


def test_sizes_round_up():
    assert imresize(np.zeros((7, 10)), 1 / 3).shape == (3, 4)
    assert imresize(np.zeros((3, 5)), 1.5).shape == (5, 8)
    assert imresize(np.zeros((2, 2)), 1e-4).shape == (1, 1)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(SCALES), st.integers(0, 2**32 - 1))
def test_constants_mirrors_and_transposes(height, width, scale, seed):
    image = np.random.default_rng(seed).uniform(0, 255, size=(height, width))
    scale = float(scale)
    found = imresize(image, scale)
    assert np.allclose(imresize(np.full(image.shape, 7.0), scale), 7, rtol=0, atol=AGREEMENT)
    assert np.allclose(imresize(image.T, scale), found.T, rtol=0, atol=AGREEMENT)
    if (height * scale).is_integer():
        assert np.allclose(imresize(image[::-1], scale), found[::-1], rtol=0, atol=AGREEMENT)


def test_scale_one_gives_the_image_back(rng):
    image = rng.integers(0, 256, size=(6, 5, 3), dtype=np.uint8)
    assert np.array_equal(resize_8bit(image, 1), image)


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(3)])
def test_8_bit(rng, scale):
    image = np.kron(rng.integers(0, 2, size=(4, 5)), np.full((6, 6), 255)).astype(np.uint8)  # steps overshoot
    found = resize_8bit(image, float(scale))
    assert found.dtype == np.uint8
    assert np.array_equal(found, oracle.to_8bit(oracle.imresize(image, scale)))
    assert imresize(image, float(scale)).min() < -1 and imresize(image, float(scale)).max() > 256


def test_halves_round_up():
    """A checkerboard of 0 and 1 halves to 0.5 everywhere inside; Python would round that to 0."""
    board = (np.indices((24, 24)).sum(axis=0) % 2).astype(np.uint8)
    assert imresize(board, 0.5)[6, 6] == 0.5
    assert resize_8bit(board, 0.5)[6, 6] == 1


@pytest.mark.parametrize("scale", [0, -2, np.nan, np.inf])
def test_scales_that_are_none(scale):
    with pytest.raises(SettingError, match=r"the scale must be a positive number, such as 2 or 0\.5, got"):
        imresize(np.zeros((4, 4)), scale)


@pytest.mark.parametrize("shape", [(4,), (0, 4), (2, 4, 4, 3)])
def test_shapes_that_are_none(shape):
    with pytest.raises(SettingError, match=r"imresize takes an image \(H, W\) or \(H, W, C\), got shape"):
        imresize(np.zeros(shape), 2)


def test_8_bit_of_another_dtype():
    with pytest.raises(SettingError, match="resize_8bit takes uint8 images, got float32; imresize takes any"):
        resize_8bit(np.zeros((4, 4), np.float32), 2)
