"""The standard errors of a quick look, against what all pixels of the same images give."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from symmetry_audit import engine, measure, recommend, reports, verify
from symmetry_audit.audit import AuditSettings, ImageRecord, ImageTables, make_settings, row_sample, strict_bank
from symmetry_audit.errors import ReportError
from symmetry_audit.findings._pixel_errors import PixelErrors
from symmetry_audit.results import PIXEL_FIELDS, AuditReport
from symmetry_audit.verification import differences
from tests.conftest import save_photos

DATASETS, IMAGES, SIZE = 300, 12, (626, 56)
STRICT = "sample_strict,dataset_strict"
ASKED = {"reg": "tv,sobel", "group": "p8", "seed": 3}
SMALL = ASKED | {"pixels": 600, "control_images": 3}

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def trials() -> dict[str, np.ndarray]:
    """For each dataset and scenario (value - truth, standard error) of PIXEL_FIELDS, (DATASETS, 2, 3).

    The images are noise stretched along columns, so that epsilon is no chance; V has 600 rows of which a third is
    measured, in 8 bands: 12 images then have enough differences for 1.96 errors to hold 95 %. The truth is that of all
    rows of the same images, by the definitions of SPEC 4.
    """
    settings = make_settings(**ASKED | {"reg": "tv"}, scenario=STRICT, pixels=6750)
    bank = strict_bank(settings, settings.models[0])
    strict = engine.strict_engine(bank.kernels, settings.models[0], settings.margin)
    rng = np.random.default_rng(5)
    found: dict[str, list] = {name: [] for name in settings.scenarios}
    for trial in range(DATASETS):
        rows = []
        for _ in range(IMAGES):
            noise = rng.normal(size=SIZE)
            image = 128 + 10 * sum(np.roll(noise, step, 0) for step in range(9))
            rows.append(strict.row_means(image.astype(np.float32), settings.margin)[:, bank.index])
        drawn = settings.model_copy(update={"seed": trial})
        samples = [row_sample(SIZE, drawn, f"{n}.png") for n in range(IMAGES)]
        quick = [values[sample.indices] for values, sample in zip(rows, samples, strict=True)]
        profiles = np.array([values.mean(0) for values in quick])  # (N, R, T)
        mean, spreads = profiles.mean(0)[None], np.ptp(profiles, axis=-1).mean(0)[None]
        errors = PixelErrors(drawn, dict.fromkeys(settings.scenarios, mean), spreads)
        for n, (sample, values) in enumerate(zip(samples, quick, strict=True)):
            strict_errors = {"strict": sample.errors(values)[None]}
            tables = ImageTables({"strict": values.mean(0)[None]}, errors=strict_errors)
            errors.add(ImageRecord(f"{n}.png", "", "", "", SIZE[1], SIZE[0], "8-bit", False, {}), tables)
        truth = numbers(np.array([values.mean(0)[0] for values in rows]))
        for name, value in numbers(profiles[:, 0]).items():
            stated = list(errors.fields(name, (0, 0)).values())
            found[name].append([np.subtract(value, truth[name]), stated])
    return {name: np.array(values) for name, values in found.items()}


def numbers(profiles: np.ndarray) -> dict[str, list[float]]:
    """Mean response, epsilon and relative epsilon of both strict scenarios, of images' profiles (N, T)."""
    mean = profiles.mean(0)
    single = np.abs(profiles[:, :1] - profiles).max(1).mean(), np.ptp(profiles, axis=1).mean() / mean.mean()
    dataset = np.abs(mean[0] - mean).max(), np.ptp(mean) / mean.mean()
    return {"sample_strict": [mean.mean(), *single], "dataset_strict": [mean.mean(), *dataset]}


@pytest.mark.parametrize("scenario", ["sample_strict", "dataset_strict"])
@pytest.mark.parametrize("field", range(3), ids=PIXEL_FIELDS)
@pytest.mark.slow
def test_the_truth_is_within_two_standard_errors_as_often_as_it_should(trials, scenario, field):
    missed, stated = trials[scenario][:, :, field].T
    covered = (np.abs(missed) < 1.96 * stated).mean()
    assert abs(covered - 0.95) < 3 * np.sqrt(0.95 * 0.05 / DATASETS)
    # the mean of the stated variances is that of the errors; the latter varies by sqrt(2 / DATASETS)
    assert abs(np.square(stated).mean() / np.square(missed).mean() - 1) < 3 * np.sqrt(2 / DATASETS)


@pytest.fixture(scope="module")
def looked(tmp_path_factory) -> tuple[AuditReport, AuditReport]:
    """A quick look at eleven images of 220 x 80 px, and an audit of all their pixels."""
    folder = tmp_path_factory.mktemp("quick")
    save_photos(folder / "photos", np.random.default_rng(2), count=11, size=(220, 80))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reports, "render", lambda folder: ())
        quick = measure(folder / "photos", **SMALL, downscale=2, out=folder / "quick", workers=1)
        return quick, measure(folder / "photos", **SMALL | {"pixels": None}, downscale=2, out=folder / "whole")


def test_rows_of_a_quick_look_are_near_those_of_all_pixels(looked):
    quick, whole = looked
    assert quick.settings == {**whole.settings, "pixels": 600}
    for row, full in zip(quick.results, whole.results, strict=True):
        # V of the coarser copies is 76 x 6
        assert all((getattr(row, name) > 0) == (row.downscale == 1) for name in PIXEL_FIELDS)
        assert [getattr(full, name) for name in PIXEL_FIELDS] == [None] * 3
        assert set(PIXEL_FIELDS) <= row.to_dict().keys() and not set(PIXEL_FIELDS) & full.to_dict().keys()
        assert abs(row.mean_response - full.mean_response) <= 4 * row.mean_response_pixel_se
        if row.scenario == "dataset_strict":  # the noise of single images raises the mean of their maxima
            assert abs(row.epsilon - full.epsilon) <= 4 * row.epsilon_pixel_se
            assert abs(row.relative_epsilon - full.relative_epsilon) <= 4 * row.relative_epsilon_pixel_se


