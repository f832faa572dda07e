"""details.md: every number of the analyses in its place, and nothing that the report does not hold."""

import re
from dataclasses import replace

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.reports.audits._details import details_markdown
from symmetry_audit.reports.audits._subsets import subsets_figure
from symmetry_audit.results import SCENARIOS, Scenario
from tests.reports.readers import HOSTILE, unescape_md

ALL = SCENARIOS
STRICT, ADAPTIVE = (Scenario.named(name).title for name in ALL[1:])
TITLES = {"tv": "TV", "laplacian": "Laplacian"}
SECTIONS = ["Fits", "Transfer", "Images that move ε most", "Sub-folders", "How many images are enough"]


@pytest.fixture
def full(write_run):
    return write_run(scenarios=ALL, titles=TITLES, full=True).report


def sections_of(report):
    """{heading: [header, *rows]} with every row as its cells."""
    found = {}
    for section in details_markdown(report).split("\n## ")[1:]:
        lines = [line for line in section.splitlines() if line.startswith("| ")]
        split = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
        rows = [[unescape_md(cell.strip()) for cell in row] for row in [split[0], *split[2:]]]
        found[section.splitlines()[0]] = rows
    return found


def test_headings_and_first_lines(full):
    text = details_markdown(full)
    assert text.startswith("# Details of DIV2K\n\n6 images under p8. Table 1: table1.md.\n\n## Fits\n")
    assert text.endswith(" |\n")
    assert list(sections_of(full)) == SECTIONS


def test_fits(full):
    header, *lines = sections_of(full)["Fits"]
    assert header == [
        *("Fitted on", "Images", "Failed", "At limit (%)", "Mean ratio", "Median ratio", "Median angle (°)")
    ]
    assert lines == [
        ["TV", "6", "1", "33.3", "1.235", "1.100", "22"],
        ["Laplacian", "6", "1", "33.3", "2.235", "2.100", "23"],
        ["joint", "6", "1", "33.3", "3.235", "3.100", "24"],
    ]


def test_an_angle_of_half_a_turn_is_none(full):
    fits = [full.analyses["fits"][0] | {"median_alpha_deg": angle} for angle in (179.7, 179.4, 0.2, None)]
    lines = sections_of(replace(full, analyses={"fits": fits}))["Fits"][1:]
    assert [line[-1] for line in lines] == ["0", "179", "0", "–"]


def test_transfer_has_the_fits_down_and_the_measured_across(full):
    assert sections_of(full)["Transfer"] == [
        ["Fitted on", "TV", "Laplacian"],
        ["TV", "1.00", "1.10"],
        ["Laplacian", "2.00", "2.10"],
        ["joint", "3.00", "3.10"],
    ]


def test_transfer_keeps_its_order_and_shows_what_was_not_measured(full):
    items = [item for item in full.analyses["transfer"] if item["fit"] == "joint" or item["fit"] == item["regularizer"]]
    other = items[0] | {"fit": "per-regularizer", "relative_epsilon": None}
    report = replace(full, analyses={"transfer": [other, *reversed(items)]})
    assert sections_of(report)["Transfer"][1:] == [
        ["TV", "1.00", "–"],
        ["Laplacian", "–", "2.10"],
        ["per-regularizer", "–", "–"],
        ["joint", "3.00", "3.10"],
    ]


def test_leverage_lists_the_images_of_the_dataset_rows(full):
    header, *lines = sections_of(full)["Images that move ε most"]
    assert header == ["Scenario", "Place", "TV", "Laplacian"]
    words = ["images/0000.png +0.5", "images/0001.png -0.33", "images/0002.png +0.25"]
    assert lines == [
        [scenario, str(place), word, word] for scenario in (STRICT, ADAPTIVE) for place, word in enumerate(words, 1)
    ]


