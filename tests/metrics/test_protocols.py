"""Protocols: channels, borders and the SSIM of each, against the oracle pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.metrics import PROTOCOLS, Protocol, find_protocol
from tests.conftest import smooth_noise
from tests.oracles import restoration as oracle

AGREEMENT = 1e-10


def usual(restored, clean):
    return oracle.psnr(restored, clean, 255)


ORACLE = {  # channel planes, border per scale, SSIM, PSNR
    "sr-y": (lambda rgb: [oracle.per_pixel(oracle.luma_601, rgb)], 1, oracle.ssim, usual),
    "rgb": (lambda rgb: list(np.moveaxis(rgb, -1, 0)), 0, oracle.ssim, usual),
    "derain-y": (lambda rgb: [oracle.per_pixel(oracle.luma_601, rgb)], 0, oracle.ssim, usual),
    "edsr": (lambda rgb: [oracle.per_pixel(oracle.luma_edsr, rgb)], 1, oracle.ssim_zero_padded, usual),
    "rei": (lambda rgb: list(np.moveaxis(rgb, -1, 0)), 0, oracle.ssim, oracle.psnr_of_norms),
}


def pair(rng: np.random.Generator, height: int = 19, width: int = 18) -> tuple[np.ndarray, np.ndarray]:
    clean = np.stack([smooth_noise(rng, height, width) for _ in range(3)], axis=-1)
    noisy = clean + rng.normal(scale=12, size=clean.shape)
    noisy[[0, -1]] += 40  # so that a border wrongly cut or kept shows
    noisy[:, [0, -1]] -= 40
    return noisy.clip(0, 255).round().astype(np.uint8), clean.round().astype(np.uint8)


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("name", ORACLE)
def test_against_the_oracle(rng, name, scale):
    planes, border, similarity, decibels = ORACLE[name]
    noisy, clean = pair(rng)
    cut = border * scale
    seen = [planes(image[cut : len(image) - cut, cut : image.shape[1] - cut]) for image in (noisy, clean)]
    score = PROTOCOLS[name].score(noisy, clean, scale)
    assert score.psnr == pytest.approx(decibels(*seen), abs=AGREEMENT)
    assert score.ssim == pytest.approx(
        np.mean([similarity(x, y, 255) for x, y in zip(*seen, strict=True)]), abs=AGREEMENT
    )


def test_no_two_protocols_are_the_same(rng):
    noisy, clean = pair(rng)
    scores = [protocol.score(noisy, clean, 2) for protocol in PROTOCOLS.values()]
    assert len({(round(score.psnr, 6), round(score.ssim, 6)) for score in scores}) == len(PROTOCOLS) == 5


def test_edsr_psnr_is_the_luma_difference_on_a_range_of_one(rng):
    """As the published trainer: difference / 255, weights / 256, border cut, -10 log10 of the mean square."""
    noisy, clean = pair(rng)
    difference = (noisy.astype(float) - clean) / 255
    y = sum(difference[..., c] * weight / 256 for c, weight in enumerate((65.738, 129.057, 25.064)))[2:-2, 2:-2]
    assert PROTOCOLS["edsr"].score(noisy, clean, 2).psnr == pytest.approx(
        -10 * math.log10((y**2).mean()), abs=AGREEMENT
    )


@pytest.mark.parametrize("peak", [255, 204])
def test_rei_lies_below_the_usual_psnr(rng, peak):
    """By 10 log10 3, the number of channels, and by what the brightest value is short of 255."""
    noisy, clean = pair(rng)
    clean = np.minimum(clean, peak)
    clean[4, 4, 1] = peak
    below = PROTOCOLS["rgb"].psnr(noisy, clean) - PROTOCOLS["rei"].psnr(noisy, clean)
    assert below == pytest.approx(4.771213 - 20 * math.log10(peak / 255), abs=1e-6)


def test_rei_of_a_black_image(rng):
    with pytest.raises(ImageError, match="the clean image is black"):
        PROTOCOLS["rei"].psnr(pair(rng)[0], np.zeros((19, 18, 3)))


@pytest.mark.parametrize("name", ORACLE)
def test_grey_images_are_three_equal_channels(rng, name):
    noisy, clean = (image[..., 0] for image in pair(rng))
    stacked = [np.stack([image] * 3, axis=-1) for image in (noisy, clean)]
    assert PROTOCOLS[name].score(noisy, clean, 2) == PROTOCOLS[name].score(*stacked, 2)
    assert PROTOCOLS[name].score(noisy, stacked[1], 2) == PROTOCOLS[name].score(*stacked, 2)


@pytest.mark.parametrize("name", ORACLE)
def test_equal_images(rng, name):
    _, clean = pair(rng)
    score = PROTOCOLS[name].score(clean, clean, 2)
    assert (score.psnr, score.ssim) == (math.inf, 1)


def test_scores_are_plain_floats(rng):
    score = find_protocol("rgb").score(*pair(rng))
    assert type(score.psnr) is float and type(score.ssim) is float


@pytest.mark.parametrize("name", ORACLE)
def test_shapes_that_differ(rng, name):
    noisy, clean = pair(rng)
    with pytest.raises(SettingError, match="must have the shape of the clean one"):
        PROTOCOLS[name].score(noisy[:-1], clean)


@pytest.mark.parametrize("name", ORACLE)
def test_values_that_are_not_finite(rng, name):
    noisy, clean = pair(rng)
    noisy = noisy.astype(np.float32)
    noisy[9, 9, 1] = np.nan
    with pytest.raises(ImageError, match="restored image holds NaN"):
        PROTOCOLS[name].score(noisy, clean)


@pytest.mark.parametrize(("name", "scale", "side"), [("sr-y", 2, 14), ("rgb", 2, 10), ("edsr", 4, 8), ("edsr", 9, 8)])
def test_nothing_left_inside_the_border(name, scale, side):
    image = np.zeros((side, 40, 3), np.uint8)
    with pytest.raises(SettingError, match=r"SSIM needs images of at least 11 x 11 px|with pixels, got shape"):
        PROTOCOLS[name].score(image, image, scale)


def test_found_by_name():
    assert find_protocol("derain-y") is PROTOCOLS["derain-y"]
    assert all(isinstance(protocol, Protocol) and key == protocol.name for key, protocol in PROTOCOLS.items())
    assert all("\n" not in protocol.text and protocol.text for protocol in PROTOCOLS.values())
    with pytest.raises(SettingError, match=r'unknown protocol "sry"\. Did you mean "sr-y"\?'):
        find_protocol("sry")
