"""`symaudit demo`: the first minute with the project, run for real."""

from __future__ import annotations

import json

import pytest

from symmetry_audit import reports
from symmetry_audit.cli.main import main
from symmetry_audit.data import DEMO_PHOTOGRAPHS
from symmetry_audit.results import AuditReport
from tests.demo_run import demo_run


def test_the_demo_measures_all_photographs_into_a_folder_here(symaudit, tmp_path_factory):
    place, out, err = demo_run(tmp_path_factory, symaudit)
    report = AuditReport.load(place / "symaudit-demo")
    assert out == reports.answers_text(report)
    assert report.skipped == ()
    assert (report.dataset.name, report.dataset.images) == ("demo", len(DEMO_PHOTOGRAPHS))
    assert (report.settings["group"], report.settings["controls"]) == ("p32", False)
    for row in report.results:
        assert row.tested
        assert row.relative_epsilon > 0
    assert "The report: symaudit-demo/report.html, with all numbers, tables and figures beside it" in err.splitlines()
    assert (place / "symaudit-demo/figure2.png").stat().st_size > 10_000
    # the mean over images is rounder than single images: the finding of [SA]
    by_scenario = {}
    for row in report.results:
        by_scenario.setdefault(row.scenario, []).append(row.relative_epsilon)
    pairs = zip(by_scenario["sample_strict"], by_scenario["dataset_strict"], strict=True)
    assert all(single > dataset for single, dataset in pairs)
    # and fitted transformations leave less of it, but for the Laplacian, which has no direction to fit to
    adaptive = dict(zip(report.table1().columns, by_scenario["dataset_adaptive"], strict=True))
    strict = dict(zip(report.table1().columns, by_scenario["dataset_strict"], strict=True))
    assert [title for title in strict if adaptive[title] >= strict[title]] == ["Laplacian"]


@pytest.fixture
def three_photographs(monkeypatch):
    """The demo cut down to three small photographs, without figures."""
    from symmetry_audit.data import _demo

    monkeypatch.setattr(_demo, "DEMO_PHOTOGRAPHS", ("clock_motion.png", "coins.png", "microaneurysms.png"))
    monkeypatch.setattr(reports, "render", lambda folder: ())


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["demo", *arguments])
    return stop.value.code


def test_options_of_the_demo_and_its_report_can_be_verified(three_photographs, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("--group", "p2", "--out", "here/demo", "--json", "-q") == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.err == ""
    assert (document["schema"], document["settings"]["group"]) == ("symaudit.report/2", "p2")
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    with pytest.raises(SystemExit) as stop:
        main(["verify", "here/demo"])
    assert stop.value.code == 0
    assert run("--group", "q", "-q") == 2
    assert run("--group", "p4", "--out", "here/demo", "-q") == 1


def test_photographs_that_are_not_there_are_told(three_photographs, monkeypatch, tmp_path, capsys):
    from symmetry_audit.data import _demo

    monkeypatch.setattr(_demo, "DEMO_PHOTOGRAPHS", ("camera.png", "gone.png"))
    monkeypatch.chdir(tmp_path)
    assert run() == 1
    message = "Error: scikit-image here lacks gone.png; reinstall it with `pip install scikit-image`\n"
    assert capsys.readouterr().err == message
