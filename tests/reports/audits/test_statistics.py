"""The statistics in Table 1: intervals, null levels, floors, held-out halves, the ratio limit, and the nulls."""

from dataclasses import replace

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.reports import table1_text
from symmetry_audit.results import SCENARIOS, Scenario
from tests.reports.readers import HOSTILE, WRITERS, parts_of, plain

ALL = SCENARIOS
TITLES = {"tv": "TV", "laplacian": "Laplacian"}
HELD_OUT = "Dataset, adaptive transformations, held out: relative ε (%), p approximate"


@pytest.fixture
def full(write_run):
    """A report of two regularizers with every statistic, each a known multiple of epsilon (conftest)."""
    return write_run(scenarios=ALL, titles=TITLES, full=True).report


def rows_of(report, scenario):
    return {row.regularizer: row for row in report.results if row.scenario == scenario}


def assert_shows(cell, value, digits=2):
    """``cell`` is the fraction ``value`` in percent, as it is rounded."""
    assert cell == f"{100 * value:.{len(cell.partition('.')[2])}f}"
    assert len(cell.replace(".", "").lstrip("-0")) >= digits


def assert_range(cell, low, high):
    """The end farther from zero has two significant digits, the other one as many decimals."""
    ends = cell.split(" to ")
    assert len({len(end.partition(".")[2]) for end in ends}) == 1
    for end, value in zip(ends, (low, high), strict=True):
        assert_shows(end, value, digits=2 if abs(value) == max(abs(low), abs(high)) else 0)


@pytest.mark.parametrize("kind", WRITERS)
def test_every_row_stands_beside_its_interval_null_level_floor_and_p(full, kind):
    paper, statistics, _ = parts_of(kind, full)
    assert [title for title, _ in statistics] == [Scenario.named(scenario).title for scenario in ALL]
    for scenario, (_, (header, *lines)) in zip(ALL, statistics, strict=True):
        assert header == ["Regularizer", "Relative ε (%)", "95 % interval", "Null level", "Grid floor", "p"]
        assert [line[0] for line in lines] == ["TV", "Laplacian"]
        for (_, relative, interval, null, floor, p), row in zip(lines, rows_of(full, scenario).values(), strict=True):
            assert_shows(relative, row.relative_epsilon)
            assert_range(interval, row.relative_ci_low, row.relative_ci_high)
            assert_shows(floor, row.relative_floor)
            assert p == ("0.027" if scenario == "dataset_strict" else "–")
            if scenario == "sample_strict":
                assert null == "–"
            else:
                assert_shows(null, row.relative_null)
    assert [len(rows) for _, rows in paper] == [4, 4, 5]


@pytest.mark.parametrize("kind", WRITERS)
def test_held_out_halves_have_their_own_table(full, kind):
    ((title, (header, *lines)),) = parts_of(kind, full)[2]
    assert title == HELD_OUT
    assert header == ["Regularizer", "Fitted on", "Strict", "Adaptive", "Gain", "95 % interval", "p", "Random angles"]
    for line, row in zip(lines, rows_of(full, "dataset_adaptive").values(), strict=True):
        assert line[:2] == [TITLES[row.regularizer], "joint"]
        values = (row.relative_held_out_strict, row.relative_held_out, row.relative_held_out_gain)
        for cell, value in zip(line[2:5], values, strict=True):
            assert_shows(cell, value)
        assert_range(line[5], row.relative_held_out_gain_low, row.relative_held_out_gain_high)
        assert line[5].startswith("-")
        assert line[6] == "0.342"
        assert_shows(line[7], row.relative_random)


