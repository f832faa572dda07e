"""How long a run will take, from its first images; every clock here is made up."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.audit import make_settings, measure_source, open_run, strict_settings
from symmetry_audit.audit._costs import duration, image_cost, image_sizes
from symmetry_audit.audit._forecast import Forecast
from symmetry_audit.data import open_source
from tests.conftest import save_photos

SETTINGS = make_settings(reg="tv", group="p4", scenario="dataset_strict")


def told(forecast: Forecast, seconds: dict[str, float]) -> list[str]:
    """What is said while the images of ``seconds`` are measured in this order."""
    return [line for name, time in seconds.items() if (line := forecast.add(name, time))]


def test_images_of_all_sizes_are_measured_first():
    sizes = {f"{n:02}": float(n + 1) for n in range(60)}
    controlled = {"00", "01", "58", "59"}
    # sixths of the four with controls, and of the 56 others
    assert Forecast(sizes, controlled, 2, 60).first() == ["00", "58", "59", "11", "30", "48"]
    assert Forecast({"a": 3.0, "b": 1.0, "c": 0}, (), 2, 3).first() == ["b", "a"]
    assert Forecast({}, (), 2, 3).first() == []


def test_seconds_are_proportional_to_sizes_and_told_apart_by_controls():
    """Controls: 6 s for 3 units, 10 units in all; without: 2 s for 4 units, 30 units in all; two workers."""
    sizes = {"a": 1, "b": 1, "c": 1, "d": 7, "e": 1, "f": 1, "g": 2, "h": 26}
    forecast = Forecast(sizes, set("abcd"), 2, 8)
    assert told(forecast, {"a": 3.0, "b": 2.0, "c": 1.0, "e": 0.7, "f": 0.3}) == []
    assert forecast.seconds() is None
    assert forecast.add("g", 1.0) is None  # 17.5 s are too short to be told
    assert forecast.seconds() == (6 / 3 * 10 + 2 / 4 * 30) / 2
    assert forecast.add("d", 10**6) is None  # nor later


@pytest.mark.parametrize(
    ("images", "workers", "expected"),
    [
        (900, 2, "900 images: about 8 minutes on 2 workers, predicted from 3 images timed first"),
        (900, 1, "900 images: about 15 minutes on 1 worker, predicted from 3 images timed first"),
        (1000, 2, "900 of 1000 images left: about 8 minutes on 2 workers, predicted from 3 images timed first"),
    ],
)
def test_the_prediction_is_told_once(images, workers, expected):
    forecast = Forecast({str(n): 2.0 for n in range(900)}, (), workers, images)
    assert told(forecast, dict.fromkeys(map(str, range(10)), 1.0)) == [expected]


def test_no_more_workers_than_images_and_no_image_that_will_be_refused():
    forecast = Forecast({"a": 1.0, "b": 1.0, "c": 0}, (), 16, 3)
    assert told(forecast, {"a": 60.0, "b": 60.0}) == [
        "3 images: about 60 seconds on 16 workers, predicted from 2 images timed first"
    ]


# --- large runs


DEFAULT = make_settings()
PIXELS = 512 * 384.0


def large(images: int, seconds: float, settings=DEFAULT, whole=None, workers: int = 2) -> list[str]:
    """The lines that a run of ``images`` says whose first ones took so many seconds each."""
    forecast = Forecast({str(n): PIXELS for n in range(images)}, (), workers, images, settings, whole)
    (told,) = told_all(forecast, seconds)
    return told.split("\n")


def told_all(forecast: Forecast, seconds: float) -> list[str]:
    return told(forecast, dict.fromkeys(forecast.first(), seconds))


def test_the_cost_of_a_large_run_and_what_costs_less_are_told_before_it_starts():
    """200,001 images at 1.8 s are 100 core-hours, of which 20,000 are a tenth."""
    ratios = [
        100 * image_cost(PIXELS, DEFAULT.model_copy(update=each)) / image_cost(PIXELS, DEFAULT)
        for each in (
            {"fit": "joint", "controls": False},
            {"scenarios": ("sample_strict", "dataset_strict")},
        )
    ]
    first, second = large(200_001, 1.8)
    assert first == "200001 images: about 50 hours on 2 workers, predicted from 3 images timed first"
    assert second == (
        "That is 100 core-hours at this machine's speed, 1.8 s an image. For less: --sample 20000 takes 5 h 0 min, "
        f"--fit joint --no-controls {ratios[0]:.0f} %, --scenario sample_strict,dataset_strict {ratios[1]:.0f} %"
    )


@pytest.mark.parametrize(
    ("images", "seconds", "lines"),
    [(100_000, 0.01, 1), (100_001, 0.01, 2), (100_001, 1e-5, 2), (1000, 172.7, 1), (1000, 172.9, 2)],
)
def test_large_is_more_than_a_hundred_thousand_images_or_a_day(images, seconds, lines):
    assert len(large(images, seconds)) == lines


def test_strict_rows_that_are_measured_first_tell_the_cost_of_the_whole_run():
    strict = strict_settings(DEFAULT)
    _, second = large(360_000, 0.1, strict, DEFAULT, workers=1)
    ratio = image_cost(PIXELS, DEFAULT) / image_cost(PIXELS, strict)
    assert second.startswith(
        "That is 10 core-hours at this machine's speed, 0.1 s an image; with the adaptive rows that follow "
        f"{10 * ratio:.0f} core-hours by the cost model. For less: --sample 20000 takes "
    )
    assert "--fit joint" in second  # it is the whole run that may be another one
    # a run is large where its strict rows alone are not
    assert len(large(10_000, 8.5, strict, DEFAULT, workers=1)) == 2
    assert len(large(10_000, 8.5, strict, strict, workers=1)) == 1


def test_what_was_chosen_is_not_advised():
    assert large(200_000, 1.8, strict_settings(DEFAULT))[1].endswith("For less: --sample 20000 takes 5 h 0 min")
    drawn = strict_settings(make_settings(sample=200_000))
    assert large(200_000, 1.8, drawn)[1].endswith("1.8 s an image")
    assert "--fit" not in large(200_000, 1.8, make_settings(fit="joint", controls=False))[1]


def test_a_run_without_images_predicts_nothing():
    assert Forecast({}, (), 2, 5).add("a", 1.0) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((20.4, "20 seconds"), (89, "89 seconds"), (91, "2 minutes"), (3569, "59 minutes"), (3571, "1 h 0 min")),
        *((7290, "2 h 2 min"), (48 * 3600 - 31, "47 h 59 min"), (48 * 3600, "48 hours"), (1e6, "278 hours")),
    ],
)
def test_words(seconds, words):
    assert duration(seconds) == words


def test_sizes_are_pixels_by_the_header_and_members_of_an_archive_count_alike(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("L", (30, 20)).save(tmp_path / "photos/a.png")
    Image.new("RGB", (40, 50)).save(tmp_path / "photos/b.jpg")
    (tmp_path / "photos/c.png").write_bytes(b"text")
    sizes = image_sizes(open_source(str(tmp_path / "photos")).refs, 1900)
    assert sizes == {"a.png": 600, "b.jpg": 0, "c.png": 0}  # b has more pixels than allowed
    with tarfile.open(tmp_path / "some.tar", "w") as archive:
        archive.add(tmp_path / "photos", "photos")
    assert set(image_sizes(open_source(str(tmp_path / "some.tar")).refs, 1900).values()) == {1}


def run(tmp_path, source, **options) -> tuple[list[str], list[float]]:
    """What a run says and its estimates; every look at the clock is 40 s after the last."""
    said: list[str] = []
    estimates: list[float] = []
    looks = iter(range(0, 10**6, 40))
    with open_run(tmp_path / "run", source, SETTINGS, resume=True, force=False) as journal:
        measure_source(
            *(source, SETTINGS, journal),
            say=said.append,
            estimate=estimates.append,
            clock=lambda: next(looks),
            **options,
        )
    return said, estimates


def test_a_run_tells_its_time_and_what_it_finds_and_measures_every_image_once(tmp_path, rng):
    source = open_source(str(save_photos(tmp_path / "photos", rng, count=8)))
    few = source.limited(2)
    assert run(tmp_path / "a", few)[0] == [
        "2 images: about 80 seconds on 1 worker, predicted from 2 images timed first"
    ]
    said, estimates = run(tmp_path / "b", source)
    assert said == ["8 images: about 5 minutes on 1 worker, predicted from 3 images timed first"]
    journal = (tmp_path / "b/run/journal.jsonl").read_bytes()
    assert journal.count(b"\n") == 1 + 8 == 1 + len(estimates)
    assert run(tmp_path / "b", source) == ([], [])
    save_photos(tmp_path / "photos", rng, count=1)  # another photo_0.png, to be measured again
    assert run(tmp_path / "b", source)[0] == [
        "1 of 8 images left: about 40 seconds on 1 worker, predicted from 1 image timed first"
    ]


def test_the_last_estimate_is_the_worst_relative_epsilon_of_the_strict_rows(tmp_path, rng):
    from symmetry_audit import measure

    source, seen = str(save_photos(tmp_path / "photos", rng, count=5)), []
    report = measure(source, reg="sobel,tv", group="p8", sigma=(1.5, 2), estimate=seen.append, workers=2)
    rows = [row.relative_epsilon for row in report.results if row.scenario == "dataset_strict" and row.sigma == 1.5]
    assert len(seen) == 5 and len(rows) == 2
    assert seen[-1] == pytest.approx(max(rows), rel=1e-12)


def test_images_from_an_archive_come_in_its_order_and_are_predicted_too(tmp_path, rng):
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        for number in (3, 0, 2, 1, 4):
            file = io.BytesIO()
            Image.fromarray(rng.integers(0, 255, (60, 50), np.uint8)).save(file, "png")
            member = tarfile.TarInfo(f"{number}.png")
            member.size = file.tell()
            file.seek(0)
            archive.addfile(member, file)
    said, _ = run(tmp_path, open_source(str(tmp_path / "photos.tar")))
    assert said == ["5 images: about 3 minutes on 1 worker, predicted from 3 images timed first"]
