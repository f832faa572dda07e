"""The cost model: the measured table, between its sizes and beyond, and estimates of runs."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.audit import estimated, make_settings
from symmetry_audit.audit._costs import ASSUMED, PIXELS, SECONDS, core_time, image_cost
from symmetry_audit.data import open_source

MEASURED = Path(__file__).resolve().parents[2] / "benchmarks/cost_model.csv"
DEFAULT, STRICT = make_settings(), make_settings(scenario="dataset_strict")


def test_the_table_is_what_was_measured():
    with MEASURED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for way, costs in SECONDS.items():
        for pixels, cost in zip(PIXELS, costs, strict=True):
            found = [float(row["ms"]) for row in rows if row["way"] == way and _size(row) == pixels]
            assert len(found) == 8
            assert cost == pytest.approx(median(found) / 1000, abs=1e-4)
    assert {row["way"] for row in rows} == set(SECONDS)


def _size(row: dict[str, str]) -> int:
    return int(row["width"]) * int(row["height"])


def test_between_the_sizes_costs_are_linear_and_beyond_them_too():
    for pixels, cost in zip(PIXELS, SECONDS["default"], strict=True):
        assert image_cost(pixels, DEFAULT) == pytest.approx(cost, rel=1e-12)
    (low, high), (one, other) = PIXELS[1:3], SECONDS["strict"][1:3]
    assert image_cost((low + high) / 2, STRICT) == pytest.approx((one + other) / 2)
    assert image_cost(2 * PIXELS[3], STRICT) - image_cost(PIXELS[3], STRICT) == pytest.approx(
        (SECONDS["strict"][3] - SECONDS["strict"][2]) / (PIXELS[3] - PIXELS[2]) * PIXELS[3]
    )
    assert 0 < image_cost(1, STRICT) < image_cost(PIXELS[0], STRICT)


def test_settings_that_change_the_cost():
    at = PIXELS[1]
    assert image_cost(at, make_settings(fit="joint")) == image_cost(at, make_settings(fit="tv"))
    assert image_cost(at, make_settings(fit="joint")) == pytest.approx(SECONDS["joint"][1])
    assert image_cost(at, DEFAULT, controlled=True) == pytest.approx(SECONDS["controls"][1])
    assert image_cost(at, make_settings(sigma=(1, 2))) == pytest.approx(2 * image_cost(at, DEFAULT))
    assert image_cost(PIXELS[3], make_settings(pixels=at)) == image_cost(at, DEFAULT)
    coarser = image_cost(at, make_settings(scenario="dataset_strict", downscale=2))
    assert coarser == pytest.approx(image_cost(at, STRICT) + image_cost(at / 4, STRICT))


def images(folder: Path, count: int, size: tuple[int, int]) -> str:
    folder.mkdir()
    for number in range(count):
        Image.fromarray(np.full((size[1], size[0]), 9, np.uint8)).save(folder / f"{number:03}.png")
    return str(folder)


def test_an_estimate_adds_the_images_and_their_controls(tmp_path):
    source = open_source(images(tmp_path / "photos", 20, (512, 384)))
    settings = make_settings(control_images=5)
    found = estimated(source.refs, settings, workers=4)
    assert found.core_seconds == pytest.approx(15 * SECONDS["default"][1] + 5 * SECONDS["controls"][1])
    assert (found.images, found.workers, found.pixels) == (20, 4, 512 * 384)
    assert found.text == (
        "about 7 seconds of one core by the cost model (0.33 s an image of 196608 pixels), 2 seconds on 4 workers"
    )
    assert found.to_dict() == {"core_hours": 0.0019, "images": 20, "mean_pixels": 196608}


def test_the_headers_of_some_stand_for_all(tmp_path, monkeypatch):
    from symmetry_audit.audit import _costs

    source, read = open_source(images(tmp_path / "photos", 300, (64, 64))), []
    monkeypatch.setattr(_costs, "pixel_count", lambda ref, most: read.append(ref.key) or 64 * 64)
    found = estimated(source.refs, STRICT, workers=1)
    assert len(read) == 200
    assert found.core_seconds == pytest.approx(300 * image_cost(64 * 64, STRICT))


def test_a_size_that_no_header_tells_is_assumed_and_files_that_will_be_refused_cost_nothing(tmp_path):
    photos = Path(images(tmp_path / "photos", 3, (64, 64)))
    with tarfile.open(tmp_path / "some.tar", "w") as archive:
        archive.add(photos, "photos")
    found = estimated(open_source(str(tmp_path / "some.tar")).refs, STRICT, workers=1)
    assert found.pixels is None
    assert found.core_seconds == pytest.approx(3 * image_cost(ASSUMED, STRICT))
    assert f"an image of {ASSUMED} pixels, which is assumed" in found.text
    (photos / "000.png").write_bytes(b"text")
    found = estimated(open_source(str(photos)).refs, STRICT, workers=1)
    assert found.core_seconds == pytest.approx(2 * image_cost(64 * 64, STRICT))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (59, "59 seconds of one core"),
        (3599, "60 minutes of one core"),
        (3600, "1.0 core-hours"),
        (2e6, "556 core-hours"),
    ],
)
def test_words(seconds, words):
    assert core_time(seconds).replace("1 h 0 min", "60 minutes") == words
