"""Audits of CT: the unit everywhere, series as clusters, windows, and no patient in any output."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
import tifffile
from PIL import Image

import symmetry_audit
from symmetry_audit import reports
from symmetry_audit.errors import DataError, ReportError, SettingError
from symmetry_audit.results import AuditReport, ResultRow
from symmetry_audit.verbs import MeasureRequest, plan_measure
from tests.conftest import smooth_noise
from tests.slices import PATIENT, UIDS, dicom, save_series

SIDE = 40
ASKED = {"reg": "tv,sobel", "group": "p4", "scenario": "sample_strict,dataset_strict"}


def stack(rng: np.random.Generator, count: int = 3) -> np.ndarray:
    """Stored values, (count, 40, 40): HU + 1024."""
    fields = [smooth_noise(rng, SIDE, SIDE) for _ in range(count)]
    return np.rint(8 * np.stack(fields)).astype(np.int16)


@pytest.fixture
def cases(tmp_path, rng) -> Path:
    """Three series of three slices each, in files that are named after their patient."""
    for series in ("one", "two", "three"):
        save_series(tmp_path / "cases" / f"Zweistein_{series}", stack(rng), series)
    return tmp_path / "cases"


def as_tiff(cases: Path, folder: Path, change=lambda hu: hu) -> Path:
    """The same slices in the same order as floating-point TIFF."""
    for ref in plan_measure(MeasureRequest(cases)).source.refs:
        hu = pydicom.dcmread(ref.path).pixel_array.astype(np.float32) - 1024
        path = folder / f"{ref.key}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, change(hu).astype(np.float32), photometric="minisblack")
    return folder


def undrawn(source: Path, out: Path, **options) -> AuditReport:
    """A report in ``out`` without figures, which take longer than the rest."""
    return plan_measure(MeasureRequest(source, **ASKED, **options)).run(out, draw=False)


def numbers(report: AuditReport) -> list[dict]:
    """All numbers of the rows; names of images differ between formats."""
    return [{name: value for name, value in vars(row).items() if name != "selected_image"} for row in report.results]


def test_an_audit_of_dicom_is_that_of_its_hu(cases, tmp_path):
    report = symmetry_audit.measure(cases, **ASKED, clusters="image")
    tiffs = as_tiff(cases, tmp_path / "tiffs")
    grey = symmetry_audit.measure(tiffs, **ASKED)
    assert numbers(report) == numbers(grey)
    assert (report.unit, report.dataset.unit, grey.unit) == ("HU", "HU", "grey levels")
    assert any(line.startswith("samples used as they are, not scaled to 0-255, in 9 images") for line in grey.warnings)
    told = symmetry_audit.measure(tiffs, **ASKED, unit="HU", response="energy")
    assert told.unit == "squared HU"
    assert not any("not scaled" in line for line in (*told.warnings, *report.warnings))


def test_a_window_is_that_of_clipped_pictures(cases, tmp_path):
    report = symmetry_audit.measure(cases, **ASKED, clusters="image", window=(0, 800))
    clipped = as_tiff(cases, tmp_path / "tiffs", lambda hu: (hu + 400).clip(0, 800) * np.float32(255 / 800))
    for row, expected in zip(report.results, symmetry_audit.measure(clipped, **ASKED).results, strict=True):
        assert row.epsilon == pytest.approx(expected.epsilon, rel=1e-6)
    assert report.unit == "grey levels of the window"
    assert report.settings["window"] == [0, 800]
    assert "window 0 ± 400 HU as 0–255" in reports.table1_text(report)
    with pytest.raises(SettingError, match=r"^--window takes LEVEL,WIDTH in HU with a width above 0, such as 40,400$"):
        symmetry_audit.measure(cases, window=(40, 0))
    with pytest.raises(DataError, match=r"is in grey levels, and --window is for HU; drop --window$"):
        symmetry_audit.measure(clipped, **ASKED, window=(0, 800))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> tuple[Path, Path, list[str]]:
    """A folder of patients, the folder of its report with all figures, and what was said meanwhile."""
    place, rng = tmp_path_factory.mktemp("drawn"), np.random.default_rng(5)
    for series in ("one", "two"):
        save_series(place / "cases" / f"Zweistein_{series}", stack(rng), series)
    blank = np.zeros((SIDE, SIDE), np.int16)
    (place / "cases/Zweistein.dcm").write_bytes(dicom(blank, ImageType=["DERIVED", "SECONDARY", "LOCALIZER"]))
    (place / "cases/Zweistein_damaged.dcm").write_bytes(dicom(blank)[:400])
    (place / "cases/Zweistein letter.pdf").touch()
    said = []
    symmetry_audit.measure(place / "cases", **ASKED, out=place / "run", say=said.append)
    return place / "cases", place / "run", said


def test_every_table_says_hu_and_none_says_grey_levels(drawn):
    run = drawn[1]
    texts = {path.name: path.read_text() for path in run.iterdir() if path.suffix in (".md", ".tex", ".svg")}
    assert {"table1.md", "table1.tex", "details.md", "figure2.svg"} <= texts.keys()
    assert "**ε (HU)**" in texts["table1.md"]
    assert "intensities in HU" in texts["table1.md"]
    report = AuditReport.load(run)
    assert report.dataset.unit == "HU"
    for text in (*texts.values(), reports.table1_text(report), json.dumps(report.to_dict())):
        assert not re.search(r"grey level|0[–-]255", text)


def test_no_output_holds_a_patient(drawn):
    cases, run, said = drawn
    found = [pydicom.dcmread(path, force=True) for path in sorted(cases.rglob("*.dcm"))]
    secrets = {str(value) for value in PATIENT.values()} | {"Zweistein", "ZWEISTEIN", "Alberta"}
    secrets |= {str(getattr(item, name)) for item in found for name in UIDS if name in item}
    tables = [pd.read_parquet(path).to_csv() for path in run.glob("*.parquet")]
    texts = [path.read_bytes().decode("latin-1") for path in run.iterdir() if path.is_file()]
    assert len(secrets) > 30
    assert len(texts) > 10
    assert len(said) == 1
    for text in (*texts, *tables, *said):
        assert not [secret for secret in secrets if secret in text]


def test_file_names_are_shown_where_they_are_asked_for(cases):
    report = symmetry_audit.measure(cases, **ASKED, file_names=True)
    assert report.results[0].selected_image.startswith("Zweistein_")
    assert report.settings["clusters"] == "series"
    assert report.warnings[0].startswith("intervals draw whole series or volumes (3 series of 9 images)")


def interval(row: ResultRow) -> tuple[float | None, float | None]:
    return row.ci_low, row.ci_high


def test_the_bootstrap_draws_series_unless_told_otherwise(cases):
    series, folders, images = (
        symmetry_audit.measure(cases, **ASKED, **kind) for kind in ({}, {"clusters": "folder"}, {"clusters": "image"})
    )
    assert [report.settings["clusters"] for report in (series, folders, images)] == ["series", "folder", "image"]
    # slices are named by their series, so that folders are series
    assert list(map(interval, series.results)) == list(map(interval, folders.results))
    assert list(map(interval, series.results)) != list(map(interval, images.results))
    assert "--clusters image draws single slices" in series.warnings[0]
    assert not any("intervals draw" in line for line in images.warnings)


def test_one_series_has_no_interval(cases):
    report = symmetry_audit.measure(cases / "Zweistein_one", **ASKED)
    assert {row.ci_low for row in report.results} == {None}
    assert report.results[0].reasons["ci_low"] == "an interval needs more than one cluster"


def test_pictures_are_drawn_one_by_one(photos):
    report = symmetry_audit.measure(photos, **ASKED)
    assert report.settings["clusters"] == "image"


def test_units_do_not_mix(tmp_path, rng):
    folder = tmp_path / "mixed"
    folder.mkdir()
    field = smooth_noise(rng, SIDE, SIDE)
    tifffile.imwrite(folder / "a.tif", field.astype(np.int16), photometric="minisblack")
    undrawn(folder, tmp_path / "run")
    tifffile.imwrite(folder / "b.tif", field.astype(np.uint8), photometric="minisblack")
    expected = r"^a\.tif is in HU and b\.tif in grey levels; measure them apart, or say --unit HU or grey$"
    for out in (None, tmp_path / "run"):
        with pytest.raises(DataError, match=expected):
            symmetry_audit.measure(folder, **ASKED, out=out)
    assert symmetry_audit.measure(folder, **ASKED, unit="grey").unit == "grey levels"


def test_a_unit_that_no_file_says_is_told(tmp_path, rng):
    tifffile.imwrite(tmp_path / "a.tif", smooth_noise(rng, SIDE, SIDE).astype(np.int16), photometric="minisblack")
    report = symmetry_audit.measure(tmp_path, **ASKED)
    told = "taken as HU, which files of this kind do not say (--unit grey if not), in 1 image: a.tif"
    assert told in report.warnings
    assert told not in symmetry_audit.measure(tmp_path, **ASKED, unit="HU").warnings


def test_pixels_that_are_not_square_are_told(cases, tmp_path):
    told = (
        "pixels are not square, so turning the grid deforms what it shows (--spacing measures under the rotations of "
        "the body), in 9 images: "
    )
    assert any(line.startswith(told) for line in symmetry_audit.measure(cases, **ASKED).warnings)
    for path in cases.rglob("*.dcm"):
        path.write_bytes(dicom(pydicom.dcmread(path).pixel_array, PixelSpacing=[0.5, 0.5002]))
    assert not any("square" in line for line in symmetry_audit.measure(cases, **ASKED).warnings)


def test_reports_of_older_versions_are_in_grey_levels(photos, tmp_path):
    report = undrawn(photos, tmp_path / "run")
    document = json.loads((tmp_path / "run/report.json").read_text())
    del document["dataset"]["unit"]
    assert AuditReport.from_dict(document) == report
    assert report.unit == "grey levels"


def test_a_plan_counts_what_will_be_measured(cases):
    scout = dicom(np.zeros((SIDE, SIDE), np.int16), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    (cases / "scout.dcm").write_bytes(scout)
    said = []
    plan = plan_measure(MeasureRequest(cases, say=said.append, limit=7))
    assert plan.to_dict()["images"] == 7
    assert plan_measure(MeasureRequest(cases)).to_dict()["images"] == 9
    assert said == []


def test_files_of_other_kinds_are_named_at_once_and_in_the_report(photos):
    (photos / "field.npy").touch()
    said = []
    report = symmetry_audit.measure(photos, **ASKED, say=said.append)
    assert said[0] == report.warnings[0] == "1 file of other kinds beside the images: .npy 1"


def test_a_fit_is_shown_from_air_to_bone(tmp_path, rng):
    save_series(tmp_path / "case", stack(rng, 1))
    fits = symmetry_audit.fit_affine(tmp_path / "case", reg="tv", group="p4", out=tmp_path / "fits", plot=True)
    assert fits.fits[0].image.startswith("series-")
    (picture,) = (tmp_path / "fits/plots").iterdir()
    pixels = np.asarray(Image.open(picture).convert("L"))
    photograph = pixels[60:-60, 20 : pixels.shape[1] // 3]
    assert photograph.min() < 60 < 190 < photograph.max()  # not all white, as it would be over 0 to 255


def test_bounds_are_about_images_from_0_to_1(drawn, cases, tmp_path):
    with pytest.raises(SettingError, match=r"images in \[0, 1\] and the report is in HU; measure it with --window$"):
        symmetry_audit.bounds(drawn[1])
    undrawn(cases, tmp_path / "run", window=(0, 800))
    assert symmetry_audit.bounds(tmp_path / "run").unit == "grey levels of the window"


def test_another_window_is_another_run(cases, tmp_path):
    undrawn(cases, tmp_path / "run")
    with pytest.raises(ReportError, match=r"other settings \(window: null, now \[40\.0, 400\.0\]\)"):
        symmetry_audit.measure(cases, **ASKED, window=(40, 400), out=tmp_path / "run")
