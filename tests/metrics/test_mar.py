"""The protocols of metal artefact reduction: against the oracle, on pairs made for it, and on stored images."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.metrics import MAR_PROTOCOLS, find_mar_protocol, rmse_hu
from tests.conftest import smooth_noise
from tests.oracles import restoration as oracle


def pair(rng: np.random.Generator, side: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attenuation of which some is beyond 0..0.5, and metal."""
    clean = 0.45 * smooth_noise(rng, side, side) / 255
    metal = np.zeros((side, side), bool)
    metal[5:8, 9:14] = True
    restored = clean + rng.normal(scale=0.03, size=clean.shape)
    restored[metal] += 2
    restored[2, 3], restored[4, 4] = 0.9, -0.2
    return restored, clean, metal


def shown(name: str, mu: float, low: float, high: float) -> float:
    """One pixel of an image whose clipped values reach from ``low`` to ``high``."""
    value = min(max(mu, 0), 0.5) / 0.5
    if name == "mar":
        return value
    if name == "mar-statistic":
        return min(math.floor(256 * (value - low) / (high - low)), 255) / 255
    hu = 1000 * (mu - 0.192) / 0.192
    return min(max((hu + 175) / 450, 0), 1)


@pytest.mark.parametrize("name", MAR_PROTOCOLS)
def test_against_the_oracle(rng, name):
    restored, clean, metal = pair(rng)
    planes = []
    for image in (restored, clean):
        clipped = np.clip(image, 0, 0.5) / 0.5
        values = [[shown(name, mu, clipped.min(), clipped.max()) for mu in row] for row in image.tolist()]
        planes.append(np.where(metal, 0, values))
    found = find_mar_protocol(name).score(restored, clean, metal)
    assert found.psnr == pytest.approx(oracle.psnr([planes[0]], [planes[1]], 1), abs=1e-9)
    assert found.ssim == pytest.approx(oracle.ssim(*planes, 1), abs=1e-9)


def test_only_the_statistic_is_blind_to_the_scale_of_an_image(rng):
    """A copy of 0.9 times the values is the same picture once both are stretched."""
    _, clean, metal = pair(rng)
    metal[:] = False
    scores = {name: protocol.score(0.9 * clean, clean, metal).psnr for name, protocol in MAR_PROTOCOLS.items()}
    assert scores["mar-statistic"] > 48.1  # at most one level of 255 anywhere
    assert scores["mar"] == pytest.approx(-10 * math.log10(np.mean((0.1 * clean / 0.5) ** 2)), abs=1e-9)
    assert scores["mar"] < 30 and scores["mar-window"] < 30


def test_one_bright_pixel_is_seen_everywhere_by_the_statistic(rng):
    _, clean, metal = pair(rng)
    restored = clean.copy()
    restored[0, 0] = 0.5
    mar, statistic = (find_mar_protocol(name).score(restored, clean, metal).psnr for name in ("mar", "mar-statistic"))
    assert mar > statistic + 5


def test_metal_counts_as_equal_but_stays_in_the_mean(rng):
    restored, clean, metal = pair(rng)
    error = np.where(metal, 0, np.clip(restored, 0, 0.5) - np.clip(clean, 0, 0.5)) / 0.5
    found = find_mar_protocol("mar").score(restored, clean, metal)
    assert found.psnr == pytest.approx(-10 * math.log10((error**2).sum() / error.size), abs=1e-9)


def test_the_statistic_halves_large_images(rng):
    """416 px are 1.6 times 256: SSIM is that of means over 2 x 2 pixels, as the even rows and columns of ssim.m."""
    restored, clean, metal = pair(rng, 416)
    metal[:] = False
    protocol = find_mar_protocol("mar-statistic")
    one, other = (protocol.picture(image) for image in (restored, clean))
    halves = [image.reshape(208, 2, 208, 2).mean((1, 3)) for image in (one, other)]
    rows = [image[80:110, 80:110] for image in halves]
    whole = protocol.score(restored, clean, metal).ssim
    patch = [image[160:220, 160:220] for image in (restored, clean)]
    assert whole == pytest.approx(find_mar_protocol("mar").score(*(0.5 * h for h in halves), metal[:208, :208]).ssim)
    assert oracle.ssim(*rows, 1) != pytest.approx(oracle.ssim(*patch, 1), abs=1e-3)


@pytest.mark.parametrize("name", MAR_PROTOCOLS)
def test_equal_images(rng, name):
    _, clean, metal = pair(rng)
    score = find_mar_protocol(name).score(clean, clean, metal)
    assert (score.psnr, score.ssim) == (math.inf, 1)


def test_a_constant_image_has_nothing_to_stretch():
    flat, none = np.full((12, 12), 0.2), np.zeros((12, 12), bool)
    assert find_mar_protocol("mar-statistic").score(flat, flat, none).psnr == math.inf


def test_rmse_outside_the_metal():
    clean, metal = np.zeros((2, 2)), np.array([[True, False], [False, False]])
    restored = np.array([[9.0, 0.192], [0, 0]])  # 1000 HU in one of three pixels
    assert rmse_hu(restored, clean, metal) == pytest.approx(1000 / math.sqrt(3))


def test_wrong_input(rng):
    restored, clean, metal = pair(rng)
    for work in (rmse_hu, find_mar_protocol("mar").score):
        with pytest.raises(SettingError, match=r"must have one shape, \(H, W\), got \(23, 24\) and \(24, 24\)"):
            work(restored, clean, metal[1:])
        with pytest.raises(SettingError, match="must have the shape of the clean one"):
            work(restored[1:], clean, metal)
        with pytest.raises(ImageError, match="restored image holds NaN"):
            work(restored * np.nan, clean, metal)
    with pytest.raises(SettingError, match="covers the whole image"):
        rmse_hu(restored, clean, ~(metal & ~metal))


def test_found_by_name():
    assert all("\n" not in protocol.text and key == protocol.name for key, protocol in MAR_PROTOCOLS.items())
    with pytest.raises(SettingError, match=r'unknown protocol "mar-stat"\. Did you mean "mar-statistic"\?'):
        find_mar_protocol("mar-stat")