@pytest.mark.parametrize("kind", WRITERS)
def test_controls_of_some_images_stand_beside_their_standard_errors(full, kind):
    errors = {"relative_null_se": 0.0012, "relative_held_out_se": 0.0034, "relative_random_se": 0.0056}
    changed = [
        replace(row, control_images=2, **errors) if row.scenario == "dataset_adaptive" else row for row in full.results
    ]
    report = replace(full, results=tuple(changed))
    _, statistics, ((_, (_, *lines)),) = parts_of(kind, report)
    pairs = [
        *((line[3], "relative_null") for line in statistics[-1][1][1:]),
        *((line[3], "relative_held_out") for line in lines),
        *((line[7], "relative_random") for line in lines),
    ]
    rows = [*rows_of(report, "dataset_adaptive").values()] * 3
    for (cell, name), row in zip(pairs, rows, strict=True):
        value, error = cell.split(" ± ")
        assert_shows(value, getattr(row, name))
        assert error == f"{100 * errors[f'{name}_se']:.{len(value.partition('.')[2])}f}"
    assert "± is the standard error of controls on 2 of the 6 images." in table1_text(report)
    assert "±" not in table1_text(full)


@pytest.mark.parametrize("kind", WRITERS)
def test_table1_without_the_images_at_the_ratio_limit(full, kind):
    title, (header, *lines) = parts_of(kind, full)[0][2]
    assert title == "ε without the images at the ratio limit (grey levels)"
    assert header == ["Scenario", "TV", "Laplacian"]
    for scenario, line in zip(ALL, lines[:3], strict=True):
        for cell, row in zip(line[1:], rows_of(full, scenario).values(), strict=True):
            assert cell == f"{row.epsilon_within_limit:.{len(cell.partition('.')[2])}f}"
    assert lines[3:] == [["Images at the limit (%)", "33.3", "33.3"]]
    assert "No image is at the ratio limit" not in WRITERS[kind](full)


def test_no_image_at_the_limit_is_a_sentence_not_a_block(write_run):
    report = write_run(scenarios=ALL, titles=TITLES, full=True, row={"images_at_limit": 0}).report
    assert len(parts_of("text", report)[0]) == 2
    assert "No image is at the ratio limit.\n" in table1_text(report)
    never = write_run("never", scenarios=ALL[:2], titles=TITLES, full=True, row={"images_at_limit": None}).report
    assert "ratio limit" not in table1_text(never)


def test_every_image_at_the_limit_leaves_an_en_dash_and_its_reason(write_run):
    row = {"images_at_limit": 6, "epsilon_within_limit": None, "reasons": {"epsilon_within_limit": "all are there"}}
    report = write_run(titles=TITLES, full=True, row=row).report
    _, (_, *lines) = parts_of("text", report)[0][2]
    assert [line[1:] for line in lines] == [["–", "–"], ["–", "–"], ["100.0", "100.0"]]
    assert "– No ε without the images at the limit: all are there.\n" in table1_text(report)


@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_below_twice_the_null_level_is_marked(full, kind):
    factors = {"tv": 1.99, "laplacian": 2.01}
    rows = [
        replace(row, null_epsilon=None if row.null_epsilon is None else row.epsilon / factors[row.regularizer])
        for row in full.results
    ]
    marked = replace(full, results=tuple(rows))
    paper, statistics, _ = parts_of(kind, marked)
    for _, (_, *lines) in paper[:2]:
        assert [line[1].endswith("~") for line in lines] == [False, True, True]
        assert not any(line[2].endswith("~") for line in lines)
    assert not any("~" in cell for line in paper[2][1] for cell in line)
    for scenario, (_, (_, *lines)) in zip(ALL, statistics, strict=True):
        assert [line[1].endswith("~") for line in lines] == [scenario != "sample_strict", False]
    note = "~ Not distinguishable from symmetric: below twice the null level."
    assert note in plain(kind, WRITERS[kind](marked))
    assert "Not distinguishable" not in WRITERS[kind](full)


def test_untested_outweighs_not_distinguishable(full):
    rows = tuple(replace(row, null_epsilon=row.epsilon, tested=False) for row in full.results)
    text = table1_text(replace(full, results=rows))
    assert "~" not in text
    assert text.count("†") == 2 * 6 + 6 + 1


@pytest.mark.parametrize("kind", WRITERS)
def test_every_null_has_its_reason_once(full, kind):
    text = plain(kind, WRITERS[kind](full))
    assert text.count("– No null level, p: one profile each.") == 1
    assert text.count("– No p: the same images.") == 1
    assert text.count("– No ") == 2


