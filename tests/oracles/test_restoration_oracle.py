"""Checks of the restoration oracle against hand-sized cases, scikit-image and torch."""

import math
from fractions import Fraction

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import from_numpy
from torch.nn import functional

from . import restoration as oracle

EXACT = 1e-11


def pair(rng, height, width):
    clean = rng.uniform(0, 255, size=(height, width))
    return clean, clean + rng.normal(scale=20, size=clean.shape)


# ---------------------------------------------------------------- luma and PSNR


def test_luma_of_black_white_and_the_primaries():
    assert oracle.luma_601(0, 0, 0) == 16
    assert oracle.luma_601(255, 255, 255) == pytest.approx(235, abs=EXACT)
    assert oracle.luma_601(0, 255, 0) == pytest.approx(16 + 128.553)
    assert oracle.luma_edsr(256, 0, 0) == 65.738
    assert oracle.luma_edsr(0, 0, 128) == 12.532


def test_psnr_by_hand_and_by_scikit_image(rng):
    assert oracle.psnr([[0, 0]], [[3, 4]], 255) == pytest.approx(10 * math.log10(255**2 / 12.5), abs=EXACT)
    assert oracle.psnr([[7]], [[7]], 255) == math.inf
    first, second = pair(rng, 9, 7)
    assert oracle.psnr(first, second, 255) == pytest.approx(
        peak_signal_noise_ratio(first, second, data_range=255), abs=EXACT
    )


# ---------------------------------------------------------------- SSIM


def test_window_sums_to_one_and_is_the_published_one():
    window = np.array(oracle.window())
    assert window.sum() == pytest.approx(1, abs=EXACT)
    # fspecial('gaussian', 11, 1.5) of MATLAB: centre and corner
    assert window[5, 5] == pytest.approx(0.0708, abs=5e-5)
    assert window[0, 0] == pytest.approx(1.0576e-06, abs=5e-11)


def test_ssim_of_flat_images_is_the_luminance_term():
    c1 = 2.55**2
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert oracle.ssim(np.full((11, 12), 100), np.full((11, 12), 120), 255) == pytest.approx(expected, abs=EXACT)


def test_ssim_as_scikit_image(rng):
    first, second = pair(rng, 17, 15)
    _, full = structural_similarity(
        *(first, second), data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    assert oracle.ssim(first, second, 255) == pytest.approx(full[5:-5, 5:-5].mean(), abs=EXACT)


def test_zero_padded_ssim_as_a_convolution_of_torch(rng):
    first, second = pair(rng, 13, 12)
    weights = from_numpy(np.array(oracle.window()))[None, None]
    x, y = (from_numpy(image)[None, None] for image in (first, second))
    mean = [functional.conv2d(field, weights, padding=5) for field in (x, y, x * x, y * y, x * y)]
    vx, vy, vxy = mean[2] - mean[0] ** 2, mean[3] - mean[1] ** 2, mean[4] - mean[0] * mean[1]
    c1, c2 = 2.55**2, 7.65**2
    top = (2 * mean[0] * mean[1] + c1) * (2 * vxy + c2)
    index = top / ((mean[0] ** 2 + mean[1] ** 2 + c1) * (vx + vy + c2))
    assert oracle.ssim_zero_padded(first, second, 255) == pytest.approx(float(index.mean()), abs=1e-10)


# ---------------------------------------------------------------- imresize


def test_cubic_kernel_interpolates_and_sums_to_one():
    assert [oracle.cubic(x) for x in (-2, -1, 0, 1, 2)] == [0, 0, 1, 0, 0]
    assert oracle.cubic(0.5) == 0.5625 and oracle.cubic(1.5) == -0.0625
    for shift in (0.1, 0.37, 0.5):
        assert sum(oracle.cubic(shift + j) for j in range(-3, 4)) == pytest.approx(1, abs=EXACT)


def test_mirrored_axis():
    assert [oracle.mirrored(j, 3) for j in range(-6, 11)] == [1, 1, 2, 3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1, 2, 3, 3]


def test_halving_uses_the_eight_known_weights():
    # the eighth pixel lies midway between the old 15 and 16, and sees 12 to 19
    weights = [oracle.resize_line(impulse, Fraction(1, 2))[7] for impulse in np.eye(32)]
    assert np.allclose(weights[11:19], np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256, rtol=0, atol=EXACT)
    assert not any(weights[:11] + weights[19:])


def test_scale_one_is_identity_and_constants_stay(rng):
    line = rng.uniform(size=9)
    assert np.allclose(oracle.resize_line(line, 1), line, rtol=0, atol=EXACT)
    for scale in (Fraction(1, 3), Fraction(3, 4), 2):
        assert np.allclose(oracle.resize_line([5.0] * 7, scale), 5, rtol=0, atol=EXACT)


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1, 4), Fraction(2), Fraction(3)])
def test_inside_it_is_torch_with_antialiasing(rng, scale):
    # Borders differ: torch leaves weights outside out, MATLAB mirrors. Torch shares a = -1/2 with antialiasing only.
    plane = rng.uniform(0, 255, size=(40, 36))
    size = [int(scale * side) for side in plane.shape]
    theirs = functional.interpolate(from_numpy(plane)[None, None], size=size, mode="bicubic", antialias=True)[0, 0]
    ours = oracle.imresize(plane, scale)
    edge = math.ceil(3 * max(scale, 1))
    inside = slice(edge, -edge)
    assert np.allclose(ours[inside, inside], theirs.numpy()[inside, inside], rtol=0, atol=1e-9)


def test_rounding_to_8_bit():
    assert oracle.to_8bit([[-3.0, 0.49, 0.5, 1.5, 254.5, 300.0]]).tolist() == [[0, 0, 1, 2, 255, 255]]