def test_folders(full):
    assert sections_of(full)["Sub-folders"] == [
        ["Folder", "Scenario", "Images", "TV", "Laplacian"],
        ["(top)", STRICT, "3", "5.00", "5.00"],
        ["(top)", ADAPTIVE, "3", "5.00", "5.00"],
        ["a_b", STRICT, "4", "10.00", "10.00"],
        ["a_b", ADAPTIVE, "4", "10.00", "10.00"],
    ]


def test_how_many_images_are_enough(full):
    assert sections_of(full)["How many images are enough"] == [
        ["Scenario", "TV", "Laplacian"],
        [STRICT, "3 of 6", "3 of 6"],
        [ADAPTIVE, "3 of 6", "3 of 6"],
    ]


def test_what_the_report_does_not_hold_has_no_section(write_run, full):
    assert details_markdown(write_run("none").report).count("\n") == 3
    for name, heading in zip(("fits", "transfer", "leverage", "folders", "subsets"), SECTIONS, strict=True):
        assert list(sections_of(replace(full, analyses={name: full.analyses[name]}))) == [heading]
        assert sections_of(replace(full, analyses={name: []})) == {}


def test_a_sweep_names_the_scales(write_run):
    report = write_run(scenarios=ALL[1:], titles=TITLES, full=True, sigma=(1.0, 1.5), downscale=(1, 2)).report
    found = sections_of(report)
    scales = [["1", "1"], ["1", "2"], ["1.5", "1"], ["1.5", "2"]]
    assert found["Fits"][0][:3] == ["σ (px)", "Downscale", "Fitted on"]
    assert [line[:2] for line in found["Fits"][1::3]] == scales
    assert found["Transfer"][0][:5] == [
        *("Fitted on", "σ (px), fitted", "Downscale, fitted", "σ (px), measured", "Downscale, measured")
    ]
    assert [line[:5] for line in found["Transfer"][3::3]] == [["joint", *scale, *scale] for scale in scales]
    assert [line[1:3] for line in found["How many images are enough"][1:]] == scales * 2


def test_hostile_names_are_shown_as_they_are(write_run):
    report = write_run(name=HOSTILE, scenarios=ALL, titles={"tv": HOSTILE}, full=True).report
    folder = report.analyses["folders"][0] | {"folder": HOSTILE + "\n\x1b[31m"}
    image = report.analyses["leverage"][0] | {"images": [{"image": "a\n|b", "leverage": 1.0}]}
    report = replace(report, analyses={**report.analyses, "folders": [folder], "leverage": [image]})
    text = details_markdown(report)
    assert all(char.isprintable() for char in text.replace("\n", ""))
    assert f"# Details of {HOSTILE}\n" in unescape_md(text)
    found = sections_of(report)
    assert {rows[0][-1] for heading, rows in found.items() if heading != "Fits"} == {HOSTILE}
    assert found["Sub-folders"][1][0] == HOSTILE + "  [31m"
    assert found["Images that move ε most"][1][-1] == "a |b +1"


@pytest.mark.parametrize(
    "damage",
    [
        {"fits": [{}]},
        {"fits": 3},
        {"transfer": [{"fit": "tv", "fit_sigma": 9.0, "fit_downscale": 1, "sigma": 1.5, "downscale": 1}]},
        {"leverage": [{"scenario": "mine", "images": [{}]}]},
        {"folders": [None]},
        {"subsets": [{"scenario": "dataset_strict", "regularizer": "tv", "sigma": 1.5, "downscale": 1, "enough": 3}]},
    ],
)
def test_damaged_analyses_are_refused(full, damage):
    with pytest.raises(ReportError, match=r"report\.json has unusable analyses .*measure again with --force"):
        details_markdown(replace(full, analyses=damage))


def test_analyses_that_are_no_table_are_refused(full):
    for writer in (details_markdown, subsets_figure):
        with pytest.raises(ReportError, match=r"report\.json has unusable analyses .*measure again with --force"):
            writer(replace(full, analyses=[]))
