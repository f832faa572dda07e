"""Table 1 in text, Markdown, LaTeX and CSV: the numbers, the names, the marks, the reasons."""

import csv
import io
import math
import re
import shutil
import subprocess
from dataclasses import asdict, fields, replace

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.reports import table1_csv, table1_tex, table1_text
from symmetry_audit.results import SCENARIOS, AuditReport, ResultRow, Scenario
from tests.reports.readers import HOSTILE, WRITERS, parts_of, plain

ALL = SCENARIOS
REASONS = {
    "sample_strict": "p_value, null_epsilon, excess, relative_null: one profile each",
    "dataset_strict": "",
    "dataset_adaptive": "p_value: the same images",
}


def cells_of(kind, report):
    """[[cells of a row] ...] of the two blocks of [SA], header rows first."""
    return [rows for _, rows in parts_of(kind, report)[0][:2]]


def assert_rounded(cell, value):
    """``cell`` is ``value`` rounded to the digits shown, at least three significant ones."""
    assert value is not None
    assert cell == f"{value:.{len(cell.partition('.')[2])}f}"
    digits = cell.replace(".", "").lstrip("0")
    assert value == 0 or len(digits) >= 3


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("scenarios", [ALL[:2], ALL, ALL[1:2]])
def test_every_number_is_that_of_the_report(write_run, kind, scenarios):
    report = write_run(scenarios=scenarios, group="p32").report
    rows = {(row.scenario, row.regularizer): row for row in report.results}
    absolute, relative = cells_of(kind, report)
    for block, name, scale in ((absolute, "epsilon", 1), (relative, "relative_epsilon", 100)):
        assert block[0] == ["Scenario", "TV", "Second-order TV", "Sobel", "Laplacian", "Prewitt"]
        assert [line[0] for line in block[1:]] == [Scenario.named(scenario).title for scenario in scenarios]
        for scenario, line in zip(scenarios, block[1:], strict=True):
            assert len(line) == 6
            for regularizer, cell in zip(("tv", "tv2", "sobel", "laplacian", "prewitt"), line[1:], strict=True):
                assert_rounded(cell, scale * getattr(rows[scenario, regularizer], name))


@pytest.mark.parametrize("kind", WRITERS)
def test_table1_of_the_paper_reads_as_printed(write_run, kind):
    run = write_run(scenarios=ALL)
    paper = {"tv": (0.19, 0.04, 0.01), "laplacian": (3.33, 2.18, 0.48)}
    rows = [
        replace(row, epsilon=paper.get(row.regularizer, (1.0, 1.0, 1.0))[ALL.index(row.scenario)])
        for row in run.report.results
    ]
    block = cells_of(kind, replace(run.report, results=tuple(rows)))[0]
    assert [line[1] for line in block[1:]] == ["0.1900", "0.0400", "0.0100"]
    assert [line[4] for line in block[1:]] == ["3.330", "2.180", "0.480"]


def test_csv_has_every_field_of_every_row_at_full_precision(write_run):
    report = write_run(scenarios=ALL, sigma=(None,), name='a,"b"\nc', full=True).report
    lines = list(csv.DictReader(io.StringIO(table1_csv(report))))
    assert list(lines[0]) == ["dataset", *(item.name for item in fields(ResultRow))]
    assert len(lines) == len(report.results) == 15
    for line, row in zip(lines, report.results, strict=True):
        assert line.pop("dataset") == 'a,"b"\nc'
        for name, value in asdict(row).items():
            if isinstance(value, bool):
                assert line[name] == str(value).lower()
            elif isinstance(value, float):
                assert float(line[name]) == value
            elif name == "reasons":
                assert line[name] == REASONS[row.scenario]
            else:
                assert line[name] == ("" if value is None else str(value))


def test_decimal_points_stand_in_line_marked_or_not(write_run):
    report = write_run(scenarios=ALL, row={"tested": False}).report
    report = replace(report, results=(replace(report.results[0], tested=True), *report.results[1:]))
    lines = [line for line in table1_text(report).splitlines() if line.startswith(("  Single sample,", "  Dataset,"))]
    assert len(lines) == 6
    assert lines[0].count("†") == 4
    for block in (lines[:3], lines[3:]):
        points = {tuple(match.start() for match in re.finditer(r"\.\d", line)) for line in block}
        assert len(points) == 1
        assert len(points.pop()) == 5


@pytest.mark.parametrize("kind", WRITERS)
def test_a_column_has_one_number_of_decimals(write_run, kind):
    for block in cells_of(kind, write_run(scenarios=ALL).report):
        for column in list(zip(*block[1:], strict=True))[1:]:
            assert len({len(cell.partition(".")[2]) for cell in column}) == 1


