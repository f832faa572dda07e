"""Strict rows before the fits: the same report to the last bit, an answer in between, and runs that stop there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from symmetry_audit.results import AuditReport, ResultRow
from symmetry_audit.verbs import MeasureRequest, plan_measure

ASKED = {"reg": "tv,sobel", "group": "p8", "limit": 3, "margin": 15}


class Stop(Exception):
    """The run is stopped."""


def report_text(folder: Path) -> str:
    return (folder / "report.json").read_text()


def records(folder: Path) -> list[set[str]]:
    """The arrays of each record of the journal, in order."""
    lines = (folder / "journal.jsonl").read_text().splitlines()[1:]
    return [set(json.loads(line)["arrays"]) for line in lines]


def numbers(row: ResultRow) -> dict:
    """All but those that fits decide."""
    fitted = ("images_at_limit", "epsilon_within_limit", "reasons")
    return {name: value for name, value in row.to_dict().items() if name not in fitted}


@pytest.mark.parametrize("more", [{}, {"sigma": (1.0, 1.5)}, {"pixels": 4000}], ids=["plain", "sweep", "pixels"])
def test_the_report_is_the_same_to_the_last_bit(photos: Path, tmp_path: Path, more: dict) -> None:
    early: list[AuditReport] = []
    plan = plan_measure(MeasureRequest(photos, **ASKED, **more))
    plan.run(tmp_path / "whole", draw=False)
    plan.run(tmp_path / "first", draw=False, first=early.append)
    assert report_text(tmp_path / "first") == report_text(tmp_path / "whole")
    strict = [row for row in AuditReport.load(tmp_path / "whole").results if row.scenario != "dataset_adaptive"]
    assert [numbers(row) for row in early[0].results] == [numbers(row) for row in strict]
    assert early[0].answers == AuditReport.load(tmp_path / "whole").answers
    kinds = [{"strict", "adaptive"} & arrays for arrays in records(tmp_path / "first")]
    assert kinds == [{"strict"}] * 3 + [{"strict", "adaptive"}] * 3


def test_a_run_that_is_stopped_between_continues(photos: Path, tmp_path: Path) -> None:
    plan = plan_measure(MeasureRequest(photos, **ASKED))

    def stop(report: AuditReport) -> None:
        raise Stop

    with pytest.raises(Stop):
        plan.run(tmp_path / "run", draw=False, first=stop)
    assert len(records(tmp_path / "run")) == 3
    plan.run(tmp_path / "run", draw=False, first=lambda report: None)
    assert len(records(tmp_path / "run")) == 6  # strict rows were not measured again
    plan.run(tmp_path / "whole", draw=False)
    assert report_text(tmp_path / "run") == report_text(tmp_path / "whole")


def test_without_fits_there_is_nothing_to_wait_for(photos: Path, tmp_path: Path) -> None:
    early: list[AuditReport] = []
    for scenario in ("dataset_strict", "dataset_adaptive"):
        plan = plan_measure(MeasureRequest(photos, **ASKED, scenario=(scenario,)))
        plan.run(tmp_path / scenario, draw=False, first=early.append)
    assert early == []


def test_the_cost_of_all_rows_is_told_before_the_strict_ones_are_measured(photos, tmp_path, monkeypatch) -> None:
    from symmetry_audit.audit import _forecast

    monkeypatch.setattr(_forecast, "MANY", 0)
    said: list[str] = []
    plan_measure(MeasureRequest(photos, **ASKED, say=said.append)).run(tmp_path / "run", draw=False, first=print)
    first, second = (line for line in said if "That is" in line)
    assert "with the adaptive rows that follow" in first
    assert "with the adaptive rows that follow" not in second
