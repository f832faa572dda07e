"""``measure`` and ``fit_affine`` from Python: values, files, errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace

import numpy as np
import pytest
import torch

import symmetry_audit
from symmetry_audit import reports
from symmetry_audit.data import decode, open_source
from symmetry_audit.errors import DataError, ImageError, ReportError, SettingError, SymmetryAuditError
from symmetry_audit.results import AffineFit, AuditReport, FailedFit
from symmetry_audit.verbs._machine import LIBRARIES, RUN_SCHEMA

STRICT = "sample_strict,dataset_strict"


def test_without_out_nothing_is_kept_but_the_value(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    report = symmetry_audit.measure("photos", reg="tv", group="p4", scenario=STRICT)
    assert isinstance(report, AuditReport)
    assert report.folder is None
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_strict_run_with_its_figures_imports_nothing_that_it_does_not_need(photos, tmp_path):
    code = (
        "import sys; from symmetry_audit import measure\n"
        f"measure({str(photos)!r}, reg='tv', scenario={STRICT!r}, device='cpu', out={str(tmp_path / 'run')!r})\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "matplotlib.backends.backend_pdf" in loaded
    assert not loaded & {"pandas", "scipy.stats", "scipy.signal", "skimage", "imagehash", "matplotlib.pyplot"}


def test_with_out_the_same_report_lies_in_the_folder(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "render", lambda folder: ())
    steps = []
    report = symmetry_audit.measure(
        photos, reg=["tv", "sobel"], group="p8", out=str(tmp_path / "run"), progress=lambda *at: steps.append(at)
    )
    assert report.folder == tmp_path / "run"
    assert report == AuditReport.load(tmp_path / "run") == symmetry_audit.measure(photos, reg="tv,sobel", group="p8")
    assert {row.scenario for row in report.results} == {*STRICT.split(","), "dataset_adaptive"}
    assert (tmp_path / "run/report.json").read_text(encoding="utf-8") == report.to_json()
    assert steps == [(done, 4) for done in range(5)]


def test_what_must_not_change_a_number_is_kept_beside_the_report(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "render", lambda folder: ())
    symmetry_audit.measure(photos, reg="tv", group="p2", scenario=STRICT, out=tmp_path / "run", workers=2, device="cpu")
    info = json.loads((tmp_path / "run/run.json").read_text(encoding="utf-8"))
    assert info["schema"] == RUN_SCHEMA == "symaudit.run/1"
    assert (info["device"], info["workers"], info["directory"]) == ("cpu", 2, os.getcwd())
    assert info["seconds"] >= 0
    assert len(info["engines"]) == 1 and info["engines"][0].startswith(("harmonics: ", "factored bank: "))
    assert set(info["versions"]) == set(LIBRARIES)
    assert info["versions"]["symaudit"] == symmetry_audit.__version__


def test_numbers_may_be_numbers_and_paths_paths(photos):
    report = symmetry_audit.measure(
        photos, reg="tv", group="p4", sigma=1, downscale=2, margin=9, limit=2, scenario=STRICT.split(",")
    )
    assert [(row.sigma, row.downscale) for row in report.results] == [(1, 1)] * 2 + [(1, 2)] * 2
    swept = symmetry_audit.measure(str(photos), reg=("tv",), group="p4", sigma=[1, 2.0], scenario=["dataset_strict"])
    assert [row.sigma for row in swept.results] == [1, 2.0]


def test_torch_keeps_its_threads(photos):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        symmetry_audit.measure(photos, reg="tv", group="p8", workers=3, controls=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"reg": "sobl"}, SettingError, r'unknown regularizer "sobl"\. Did you mean "sobel"\?$'),
        ({"workers": 0}, SettingError, r"^--workers must be at least 1, got 0$"),
        ({"device": "gpu"}, SettingError, r'^unknown device "gpu"\. Did you mean "cpu"\?$'),
        ({"on_error": "stop"}, SettingError, r'^unknown on-error "stop"\. Choose from: skip, fail\.$'),
        ({"source": "no such folder"}, SettingError, r'"no such folder" is not a file, a folder or a dataset'),
        ({"max_pixels": 100}, DataError, r"^none of the 4 images could be measured; photo_0\.png: larger than 800 b"),
        ({"margin": 40}, DataError, r"^none of the 4 .* at least 81 x 81 px is needed$"),
    ],
)
def test_errors_say_what_to_do_next(photos, arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        symmetry_audit.measure(**{"source": photos, "group": "p4"} | arguments)
    assert isinstance(caught.value, SymmetryAuditError)
    assert "\n" not in str(caught.value)


def test_a_setting_error_is_also_a_value_error(photos):
    with pytest.raises(ValueError, match="is not a group"):
        symmetry_audit.measure(photos, group="rotations")


def test_out_holding_another_run_is_a_report_error(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "render", lambda folder: ())
    symmetry_audit.measure(photos, reg="tv", group="p4", scenario=STRICT, out=tmp_path / "run")
    for options in ({"group": "p8"}, {"group": "p4", "resume": False}):
        with pytest.raises(ReportError, match=r"choose another --out, or --force|--force"):
            symmetry_audit.measure(photos, reg="tv", scenario=STRICT, out=tmp_path / "run", **options)
    again = symmetry_audit.measure(photos, reg="tv", scenario=STRICT, out=tmp_path / "run", group="p8", force=True)
    assert again.results


# --- fit_affine


def test_fits_of_a_source_come_as_values_and_as_files(photos, tmp_path):
    fits = symmetry_audit.fit_affine(photos, reg="tv,laplacian", group="p8", limit=2, out=tmp_path / "fits")
    assert [(fit.image, fit.regularizer, bool(fit)) for fit in fits] == [
        (f"photo_{number}.png", name, name != "laplacian")
        for number in range(2)
        for name in ("laplacian", "tv", "joint")
    ]
    assert {path.name for path in (tmp_path / "fits").iterdir()} == {
        *("affine.parquet", "affine.csv", "run.json", "report.html", "journal.jsonl", ".lock")
    }
    assert fits == symmetry_audit.fit_affine(photos, reg="tv,laplacian", group="p8", limit=2)


def test_fits_of_one_array_are_those_of_its_file(photos):
    luminance = open_source(str(photos / "photo_0.png")).refs[0]
    luminance = decode(luminance.read(10**6), 10**6).luminance
    from_file = symmetry_audit.fit_affine(photos / "photo_0.png", reg="tv,sobel", group="p8")
    from_array = symmetry_audit.fit_affine(luminance, reg="tv,sobel", group="p8")
    assert [replace(fit, image="array", pixel_sha256=None) for fit in from_file] == list(from_array)
    assert len(from_array) == 3


def test_an_array_that_cannot_be_fitted_is_an_image_error():
    with pytest.raises(ImageError, match=r"^30 x 20 px is too small for a margin of 15 px; at least 31 x 31 px is"):
        symmetry_audit.fit_affine(np.zeros((20, 30)))
    for wrong in (np.zeros((40, 40, 3)), np.zeros(40), np.full((40, 40), np.nan)):
        with pytest.raises(ImageError, match=r"^an image is an \(H, W\) array of finite luminance in \[0, 255\], got "):
            symmetry_audit.fit_affine(wrong)
    with pytest.raises(SettingError, match=r'^unknown device "gpu"'):
        symmetry_audit.fit_affine(np.zeros((40, 40)), device="gpu")


def test_the_package_offers_its_names_lazily():
    names = {"AffineFit", "AuditReport", "FailedFit", "SymmetryAuditError", "fit_affine", "measure", "__version__"}
    assert names <= set(dir(symmetry_audit))
    assert symmetry_audit.AuditReport is AuditReport
    assert (symmetry_audit.AffineFit, symmetry_audit.FailedFit) == (AffineFit, FailedFit)
    assert symmetry_audit.SymmetryAuditError is SymmetryAuditError
    with pytest.raises(AttributeError, match=r"^module 'symmetry_audit' has no attribute 'mesure'$"):
        symmetry_audit.mesure  # noqa: B018


def test_a_flipped_bit_in_a_report_is_said(photos, tmp_path):
    symmetry_audit.measure(photos, reg="tv", group="p4", scenario="dataset_strict", out=tmp_path / "run")
    path = tmp_path / "run" / "report.json"
    good = path.read_bytes()
    harmed = bytearray(good)
    harmed[good.index(b'"epsilon": ') + 13] ^= 1  # another digit
    path.write_bytes(harmed)
    with pytest.raises(ReportError, match=r"report\.json is damaged \(its bytes are not those that run\.json notes\)"):
        AuditReport.load(tmp_path / "run")
    path.write_bytes(good)
    assert AuditReport.load(tmp_path / "run").results[0].images == 4