def test_tiny_and_large_values_stay_readable(write_run):
    def cell(**values):
        report = write_run(titles={"tv": "TV"}, scenarios=ALL[1:2], folder=str(values), row=values).report
        return cells_of("text", report)[0][1][1]

    assert cell(epsilon=3.14159e-13) == "3.14e-13"
    assert cell(epsilon=12345.6) == "12346"
    assert cell(epsilon=0.0) == "0"
    assert cell(epsilon=0.0999999) == "0.100"
    assert cell(epsilon=0.000123456) == "0.000123"


def test_noise_beside_a_real_value_does_not_widen_the_column(write_run):
    report = write_run(titles={"tv": "TV"}).report
    rows = (replace(report.results[0], epsilon=1.5), replace(report.results[1], epsilon=1e-15))
    block = cells_of("text", replace(report, results=rows))[0]
    assert [line[1] for line in block[1:]] == ["1.50000", "0.00000"]


# --- words


@pytest.mark.parametrize("kind", WRITERS)
def test_caption_says_what_was_measured(write_run, kind):
    text = plain(kind, WRITERS[kind](write_run(skipped=2).report))
    assert (
        "Symmetry error ε of DIV2K (6 images, 2 skipped) under p8; Gaussian kernel, σ = 1.5 px; margin 15 px; "
        "intensities 0–255." in text
    )


def test_caption_of_other_settings(write_run):
    first = table1_text(write_run(sigma=(None,), response="energy", downscale=(2,), images=1).report).splitlines()
    assert first[0] == (
        "Symmetry error ε of DIV2K (1 image) under p8; mean squared response; bicubic kernel; margin 15 px; "
        "downscale 2; intensities 0–255."
    )
    assert first[3] == "ε (squared grey levels, intensities 0–255)"


def test_rows_of_different_image_counts_show_the_range(write_run):
    report = write_run(sigma=(None,)).report
    report = replace(report, results=(replace(report.results[0], images=4), *report.results[1:]))
    assert "(4–6 images)" in table1_text(report)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_sweep_labels_its_rows(write_run, kind):
    report = write_run(sigma=(1.0, 1.5), downscale=(1, 2), titles={"tv": "TV"}).report
    rows = {(row.sigma, row.downscale, row.scenario): row for row in report.results}
    for block, name, scale in zip(cells_of(kind, report), ("epsilon", "relative_epsilon"), (1, 100), strict=True):
        assert block[0] == ["σ (px)", "Downscale", "Scenario", "TV"]
        seen = [(float(sigma), int(downscale), title) for sigma, downscale, title, _ in block[1:]]
        assert seen == [(s, d, Scenario.named(c).title) for s, d, c in rows]
        for row, line in zip(rows.values(), block[1:], strict=True):
            assert_rounded(line[-1], scale * getattr(row, name))
    assert "1, 1.5 px" in WRITERS[kind](report)
    assert "downscale 1, 2;" in WRITERS[kind](report)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("row", [{"tested": False}, {"visible_elements": 0}])
def test_untested_values_carry_a_dagger_and_a_footnote(write_run, kind, row):
    report = write_run(group="p2", row=row).report
    for block in cells_of(kind, report):
        assert all(cell.endswith("†") for line in block[1:] for cell in line[1:])
    text = plain(kind, WRITERS[kind](report))
    assert "† Not tested: this regularizer sees no element of p2 but the identity" in text


@pytest.mark.parametrize("kind", WRITERS)
def test_tested_values_carry_no_dagger(write_run, kind):
    text = WRITERS[kind](write_run().report)
    assert "†" not in text
    assert "dagger" not in text


@pytest.mark.parametrize("kind", WRITERS)
def test_null_values_are_an_en_dash_with_their_reason(write_run, kind):
    report = write_run(
        row={"relative_epsilon": None, "reasons": {"relative_epsilon": "the mean response is 0_0"}}
    ).report
    absolute, relative = cells_of(kind, report)
    assert {cell for line in relative[1:] for cell in line[1:]} == {"–"}
    assert "–" not in {cell for line in absolute[1:] for cell in line[1:]}
    text = plain(kind, WRITERS[kind](report))
    assert text.count("– No relative ε: the mean response is 0_0.") == 1


def test_a_row_the_report_lacks_is_an_en_dash(write_run):
    report = write_run().report
    block = cells_of("text", replace(report, results=report.results[1:]))[0]
    assert block[1][1] == "–"
    assert block[2][1] != "–"


# --- hostile names


