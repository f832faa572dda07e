"""The `symaudit` command as a whole: help, exit codes, errors in one line, and what is imported when."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest

from symmetry_audit.cli import main as command
from symmetry_audit.errors import DataError, ReportError, SettingError

VERBS = list(command.VERBS)


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command in this process; give exit code, stdout and stderr."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            command.main(list(map(str, arguments)))
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return call


@pytest.fixture
def verb(monkeypatch):
    """Let `symaudit report` call a function of the test instead, with no arguments."""

    def install(function):
        monkeypatch.setattr(command.LazyGroup, "get_command", lambda *_: click.Command("report", callback=function))

    return install


# --- help


def test_help_lists_every_verb_and_every_exit_code(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for name, (_, line) in command.VERBS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", out, re.MULTILINE)
    assert re.findall(r"^    (\d+) ", out, re.MULTILINE) == ["0", "1", "2", "3", "4", "130"]
    assert "symaudit measure photos/ --group p32" in out
    assert run("-h")[1] == out


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_help_with_an_example(run, name):
    code, out, err = run(name, "--help")
    assert (code, err) == (0, "")
    # `datasets` is a group: its examples stand at its commands
    assert f"symaudit {name}" in out or name == "datasets"


def test_the_line_of_a_verb_is_that_of_its_help():
    for name, (_, line) in command.VERBS.items():
        loaded = command.cli.get_command(click.Context(command.cli), name)
        assert loaded.name == name
        if loaded.short_help:
            assert loaded.short_help == line


RETURNED = {  # beside 0, 1 and 2
    **{name: ["3", "4", "130"] for name in ("measure", "merge", "evaluate", "align")},
    "compare-datasets": ["3"],
    **{name: ["4", "130"] for name in ("fit-affine", "degrade", "restore", "compare", "pilot")},
    **{name: ["130"] for name in ("demo", "verify", "train", "bounds", "synth")},
    **{name: [] for name in ("recommend", "nets", "report")},
}


@pytest.mark.parametrize("name", RETURNED)
def test_the_help_of_a_verb_has_its_own_exit_codes(run, name):
    listed = re.findall(r"^    (\d+) ", run(name, "--help")[1], re.MULTILINE)
    assert listed == ["0", "1", "2", *RETURNED[name]]
    assert set(RETURNED) == set(command.VERBS) - {"datasets"}


@pytest.mark.parametrize("name", RETURNED)
def test_the_help_of_a_verb_names_its_own_variables_alone(run, name):
    out = run(name, "--help")[1]
    own = f"SYMAUDIT_{name.replace('-', '_').upper()}_"
    said = set(re.findall(r"SYMAUDIT_\w*", out)) - {"SYMAUDIT_DATA"}
    assert said == ({own} if "--config" in out else set())
    assert ("SYMAUDIT_DATA" in out) == ("--data-root" in out)


def test_help_imports_nothing_heavy():
    """Torch takes 3 s; neither help nor completion may wait for it, nor the import of the package."""
    code = """
import contextlib, io, sys
import symmetry_audit
from symmetry_audit.cli.main import VERBS, main
heavy = {"torch", "pandas", "matplotlib", "scipy", "pyarrow", "skimage", "imagecodecs"}
for arguments in (["--help"], *([verb, "--help"] for verb in VERBS), ["mesure"], []):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            main(arguments)
        except SystemExit:
            pass
    assert not heavy & set(sys.modules), (arguments, heavy & set(sys.modules))
import symmetry_audit.audit  # all but torch and what draws: those wait for a run
late = {"torch", "pandas", "matplotlib"}
assert not late & set(sys.modules), late & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_arguments_print_the_help_as_a_usage_error(run):
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "Commands:" in err


def test_version(run):
    import symmetry_audit

    assert run("--version") == (0, f"symaudit, version {symmetry_audit.__version__}\n", "")


# --- errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mesure"], 'no command "mesure". Did you mean "measure"?'),
        (
            ["xyzzy"],
            'no command "xyzzy". Choose from: measure, merge, fit-affine, demo, report, recommend, pilot, verify, '
            "nets, train, evaluate, degrade, restore, compare, compare-datasets, align, bounds, datasets, synth.",
        ),
        (["fit-afine", "x"], 'no command "fit-afine". Did you mean "fit-affine"?'),
        (["fit-affine"], "Missing argument 'SOURCE'."),
        (["fit-affine", "x", "--fit", "tv"], "No such option '--fit'"),
        (["--vresion"], "No such option '--vresion'. Did you mean '--version'?"),
        (["measure"], "Missing argument 'SOURCE'."),
        (["measure", "photos", "--gruop", "p4"], "No such option '--gruop'. Did you mean '--group'?"),
        (["demo", "--workers", "0"], "Invalid value for '--workers': 0 is not in the range x>=1."),
        (["measure", "x", "--device", "gpu"], "Invalid value for '--device': 'gpu' is not one of 'auto', 'cpu', 'cud"),
        (["measure", "x", "--sigma", "1,b"], "'--sigma': \"1,b\" is not a number or a comma list of numbers"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_what_is_near(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (SettingError("the option is wrong"), 2, "Error: the option is wrong"),
        (DataError("no images"), 1, "Error: no images"),
        (ReportError("damaged"), 1, "Error: damaged"),
        (MemoryError(), 1, "Error: not enough memory; give fewer or smaller images at a time, or fewer --workers"),
        (OSError(28, "No space left on device", "x.csv"), 1, "Error: [Errno 28] No space left on device: 'x.csv'"),
        (click.UsageError("wrong"), 2, "Error: wrong"),
        (
            KeyboardInterrupt(),
            130,
            "Interrupted. To continue a measurement or a training run, give the same command again.",
        ),
    ],
)
def test_errors_become_one_line_and_an_exit_code(run, verb, error, code, line):
    def fail():
        raise error

    verb(fail)
    found, out, err = run("report")
    assert (found, out) == (code, "")
    assert err.splitlines()[-1] == line


def test_a_mistake_of_ours_is_not_dressed_up_as_one_of_the_user(verb):
    verb(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command.main(["report"])


@pytest.mark.parametrize("result", [None, 0, 3, 4])
def test_a_verb_returns_its_exit_code(run, verb, result):
    verb(lambda: result)
    assert run("report")[0] == (result or 0)


# --- processes


def test_the_module_runs_and_a_reader_that_goes_away_is_no_error_to_speak_of():
    """`python -m symmetry_audit.cli datasets list | head -c 0`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "symmetry_audit.cli", "datasets", "list", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def test_a_full_disk_behind_stdout_is_one_line(symaudit):
    with open("/dev/full", "w") as full:
        done = symaudit("datasets", "list", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, "Error: [Errno 28] No space left on device\n")


def test_output_is_plain_text_with_or_without_no_color(symaudit):
    plain, forbidden = (symaudit("datasets", "list", env=env) for env in ({}, {"NO_COLOR": "1"}))
    assert plain.stdout == forbidden.stdout
    assert "\x1b" not in plain.stdout
