"""The pilot on real photographs and real rain, beside figures that were measured by another program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.pilots import array_pilot, linear_pilot
from symmetry_audit.tasks import make_task, open_pairs

pytestmark = pytest.mark.data


def middles(folder: Path, count: int) -> list[np.ndarray]:
    """The middle 128 x 128 px of the first images, grey."""
    found = []
    for path in sorted(folder.iterdir())[:count]:
        image = np.asarray(Image.open(path).convert("L")).astype(float)
        top, left = image.shape[0] // 2 - 64, image.shape[1] // 2 - 64
        found.append(image[top : top + 128, left : left + 128])
    return found


def test_photographs_gain_by_quarter_turns_when_they_are_few(shared_data):
    """The appendix, which takes every second window, has 0.013 +- 0.012 dB from 80 images and 0.079 from 4."""
    images = middles(shared_data / "BSD100" / "HR", 80)
    (found,) = array_pilot([(image, image) for image in images], sigma=50, groups=["p4"])
    assert found.gain_db == pytest.approx(0.013, abs=0.012)
    assert found.verdict == "safe"
    assert found.curve[0].gain_db > found.curve[1].gain_db > found.curve[2].gain_db > found.gain_db
    assert found.curve[1].gain_db > 0.02


def test_rain_has_a_direction(shared_data):
    """The appendix has 0.040 +- 0.032 dB for the mirror, 0.019 +- 0.014 for half turns, -0.31 +- 0.20 for p4."""
    folder = shared_data / "Rain100L" / "train"
    if not folder.is_dir():
        pytest.skip("Rain100L absent")
    pairs = zip(middles(folder / "norain", 40), middles(folder / "rain", 40), strict=True)
    mirror, half, quarter = array_pilot(list(pairs), groups=("p1m", "p2", "p4"))
    assert mirror.gain_db == pytest.approx(0.040, abs=0.032)
    assert half.verdict == "safe"
    assert quarter.gain_db == pytest.approx(-0.31, abs=0.20) and quarter.verdict == "suspect"


def test_the_pilot_of_a_folder_says_so_too(shared_data):
    task = make_task("denoise", sigma=50)
    pairs = open_pairs(str(shared_data / "BSD100" / "HR"), task, limit=24)
    found = linear_pilot(pairs, task, groups=("p1m", "p4"))
    assert found.gains[0].verdict == "safe" and found.gains[1].verdict != "suspect"
    assert found.window == 15 and found.data.images == 24
