"""The Python interface: the same names as the command line, and nothing left behind."""

from __future__ import annotations

import inspect
import json
import os
import tempfile

import pytest
import torch

import symmetry_audit
from symmetry_audit import api, reports
from symmetry_audit.cli.measure import measure as command
from symmetry_audit.errors import DataError, ReportError, SettingError, SymmetryAuditError
from symmetry_audit.results import AuditReport

SAYING = {"as_json", "quiet", "verbose", "dry_run", "allow_skipped", "fail_above", "config"}  # what to print, not do


def test_measure_takes_the_names_of_the_command_line():
    options = {item.name for item in command.params}
    parameters = inspect.signature(symmetry_audit.measure).parameters
    assert set(parameters) - {"progress"} == options - SAYING
    assert options > SAYING
    kinds = {parameter.kind for name, parameter in parameters.items() if name != "source"}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_the_defaults_are_those_of_the_command_line():
    parameters = inspect.signature(symmetry_audit.measure).parameters
    for item in command.params:
        if item.name in parameters and isinstance(item.default, str | int | bool):
            assert parameters[item.name].default == item.default, item.name


def test_without_out_nothing_is_kept_but_the_value(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    report = symmetry_audit.measure("photos", reg="tv", group="p4")
    assert isinstance(report, AuditReport)
    assert report.folder is None
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_with_out_the_same_report_lies_in_the_folder(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "render", lambda folder: ())
    steps = []
    report = symmetry_audit.measure(
        photos, reg=["tv", "sobel"], group="p4", out=str(tmp_path / "run"), progress=lambda *at: steps.append(at)
    )
    assert report.folder == tmp_path / "run"
    assert report == AuditReport.load(tmp_path / "run") == symmetry_audit.measure(photos, reg="tv,sobel", group="p4")
    assert (tmp_path / "run/report.json").read_text(encoding="utf-8") == report.to_json()
    assert steps == [(done, 4) for done in range(5)]


def test_what_must_not_change_a_number_is_kept_beside_the_report(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "render", lambda folder: ())
    symmetry_audit.measure(photos, reg="tv", group="p2", out=tmp_path / "run", workers=2, device="cpu")
    info = json.loads((tmp_path / "run/run.json").read_text(encoding="utf-8"))
    assert info["schema"] == api.RUN_SCHEMA == "symaudit.run/1"
    assert (info["device"], info["workers"], info["directory"]) == ("cpu", 2, os.getcwd())
    assert info["seconds"] >= 0
    assert set(info["versions"]) == set(api.LIBRARIES)
    assert info["versions"]["symaudit"] == symmetry_audit.__version__


def test_numbers_may_be_numbers_and_paths_paths(photos):
    report = symmetry_audit.measure(photos, reg="tv", group="p4", sigma=1, downscale=2, margin=9, limit=2)
    assert [(row.sigma, row.downscale) for row in report.results] == [(1, 1)] * 2 + [(1, 2)] * 2
    swept = symmetry_audit.measure(str(photos), reg=("tv",), group="p4", sigma=[1, 2.0], scenario=["dataset_strict"])
    assert [row.sigma for row in swept.results] == [1, 2.0]


def test_torch_keeps_its_threads(photos):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        symmetry_audit.measure(photos, reg="tv", group="p4", workers=3)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"reg": "sobl"}, SettingError, r'unknown regularizer "sobl"\. Did you mean "sobel"\?$'),
        ({"workers": 0}, SettingError, r"^--workers must be at least 1, got 0$"),
        ({"device": "gpu"}, SettingError, r'^unknown device "gpu"\. Did you mean "cpu"\?$'),
        ({"on_error": "stop"}, SettingError, r'^on_error must be "skip" or "fail", got "stop"$'),
        ({"source": "no such folder"}, SettingError, r'"no such folder" is no file or folder here, and no dataset'),
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
    symmetry_audit.measure(photos, reg="tv", group="p4", out=tmp_path / "run")
    for options in ({"group": "p8"}, {"group": "p4", "resume": False}):
        with pytest.raises(ReportError, match=r"choose another --out, or --force|--force starts over"):
            symmetry_audit.measure(photos, reg="tv", out=tmp_path / "run", **options)
    assert symmetry_audit.measure(photos, reg="tv", out=tmp_path / "run", group="p8", force=True).results


def test_the_package_offers_its_names_lazily():
    assert {"AuditReport", "SymmetryAuditError", "measure", "__version__"} <= set(dir(symmetry_audit))
    assert symmetry_audit.AuditReport is AuditReport
    assert symmetry_audit.SymmetryAuditError is SymmetryAuditError
    with pytest.raises(AttributeError, match=r"^module 'symmetry_audit' has no attribute 'mesure'$"):
        symmetry_audit.mesure  # noqa: B018