@pytest.mark.parametrize("kind", WRITERS)
def test_hostile_names_are_shown_as_they_are(write_run, kind):
    report = write_run(name=HOSTILE, titles={"tv": HOSTILE, "mine": "A & B"}).report
    assert f"Symmetry error ε of {HOSTILE} (6 images)" in plain(kind, WRITERS[kind](report))
    for block in cells_of(kind, report):
        assert block[0] == ["Scenario", HOSTILE, "A & B"]
        assert {len(line) for line in block} == {3}


def test_latex_leaves_no_special_character_unescaped(write_run):
    text = table1_tex(write_run(name=HOSTILE, titles={"tv": HOSTILE}).report)
    caption = re.search(r"\\caption\{(.*)\}\n", text)[1]
    assert not re.search(r"(?<!\\)[%#_&]|\^|~|--|`|[<>|]", caption)
    assert caption.replace(r"\{", "").count("{") == caption.replace(r"\}", "").count("}")
    assert set(re.findall(r"\\[a-zA-Z]+", caption)) <= {
        r"\textbackslash",
        r"\textasciitilde",
        r"\textasciicircum",
        r"\textless",
        r"\textgreater",
        r"\textbar",
        r"\textasciigrave",
        r"\textendash",
        r"\varepsilon",
        r"\sigma",
    }


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_compiles(write_run, tmp_path):
    report = write_run(
        name=HOSTILE, titles={"tv": HOSTILE}, scenarios=ALL, sigma=(1, 2), row={"tested": False}, full=True
    ).report
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + table1_tex(report) + r"\end{document}"
    (tmp_path / "t.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("nasty", ["a\nb", "a\x1b[31mb", "a\rb", "a\u202eb", "a\u2028b", "a\x00b"])
def test_control_characters_do_not_reach_a_terminal_or_break_a_line(write_run, kind, nasty):
    def named(name, folder):
        row = {"reasons": {"relative_epsilon": name}, "relative_epsilon": None, "fit": name}
        return write_run(folder, name=name, titles={"tv": name}, row=row, scenarios=ALL, full=True)

    run, clean = named(nasty, "run"), named("ab", "clean")
    text = WRITERS[kind](run.report)
    assert len(text.splitlines()) == len(WRITERS[kind](clean.report).splitlines())
    assert all(char.isprintable() for char in text.replace("\n", ""))


def test_latex_has_booktabs_rules_and_a_caption(write_run):
    text = table1_tex(write_run().report)
    rules = re.findall(r"\\(?:top|mid|bottom)rule", text)
    assert rules == [r"\toprule", r"\midrule", r"\midrule", r"\bottomrule"]
    assert r"\begin{tabular}{@{}lrrrrr@{}}" in text
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") == 1
    assert r"\hline" not in text


# --- reports that cannot be drawn up


def harmed(report, results=None, **settings):
    return AuditReport(report.dataset, {**report.settings, **settings}, report.results if results is None else results)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"group": "p0"}, 'unusable settings .*group "p0"'),
        ({"group": 8}, "unusable settings"),
        ({"regularizers": [{"name": "tv"}]}, "unusable settings .*title"),
        ({"response": "max"}, "unusable settings .*response 'max'"),
        ({"scenarios": ["mine"]}, "unusable settings .*scenario 'mine'"),
        ({"margin": None}, "unusable settings"),
        ({"sigma": 1.5}, "unusable settings"),
        ({"sigma": [2.0]}, r"result \('sample_strict', 'tv', 1.5, 1\) is not among the settings"),
        ({"results": ()}, "holds no results"),
    ],
)
def test_unusable_reports_say_so(write_run, settings, match):
    report = harmed(write_run().report, **settings)
    for writer in (*WRITERS.values(), table1_csv):
        with pytest.raises(ReportError, match=match + r".*measure again with --force$"):
            writer(report)


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "1.5"])
def test_values_that_are_no_numbers_are_refused(write_run, value):
    report = write_run().report
    results = (replace(report.results[0], epsilon=value), *report.results[1:])
    with pytest.raises(ReportError, match="has a value that is not a finite number"):
        table1_text(harmed(report, results))


def test_a_row_given_twice_is_refused(write_run):
    report = write_run().report
    with pytest.raises(ReportError, match=r"'tv', 1\.5, 1.*occurs twice"):
        table1_text(harmed(report, (*report.results, report.results[0])))


def test_settings_that_are_missing_are_named_with_the_file(write_run):
    run = write_run()
    report = replace(run.report, settings={})
    with pytest.raises(ReportError, match=r"run/report\.json has unusable settings .*group"):
        table1_text(report)
