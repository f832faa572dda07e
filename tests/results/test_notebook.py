"""How results look in notebooks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from symmetry_audit.results import Comparison
from symmetry_audit.results._notebook import MOST_ROWS, notebook_html
from tests.alignment.findings import alignment
from tests.reports.networks.test_evaluation_report import CNN, evaluation
from tests.reports.pages.examples import HOSTILE, written_report
from tests.results.test_pilot_result import CLEAR
from tests.results.test_recommendation import recommendation

ALIGNMENT = replace(alignment("p4", [0, 0.25, 0.1, 0.25]), verdict=("No.",))


@pytest.fixture
def report(tmp_path):
    found = written_report(tmp_path / "run", [f"{at}.png" for at in range(500)])
    return replace(found, recommendation=recommendation())


def test_a_report_is_written_in_one_short_line(report):
    assert repr(report) == f"AuditReport('photos', 500 images, p8, 2 rows, folder={str(report.folder)!r})"
    assert repr(replace(report, folder=None)) == "AuditReport('photos', 500 images, p8, 2 rows)"


def test_a_notebook_shows_the_answers_the_advice_and_the_dataset(report):
    html = report._repr_html_()
    assert "<strong>photos: 500 images under p8</strong>" in html
    assert "<p>flip left-right: fits; flip upside down: does not fit; " in html
    assert "<p>Build p4, relaxed.</p>" in html
    # the mean over n of 2 (n + 1) / 500 of 10, in percent; one row, that of the strict scenario
    assert "<td>tv</td><td>10</td>" in html and html.count("<tr>") == 2
    assert len(html) < 1000


@pytest.mark.parametrize(
    ("found", "parts"),
    [
        (ALIGNMENT, ["runs/a under p4", "<p>No.</p>", "<td>A1</td><td>25</td>", "<td>A2</td><td>10</td>"]),
        (Comparison((evaluation(), evaluation(CNN))), ["runs/f_p8</td><td>p8</td><td>34.06</td>", "runs/cnn"]),
        (CLEAR, [CLEAR.sentence, "<td>p4</td><td>-1.48</td><td>(-1.70 to -1.20)</td>"]),
    ],
    ids=["alignment", "comparison", "pilot"],
)
def test_a_notebook_shows_other_results(found, parts):
    html = found._repr_html_()
    assert all(part in html for part in parts), html


def test_a_notebook_table_is_short_and_escaped():
    html = notebook_html(HOSTILE, [HOSTILE], (HOSTILE,), [(HOSTILE,)] * 40)
    assert html.count("<tr>") == MOST_ROWS + 1 and "and 28 more rows" in html
    assert "<script" not in html and "\u202e" not in html
    assert notebook_html("a", [], ("b",), []) == "<div><p><strong>a</strong></p></div>"
