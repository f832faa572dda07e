"""Published and recorded figures on real images: bicubic super-resolution and the rainy images as they are."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity

from symmetry_audit.metrics import PROTOCOLS, luma, psnr, ssim
from symmetry_audit.tasks import imresize, resize_8bit
from tests.oracles import restoration as oracle


def load(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def cropped(image: np.ndarray, multiple: int) -> np.ndarray:
    height, width = (side // multiple * multiple for side in image.shape[:2])
    return image[:height, :width]


def bicubic(clean: np.ndarray, scale: int) -> np.ndarray:
    return resize_8bit(resize_8bit(clean, 1 / scale), scale)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "count", "decibel", "similarity"),
    [("Set5", 5, 33.682, 0.9305), ("Set14", 14, 30.330, 0.8700), ("BSD100", 100, 29.565, 0.8436)],
)
def test_bicubic_x2(shared_data, name, count, decibel, similarity):
    scores = []
    for path in sorted((shared_data / name / "HR").glob("*.png")):
        clean = cropped(load(path), 2)
        scores.append(PROTOCOLS["sr-y"].score(bicubic(clean, 2), clean, 2))
    assert len(scores) == count
    assert fmean(score.psnr for score in scores) == pytest.approx(decibel, abs=0.001)
    assert fmean(score.ssim for score in scores) == pytest.approx(similarity, abs=0.0001)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "rgb", "y"),
    [
        ("img_001.png", (20.419710, 0.391853), (22.441898, 0.453097)),  # baboon
        ("img_005.png", (20.239912, 0.567738), (21.720398, 0.585511)),  # comic
    ],
)
def test_bicubic_x4_of_matlab(shared_data, name, rgb, y):
    """Images by imresize of MATLAB, figures in RGB by its psnr and ssim: as BasicSR published them, to all digits.

    Its images are cropped to a multiple of 12, its border is 4 px.
    """
    clean = cropped(load(shared_data / "Set14" / "HR" / name), 12)
    seen = [image[4:-4, 4:-4] for image in (bicubic(clean, 4), clean)]
    assert (psnr(*seen), ssim(*seen)) == pytest.approx(rgb, abs=1e-6)
    seen = [luma(image) for image in seen]
    assert (psnr(*seen), ssim(*seen)) == pytest.approx(y, abs=2e-6)  # theirs took the luma in float32


@pytest.mark.data
def test_rainy_images_against_scikit_image(shared_data):
    """The mean over all 100 pairs is published as 26.90 dB / 0.8384; 20 of them are here."""
    folder = shared_data / "Rain100L" / "test"
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True, "data_range": 255}
    scores = []
    for path in sorted((folder / "norain").glob("*.png")):
        clean, rainy = load(path), load(folder / "rain" / path.name)
        score = PROTOCOLS["derain-y"].score(rainy, clean)
        y = [rgb2ycbcr(image)[..., 0] for image in (rainy, clean)]
        assert score.psnr == pytest.approx(10 * np.log10(255**2 / np.mean((y[0] - y[1]) ** 2)), abs=1e-9)
        assert score.ssim == pytest.approx(structural_similarity(*y, **options)[1][5:-5, 5:-5].mean(), abs=1e-9)
        scores.append((score.psnr, score.ssim))
    assert len(scores) == 20
    means = tuple(map(fmean, zip(*scores, strict=True)))
    assert means == pytest.approx((26.1757, 0.81371), abs=5e-5)  # recorded, of these 20


@pytest.mark.data
def test_rainy_images_against_the_oracle(shared_data):
    folder = shared_data / "Rain100L" / "test"
    for path in sorted((folder / "norain").glob("*.png")):
        clean, rainy = (load(image)[40:80, 200:250] for image in (path, folder / "rain" / path.name))
        score = PROTOCOLS["derain-y"].score(rainy, clean)
        y = [oracle.per_pixel(oracle.luma_601, image) for image in (rainy, clean)]
        assert score.psnr == pytest.approx(oracle.psnr(*y, 255), abs=1e-9)
        assert score.ssim == pytest.approx(oracle.ssim(*y, 255), abs=1e-9)


@pytest.mark.data
def test_real_image_resized_as_the_oracle_does(shared_data):
    plane = load(shared_data / "Set5" / "HR" / "img_001.png")[100:161, 120:185, 1]
    assert np.allclose(imresize(plane, 1 / 2), oracle.imresize(plane, 0.5), rtol=0, atol=1e-9)
    assert np.array_equal(resize_8bit(plane, 1 / 2), oracle.to_8bit(oracle.imresize(plane, 0.5)))