def test_a_strict_run_explains_no_null_of_a_table_it_lacks(write_run):
    names = ("p_value", "null_epsilon", "relative_null", "excess", "relative_held_out", "images_at_limit")
    row = {"p_value": None, "null_epsilon": None, "relative_null": None, "reasons": dict.fromkeys(names, "too few")}
    report = write_run(scenarios=ALL[1:2], titles=TITLES, full=True, row=row).report
    assert len(parts_of("text", report)) == 2
    text = table1_text(report)
    assert "– No null level, p: too few.\n" in text
    assert text.count("too few") == 1
    assert "Held out" not in text
    assert "Single sample" not in text


def test_without_controls_there_is_no_held_out_table(write_run):
    row = dict.fromkeys(("held_out_epsilon", "random_epsilon", "null_epsilon", "relative_null"))
    row["reasons"] = dict.fromkeys(("relative_null", "relative_held_out"), "measured without controls")
    report = write_run(scenarios=ALL, titles=TITLES, full=True, row=row).report
    assert len(parts_of("text", report)) == 2
    assert "– No null level: measured without controls.\n" in table1_text(report)


def test_a_zero_response_has_no_percentages(write_run):
    names = ("relative_epsilon", "relative_ci_low", "relative_ci_high", "relative_null", "relative_floor")
    row = dict.fromkeys(names) | {"mean_response": 0.0, "reasons": dict.fromkeys(names, "every image is flat")}
    report = write_run(titles=TITLES, full=True, row=row).report
    for _, (_, *lines) in parts_of("text", report)[1]:
        assert {cell for line in lines for cell in line[1:5]} == {"–"}
    assert "– No relative ε, interval, null level, floor: every image is flat.\n" in table1_text(report)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_sweep_labels_every_part(write_run, kind):
    report = write_run(scenarios=ALL, titles=TITLES, full=True, sigma=(1.0, 1.5), downscale=(1, 2)).report
    paper, statistics, held_out = parts_of(kind, report)
    scales = [["1", "1"], ["1", "2"], ["1.5", "1"], ["1.5", "2"]]
    assert [line[:2] for line in paper[2][1][-4:]] == scales
    assert {line[2] for line in paper[2][1][-4:]} == {"Images at the limit (%)"}
    for _, (header, *lines) in (*statistics, *held_out):
        assert header[:3] == ["σ (px)", "Downscale", "Regularizer"]
        assert [line[:3] for line in lines] == [[*scale, title] for scale in scales for title in TITLES.values()]
    rows = [row for row in report.results if row.scenario == "dataset_strict"]
    for line, row in zip(statistics[1][1][1:], rows, strict=True):
        assert_shows(line[5], row.relative_null)


def test_lines_fit_a_terminal(write_run):
    report = write_run(scenarios=ALL, full=True, group="p32").report
    lines = table1_text(report).splitlines()
    assert max(map(len, lines[1:])) <= 100
    assert 40 < len(lines) < 60


@pytest.mark.parametrize("kind", WRITERS)
def test_hostile_reasons_and_names_are_shown_as_they_are(write_run, kind):
    reasons = {"p_value": HOSTILE}
    report = write_run(
        scenarios=ALL, titles={"tv": HOSTILE}, full=True, row={"reasons": reasons, "fit": HOSTILE}
    ).report
    assert f"– No p: {HOSTILE}." in " ".join(plain(kind, WRITERS[kind](report)).split())
    *_, statistics, held_out = parts_of(kind, report)
    assert [rows[1][0] for _, rows in statistics] == [HOSTILE] * 3
    assert held_out[0][1][1][:2] == [HOSTILE, HOSTILE]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"ci_low": float("nan")}, "has a value that is not a finite number"),
        ({"held_out_gain": "0.1"}, "has a value that is not a finite number"),
        ({"reasons": {"p_value": 3}}, "has a reason that is not text"),
        ({"reasons": 3}, "unusable settings"),
    ],
)
def test_damaged_statistics_are_refused(full, changes, match):
    rows = (replace(full.results[0], **changes), *full.results[1:])
    with pytest.raises(ReportError, match=match + ".*measure again with --force"):
        table1_text(replace(full, results=rows))
