"""`symaudit report`."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from symmetry_audit.cli.report import FORMATS, report
from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.reports import FORMATS as RENDERED
from symmetry_audit.reports import table1_text

TABLES = ["table1.csv", "table1.md", "table1.tex"]
FIGURES = ["figure2.png", "figure2.svg", "figure2.pdf"]
DETAILS = ["details.md", "subsets.png", "subsets.svg", "subsets.pdf"]
DIRECTIONS = ["directions.png", "directions.svg", "directions.pdf"]


def invoke(*arguments):
    return CliRunner().invoke(report, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], TABLES + FIGURES + DETAILS + DIRECTIONS + ["report.html"]),
        (["--format", "details"], DETAILS),
        (["--format", "table1"], TABLES),
        (["--format", "directions"], DIRECTIONS),
        (["--format", "page"], ["report.html"]),
        (["--format", "figure2", "--reg", "sobel"], FIGURES),
    ],
)
def test_table_on_stdout_and_files_on_stderr(write_run, options, names):
    run = write_run(titles={"tv": "TV", "sobel": "Sobel"})
    result = invoke(run.folder, *options)
    assert result.exit_code == 0, result.exception
    assert result.stdout == table1_text(run.report)
    assert result.stderr.splitlines() == [f"wrote {run.folder / name}" for name in names]
    assert all((run.folder / name).stat().st_size for name in names)


def test_json_is_one_document_and_nothing_else(write_run):
    run = write_run()
    result = invoke(run.folder, "--json", "--format", "table1")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "schema": "symaudit.rendered/1",
        "files": [str(run.folder / name) for name in TABLES],
    }
    assert result.stderr == ""


def test_errors_are_raised_for_the_entry_point(write_run, tmp_path):
    result = invoke(tmp_path / "nowhere")
    assert isinstance(result.exception, ReportError)
    result = invoke(write_run().folder, "--reg", "mine")
    assert isinstance(result.exception, SettingError)
    assert "Choose from: tv, tv2, sobel, laplacian, prewitt." in str(result.exception)
    assert result.stdout == ""


def test_an_unknown_format_is_a_usage_error(write_run):
    result = invoke(write_run().folder, "--format", "pdf")
    assert result.exit_code == 2
    assert "'pdf' is not one of 'table1', 'figure2', 'details', 'directions', 'page', 'all'" in result.stderr


def test_formats_are_those_of_render_and_the_page():
    assert (*RENDERED, "page") == FORMATS


def test_help_has_an_example_that_runs(write_run, monkeypatch):
    text = " ".join(invoke("--help").stdout.split())
    run = write_run("symaudit-DIV2K")
    example = text.partition("Example: symaudit report ")[2].partition(" Options:")[0].split()
    assert example[0] == "symaudit-DIV2K"
    monkeypatch.chdir(run.folder.parent)
    result = invoke(*example)
    assert result.exit_code == 0, result.exception
    assert result.stderr.splitlines()[0] == "wrote symaudit-DIV2K/figure2.png"


def test_regularizers_complete_from_the_folder(write_run, tmp_path):
    run = write_run()
    parameter = next(item for item in report.params if item.name == "regularizer")
    context = report.make_context("report", [str(run.folder)])
    assert [item.value for item in parameter.shell_complete(context, "t")] == ["tv", "tv2"]
    context = report.make_context("report", [str(tmp_path)])
    assert parameter.shell_complete(context, "t") == []


def test_help_imports_nothing_heavy():
    code = "import sys; from symmetry_audit.cli.report import report\n"
    code += "report(['--help'], standalone_mode=False)\n"
    code += "print(sorted({'numpy', 'pandas', 'pyarrow', 'matplotlib', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