def test_the_reader_is_told(looked):
    quick, whole = looked
    added = 100 * max(row.relative_epsilon_pixel_se for row in quick.results)
    found = re.fullmatch(
        r"measured on about (\d+) pixels an image \((.*) %\): a quick look; the missing pixels add a standard error of "
        rf"{added:.2g} % at most to relative epsilon",
        quick.warnings[0],
    )
    pixels, share = map(float, found.groups())
    assert 11 * 50 <= pixels <= 12 * 50  # V is 190 x 50: four bands of 3 rows, or 2
    assert share == pytest.approx(100 * pixels / 190 / 50, abs=0.05)
    assert not any("quick look" in text for text in whole.warnings)
    lines = reports.table1_text(quick).splitlines()
    assert sum("Mean response (grey levels)" in line for line in lines) == 1
    assert "Last part: a quick look" in " ".join(lines)
    assert "quick look" not in reports.table1_text(whole)


def test_images_that_are_small_enough_are_measured_whole(looked, tmp_path):
    quick, whole = looked
    source = quick.dataset.source
    every = measure(source, **SMALL | {"pixels": 190 * 50}, downscale=2)
    for row, full in zip(every.results, whole.results, strict=True):
        assert [getattr(row, name) for name in PIXEL_FIELDS] == [0.0] * 3
        assert {**row.to_dict(), **dict.fromkeys(PIXEL_FIELDS)} == {**full.to_dict(), **dict.fromkeys(PIXEL_FIELDS)}
    assert every.warnings == whole.warnings


def test_the_number_of_workers_changes_nothing_and_verify_agrees(looked):
    quick, _ = looked
    again = measure(quick.dataset.source, **SMALL, downscale=2, workers=3)
    assert again.to_json() == quick.to_json()
    assert verify(quick.folder) == ()


def test_advice_can_be_had_from_a_quick_look(looked):
    quick, _ = looked
    assert reports.load_report(quick.folder) == quick
    assert recommend(quick.folder).candidates == quick.recommendation.candidates


def test_a_stated_error_is_verified_unless_another_element_decides(looked):
    quick, _ = looked
    profiles = reports.mean_profiles(quick.folder, quick)
    for name in PIXEL_FIELDS:
        changed = replace(quick.results[2], **{name: 2.0})
        rows = (*quick.results[:2], changed, *quick.results[3:])
        (found,) = differences(replace(quick, results=rows), quick, profiles)
        assert found.startswith(f"{changed.regularizer}, {changed.scenario}: {name} is 2.0, recomputed 0.")
        # of two elements that are worst by a tie, another machine may name the other, with another error
        flat = dict.fromkeys(profiles, np.ones(8))
        tied = replace(changed, worst_element=5, worst_angle_deg=225.0)
        rows = (*quick.results[:2], tied, *quick.results[3:])
        assert (differences(replace(quick, results=rows), quick, flat) == ()) is (name != PIXEL_FIELDS[0])


def test_a_folder_holds_one_choice_of_pixels(looked):
    quick, whole = looked
    with pytest.raises(ReportError, match=r"other settings \(pixels: 600, now 700\)"):
        measure(quick.dataset.source, **SMALL | {"pixels": 700}, downscale=2, out=quick.folder)
    with pytest.raises(ReportError, match=r"other settings \(pixels: null, now 600\)"):
        measure(whole.dataset.source, **SMALL, downscale=2, out=whole.folder)


def test_a_report_that_knows_no_pixels_measured_all():
    document = make_settings(reg="tv", pixels=77).to_dict()
    assert document.pop("pixels") == 77
    assert AuditSettings.from_dict(document) == make_settings(reg="tv")


def test_flat_images_have_no_error_and_no_relative_one(tmp_path):
    (tmp_path / "walls").mkdir()
    for number in range(2):
        Image.new("L", (60, 120), 90).save(tmp_path / f"walls/{number}.png")
    for row in measure(tmp_path / "walls", **SMALL).results:
        assert (row.mean_response_pixel_se, row.epsilon_pixel_se, row.relative_epsilon_pixel_se) == (0, 0, None)
        assert row.reasons["relative_epsilon_pixel_se"] == "the mean response is 0: every image is flat"


def test_images_without_a_fit_have_the_errors_of_strict_responses(tmp_path, rng):
    """Stripes: some elements do not respond, so nothing is fitted, and the adaptive rows are the strict ones."""
    (tmp_path / "stripes").mkdir()
    for number in range(3):
        stripes = np.repeat(rng.integers(0, 256, (200, 1), dtype=np.uint8), 60, axis=1)
        Image.fromarray(stripes).save(tmp_path / f"stripes/{number}.png")
    report = measure(tmp_path / "stripes", **SMALL | {"reg": "tv", "pixels": 1500})
    assert not any(report.fits)
    _, strict, adaptive = report.results
    for name in PIXEL_FIELDS:
        assert getattr(strict, name) > 0 or name == "relative_epsilon_pixel_se"
        assert getattr(adaptive, name) == pytest.approx(getattr(strict, name), rel=1e-3, abs=1e-4)
