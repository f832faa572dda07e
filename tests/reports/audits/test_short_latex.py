"""The LaTeX table for a paper: its numbers, and that it fits one column and two."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from symmetry_audit.cli.report import report as command
from symmetry_audit.reports import table1_short_tex
from symmetry_audit.results import SCENARIOS
from tests.reports.readers import HOSTILE, unescape_tex

PAPER = {"tv": (0.19, 0.04, 0.01), "laplacian": (3.33, 2.18, 0.48)}
# columns of about 229 pt (article), and of 237 pt as in proceedings of 6.875 in with a gap of 0.3125 in
CLASSES = {
    "article": r"\documentclass[twocolumn]{article}",
    "proceedings": r"\documentclass[10pt,twocolumn]{article}\textwidth6.875in\columnsep0.3125in\oddsidemargin-0.2in",
}
LEAST = 0.95  # of \footnotesize, 8 pt: smaller letters are hard to read in print


def named(run):
    """The report with epsilons of Table 1 of [SA]."""
    rows = [
        replace(row, epsilon=PAPER.get(row.regularizer, (1.0, 1.0, 1.0))[SCENARIOS.index(row.scenario)])
        for row in run.report.results
    ]
    return replace(run.report, results=tuple(rows))


def test_the_numbers_are_those_of_the_paper(write_run):
    text = table1_short_tex(named(write_run(scenarios=SCENARIOS)))
    body = re.search(r"\\toprule\n(.*?)\\bottomrule", text, re.DOTALL)[1]
    rows = [[cell.strip() for cell in line[:-3].split("&")] for line in body.splitlines() if "&" in line]
    assert rows[0] == ["Scenario", "TV", r"\shortstack[r]{Second-order\\TV}", "Sobel", "Laplacian", "Prewitt"]
    assert [row[:2] + row[4:5] for row in rows[1:4]] == [
        ["Single sample", "0.1900", "3.330"],
        ["Strict", "0.0400", "2.180"],
        ["Adaptive", "0.0100", "0.480"],
    ]
    assert [row[0] for row in rows[4:]] == [row[0] for row in rows[1:4]]
    assert len(body.splitlines()) == 11


def test_names_are_escaped(write_run):
    text = table1_short_tex(write_run(name=HOSTILE, titles={"tv": HOSTILE}).report)
    assert unescape_tex(re.search(r"\\caption\{(.*)\}\n", text)[1]).startswith(f"Symmetry error ε of {HOSTILE} (")
    header = re.search(r"\\toprule\n(.*) \\\\\n", text)[1]
    assert unescape_tex(header.split(" & ")[1].strip()) == HOSTILE


def compiled(tables, kind, folder):
    """The log of a document of the ``kind`` with these tables."""
    document = rf"{CLASSES[kind]}\usepackage{{booktabs,graphicx}}\begin{{document}}{''.join(tables)}\end{{document}}"
    (folder / "t.tex").write_text(document, encoding="utf-8")
    process = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"]
    subprocess.run(process, cwd=folder, check=True, capture_output=True, timeout=120)
    return (folder / "t.log").read_text(encoding="utf-8", errors="replace")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here: the LaTeX tables are not compiled")
@pytest.mark.parametrize("kind", CLASSES)
def test_it_fits_one_column_and_two(write_run, tmp_path, kind):
    plain = table1_short_tex(named(write_run("plain", scenarios=SCENARIOS)))
    wide = {"scenarios": SCENARIOS, "sigma": (1, 2), "downscale": (1, 2), "row": {"tested": False}, "full": True}
    tables = [plain, table1_short_tex(write_run("wide", name="a_b%c#1", titles={"tv": HOSTILE}, **wide).report)]
    tables += [table.replace("{table}", "{table*}") for table in tables]
    widths = [table.replace(r"\ifdim", r"\typeout{is \the\wd0 of \the\linewidth}\ifdim") for table in tables]
    log = compiled(widths, kind, tmp_path)
    assert "Overfull" not in log
    sizes = [float(one) / float(other) for one, other in re.findall(r"is ([\d.]+)pt ?of ([\d.]+)pt", log)]
    assert sizes[0] < 1 / LEAST
    assert sizes[2] < 1  # two columns: not shrunk


def test_the_command_writes_it_on_request(write_run):
    from click.testing import CliRunner

    run = write_run()
    result = CliRunner().invoke(command, [str(run.folder), "--format", "table1", "--latex", "short"])
    assert result.exit_code == 0
    assert (run.folder / "table1-short.tex").read_text(encoding="utf-8") == table1_short_tex(run.report)
    assert f"wrote {run.folder / 'table1-short.tex'}" in result.stderr.splitlines()
