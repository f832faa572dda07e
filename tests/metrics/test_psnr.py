"""PSNR and luma against the oracle, scikit-image and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.metrics import luma, psnr
from tests.oracles import restoration as oracle

EXACT = 1e-11  # dB


def pair(rng: np.random.Generator, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    clean = rng.integers(0, 256, size=shape, dtype=np.uint8)
    noisy = clean + rng.normal(scale=30, size=shape)
    return noisy.clip(0, 255).round().astype(np.uint8), clean


@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (6, 5, 3), (4, 4, 1)])
def test_oracle_and_scikit_image(rng, shape):
    noisy, clean = pair(rng, *shape)
    assert psnr(noisy, clean) == pytest.approx(oracle.psnr(noisy, clean, 255), abs=EXACT)
    assert psnr(noisy, clean) == pytest.approx(peak_signal_noise_ratio(clean, noisy, data_range=255), abs=EXACT)
    assert psnr(noisy, clean, 1023) == pytest.approx(oracle.psnr(noisy, clean, 1023), abs=EXACT)


def test_uint8_does_not_wrap_around():
    assert psnr(np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)) == 0
    assert psnr(np.full((2, 2), 1, np.uint8), np.full((2, 2), 2, np.uint8)) == pytest.approx(48.1308036)


def test_values_are_taken_as_they_are():
    clean = np.full((3, 3), 250.0)
    assert psnr(clean + 10, clean) == pytest.approx(10 * math.log10(255**2 / 100), abs=EXACT)  # 260 is not clipped
    assert psnr(clean + 0.25, clean) == pytest.approx(10 * math.log10(255**2 / 0.0625), abs=EXACT)


def test_equal_images_are_infinitely_near(rng):
    _, clean = pair(rng, 5, 5, 3)
    assert psnr(clean, clean) == math.inf
    assert psnr(clean.astype(np.float32), clean) == math.inf


@given(st.floats(0.1, 50), st.floats(1, 1000))
def test_error_and_peak_scale_it(error, peak):
    clean = np.zeros((2, 3))
    assert psnr(clean + error, clean, peak) == pytest.approx(20 * math.log10(peak / error), abs=1e-9)


@pytest.mark.parametrize("shape", [(4, 5), (5, 4, 3), (4, 4, 1)])
def test_two_shapes(shape):
    with pytest.raises(SettingError, match=r"must have the shape of the clean one, \(4, 4\), got .*crop the clean"):
        psnr(np.zeros(shape), np.zeros((4, 4)))


@pytest.mark.parametrize("shape", [(), (4,), (0, 4), (2, 2, 3, 1)])
def test_no_image(shape):
    with pytest.raises(SettingError, match=r"expected images \(H, W\) or \(H, W, C\) with pixels, got shape"):
        psnr(np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(value):
    bad = np.array([[1.0, value]])
    with pytest.raises(ImageError, match="restored image holds NaN or infinite values"):
        psnr(bad, np.zeros((1, 2)))
    with pytest.raises(ImageError, match="clean image holds NaN or infinite values"):
        psnr(np.zeros((1, 2)), bad)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_luma(rng, dtype):
    rgb = rng.integers(0, 256, size=(5, 4, 3)).astype(dtype)
    found = luma(rgb)
    assert found.dtype == np.float64 and found.shape == (5, 4)
    assert np.allclose(found, oracle.per_pixel(oracle.luma_601, rgb), rtol=0, atol=EXACT)
    assert np.allclose(found, rgb2ycbcr(rgb.astype(float) / 255)[..., 0], rtol=0, atol=EXACT)


def test_luma_is_not_rounded():
    assert luma(np.full((1, 1, 3), 100, np.uint8))[0, 0] == pytest.approx(16 + 219 * 100 / 255)  # 101.88


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 4), (1, 3, 4, 4)])
def test_luma_of_other_shapes(shape):
    with pytest.raises(SettingError, match=r"luma takes an RGB image \(H, W, 3\), got shape .*three channels"):
        luma(np.zeros(shape))
