"""SSIM against the oracle, scikit-image and what must hold for any image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.metrics import ssim
from symmetry_audit.metrics._ssim import ssim_padded
from tests.conftest import smooth_noise
from tests.oracles import restoration as oracle

AGREEMENT = 1e-10


def pair(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    clean = smooth_noise(rng, height, width)
    return clean + rng.normal(scale=10, size=clean.shape), clean


def scikit(first: np.ndarray, second: np.ndarray, peak: float) -> float:
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
    return structural_similarity(first, second, data_range=peak, **options)[1][5:-5, 5:-5].mean()


@pytest.mark.parametrize("size", [(11, 11), (11, 24), (23, 18)])
@pytest.mark.parametrize("peak", [255.0, 1023.0])
def test_oracle_and_scikit_image(rng, size, peak):
    noisy, clean = pair(rng, *size)
    assert ssim(noisy, clean, peak) == pytest.approx(oracle.ssim(noisy, clean, peak), abs=AGREEMENT)
    assert ssim(noisy, clean, peak) == pytest.approx(scikit(noisy, clean, peak), abs=AGREEMENT)


def test_larger_image_against_scikit_image(rng):
    noisy, clean = pair(rng, 120, 97)
    noisy, clean = (image.clip(0, 255).astype(np.uint8) for image in (noisy, clean))
    assert ssim(noisy, clean) == pytest.approx(scikit(noisy.astype(float), clean.astype(float), 255), abs=AGREEMENT)


@pytest.mark.parametrize("size", [(1, 1), (4, 9), (11, 11), (14, 16)])
def test_padded_with_zeros(rng, size):
    noisy, clean = pair(rng, 20, 20)
    noisy, clean = (image[: size[0], : size[1]] for image in (noisy, clean))
    assert ssim_padded(noisy, clean) == pytest.approx(oracle.ssim_zero_padded(noisy, clean, 255), abs=AGREEMENT)


def test_the_border_tells_the_two_apart(rng):
    noisy, clean = pair(rng, 16, 16)
    assert abs(ssim(noisy, clean) - ssim_padded(noisy, clean)) > 1e-3


def test_a_y_of_peak_one_scores_as_one_of_peak_255(rng):
    noisy, clean = pair(rng, 13, 14)
    assert ssim_padded(noisy / 255, clean / 255, 1.0) == pytest.approx(ssim_padded(noisy, clean), abs=AGREEMENT)


def test_channels_are_averaged(rng):
    noisy, clean = (np.stack(planes, axis=-1) for planes in zip(*(pair(rng, 15, 13) for _ in range(3)), strict=True))
    singles = [oracle.ssim(noisy[..., c], clean[..., c], 255) for c in range(3)]
    assert ssim(noisy, clean) == pytest.approx(np.mean(singles), abs=AGREEMENT)
    assert np.ptp(singles) > 1e-3


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0, 200))
def test_bounds_and_symmetry(seed, sigma):
    rng = np.random.default_rng(seed)
    clean = rng.uniform(0, 255, size=(12, 13))
    other = clean + rng.normal(scale=sigma, size=clean.shape)
    assert -1 <= ssim(other, clean) <= 1 + 1e-12  # of equal images it is 1 up to rounding
    assert ssim(other, clean) == ssim(clean, other)
    assert ssim(other[::-1], clean[::-1]) == pytest.approx(ssim(other, clean), abs=AGREEMENT)
    assert ssim(clean, clean) == 1


def test_a_negative_scores_below_zero(rng):
    _, clean = pair(rng, 20, 20)
    assert ssim(255 - clean, clean) < 0


@pytest.mark.parametrize("shape", [(10, 11), (11, 10, 3), (1, 1), (0, 0)])
def test_small_images(shape):
    with pytest.raises(SettingError, match=r"at least 11 x 11 px after borders are cut, got shape .*use larger"):
        ssim(np.zeros(shape), np.zeros(shape))


def test_other_shapes_and_values():
    with pytest.raises(SettingError, match=r"must have the shape of the clean one, \(12, 12\), got \(12, 13\)"):
        ssim(np.zeros((12, 13)), np.zeros((12, 12)))
    with pytest.raises(ImageError, match="restored image holds NaN"):
        ssim(np.full((12, 12), np.nan), np.zeros((12, 12)))
