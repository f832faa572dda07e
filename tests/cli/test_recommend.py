"""`symaudit recommend`: text or JSON on stdout, the files, and what it says of reports that hold no choice."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from symmetry_audit.cli.recommend import recommend as command
from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.reports import recommendation_text
from symmetry_audit.results import AuditReport, DatasetInfo, Recommendation
from symmetry_audit.theory import recommend
from tests.theory.situations import candidates, photo

FILES = ["recommendation.png", "recommendation.svg", "recommendation.pdf"]
FOUND = recommend(candidates("p8", photo), images=100)


def write(folder, **changes):
    folder.mkdir(exist_ok=True)
    report = AuditReport(DatasetInfo("DIV2K", "DIV2K", 100, "f" * 64), {}, ())
    document = {**report.to_dict(), "recommendation": FOUND.to_dict(), **changes}
    (folder / "report.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "symaudit-DIV2K")


def invoke(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_text_on_stdout_and_files_on_stderr(folder):
    result = invoke(folder)
    assert result.exit_code == 0, result.exception
    assert result.stdout == recommendation_text(FOUND, "DIV2K")
    assert result.stderr.splitlines() == [f"wrote {folder / name}" for name in FILES]
    assert all((folder / name).stat().st_size for name in FILES)


def test_json_is_one_document_with_the_block(folder):
    result = invoke(folder, "--json", "--no-plot")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document.pop("schema") == "symaudit.recommendation/1"
    assert document == json.loads(json.dumps(FOUND.to_dict()))
    assert result.stderr == ""
    assert [path.name for path in folder.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("options", "settings", "group"),
    [
        ([], {}, "p4"),
        (["--tolerance", "0.08"], {"tolerance": 0.08}, "p8"),
        (["--tolerance", "0.01"], {"tolerance": 0.01}, "p1"),
        (["--kappa", "0.1"], {"kappa": 0.1}, "p1"),
        (["--kappa", "50"], {"kappa": 50.0}, "p4"),
    ],
)
def test_the_choice_is_made_anew(folder, options, settings, group):
    result = invoke(folder, "--json", "--no-plot", *options)
    found = Recommendation.from_dict({k: v for k, v in json.loads(result.stdout).items() if k != "schema"})
    assert found == recommend(candidates("p8", photo), images=100, **settings)
    assert found.group == group


def test_report_json_stays_as_it_is(folder):
    before = (folder / "report.json").read_bytes()
    invoke(folder, "--tolerance", "0.2")
    assert (folder / "report.json").read_bytes() == before


def test_errors_are_raised_for_the_entry_point(tmp_path, folder):
    assert isinstance(invoke(tmp_path / "nowhere").exception, ReportError)
    for option in ("--kappa", "--tolerance"):
        for number in ("nan", "-1", "inf"):
            assert isinstance(invoke(folder, option, number).exception, SettingError)
    bare = invoke(write(tmp_path / "bare", recommendation=None))
    assert isinstance(bare.exception, ReportError)
    assert str(bare.exception) == (
        f"{tmp_path / 'bare' / 'report.json'} holds no dataset rows to choose from; measure with --scenario all"
    )
    damaged = invoke(write(tmp_path / "damaged", recommendation={"group": 1}))
    assert isinstance(damaged.exception, ReportError)
    assert "report.json is damaged (recommendation.scenario is missing)" in str(damaged.exception)
    assert bare.stdout == damaged.stdout == ""


def test_a_word_for_a_number_is_a_usage_error(folder):
    result = invoke(folder, "--kappa", "much")
    assert result.exit_code == 2
    assert "'much' is not a valid float" in result.stderr


def test_exit_codes_of_the_real_command(symaudit, folder):
    done = symaudit("recommend", folder, "--no-plot")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Recommended: p4, strict" in done.stdout
    wrong = symaudit("recommend", folder, "--kappa=-1")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "Error: kappa must be a finite number of at least 0, got -1\n"
    missing = symaudit("recommend", folder / "none")
    assert (missing.returncode, missing.stdout) == (1, "")


def test_help_has_an_example_that_runs(folder, monkeypatch):
    text = " ".join(invoke("--help").stdout.split())
    example = text.partition("Example: symaudit recommend ")[2].partition(" Options:")[0].split()
    assert example[0] == "symaudit-DIV2K"
    monkeypatch.chdir(folder.parent)
    result = invoke(*example)
    assert result.exit_code == 0, result.exception
    assert result.stderr.splitlines()[0] == "wrote symaudit-DIV2K/recommendation.png"


def test_help_imports_nothing_heavy():
    code = "import sys; from symmetry_audit.cli.recommend import recommend\n"
    code += "recommend(['--help'], standalone_mode=False)\n"
    code += "print(sorted({'numpy', 'pandas', 'pyarrow', 'matplotlib', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
