"""``--conditions`` and ``--junit`` on the commands that have them: printed lines, files, exit codes."""

from __future__ import annotations

from xml.dom import minidom

import pytest

from tests.cli.conftest import one_document
from tests.conftest import save_photos
from tests.inference.models import save_checkpoint

HELD = '[[condition]]\nname = "few"\nvalue = "dataset.images"\nat_least = 2\n'
FAILING = '[[condition]]\nname = "a < b"\nvalue = "relative_epsilon"\ntable = "results"\nat_most = 0\n'
ABSENT = '[[condition]]\nname = "typo"\nvalue = "relative_epsilo"\nat_most = 0\n'


@pytest.fixture
def measure(call, undrawn, tmp_path, rng):
    save_photos(tmp_path / "in", rng, count=2, size=(40, 36))
    options = ("--group", "p4", "--reg", "tv", "--scenario", "dataset_strict", "-q")

    def run(text, *further):
        (tmp_path / "checks.toml").write_text(text, encoding="utf-8")
        return call("measure", "in", *options, "--conditions", "checks.toml", *further)

    return run


def test_conditions_that_hold(measure):
    code, out, err = measure(HELD)
    assert (code, out.splitlines()[-1], err) == (0, "ok: few: dataset.images is 2, at least 2", "")


def test_a_condition_that_fails(measure, tmp_path):
    code, out, _ = measure(HELD + FAILING, "--junit", "junit.xml")
    assert code == 3
    assert out.splitlines()[-1].startswith("failed: a < b: relative_epsilon is 0.")
    (suite,) = minidom.parse(str(tmp_path / "junit.xml")).getElementsByTagName("testsuite")
    assert (suite.getAttribute("name"), suite.getAttribute("failures")) == ("symaudit measure", "1")


def test_beside_json_the_lines_are_on_stderr(measure):
    code, out, err = measure(HELD + FAILING, "--json")
    assert (code, one_document(out)["dataset"]["images"]) == (3, 2)
    assert [line.partition(":")[0] for line in err.splitlines()] == ["ok", "failed"]


def test_a_condition_that_is_about_nothing(measure):
    code, _, err = measure(ABSENT)
    assert code == 2
    said = 'Error: checks.toml: condition "typo": there is no value "relative_epsilo". Did you mean "relative_epsilon"?'
    assert err.strip() == said


def test_a_wrong_file_is_refused_before_anything_is_measured(measure, tmp_path):
    code, out, err = measure("[[conditions]]")
    assert (code, out) == (2, "")
    assert 'checks.toml: unknown key "conditions". Did you mean "condition"?' in err
    assert not list(tmp_path.glob("symaudit-*"))


def test_junit_needs_conditions_in_any_order(call, measure):
    code, _, err = call("measure", "in", "--junit", "junit.xml")
    assert (code, "--junit writes the outcome of conditions; give --conditions FILE" in err) == (2, True)
    (code, *_) = measure(HELD, "--junit", "junit.xml")
    assert code == 0


def test_a_config_file_may_name_them(measure, call, tmp_path):
    measure(FAILING)
    (tmp_path / "run.toml").write_text('conditions = "checks.toml"\ngroup = "p4"\nreg = ["tv"]\n', encoding="utf-8")
    options = ("--scenario", "dataset_strict", "-q", "--junit", "junit.xml")
    assert call("measure", "in", "--config", "run.toml", *options)[0] == 3


def test_a_failed_condition_counts_before_skipped_images(measure, tmp_path):
    (tmp_path / "in" / "broken.png").write_bytes(b"no image")
    assert measure(HELD)[0] == 4
    assert measure(FAILING, "--force")[0] == 3


def test_evaluations(call, tmp_path, rng):
    save_photos(tmp_path / "in", rng, count=2, size=(40, 36))
    (tmp_path / "checks.toml").write_text(
        '[[condition]]\nname = "mean"\nvalue = "mean.psnr"\nat_least = 1\n'
        '[[condition]]\nname = "every image"\nvalue = "psnr"\ntable = "images"\nat_least = 1000\n',
        encoding="utf-8",
    )
    code, out, _ = call("evaluate", "bicubic", "--scale", 2, "--data", "in", "--conditions", "checks.toml")
    assert code == 3
    assert out.splitlines()[-2].startswith("ok: mean: mean.psnr is ")
    assert out.splitlines()[-1].startswith("failed: every image: psnr is ")
    assert "of 2 rows)" in out.splitlines()[-1]


def test_alignments(call, tmp_path, rng):
    save_photos(tmp_path / "in", rng, count=1, size=(40, 36))
    save_checkpoint(tmp_path / "net", "denoise")
    (tmp_path / "checks.toml").write_text(
        '[[condition]]\nname = "turned"\nvalue = "relative"\ntable = "scenarios.elements"\nangle_deg = 90\n'
        "at_most = 9\n"
        '[[condition]]\nname = "all"\nvalue = "relative"\ntable = "scenarios.elements"\nat_most = -1\n',
        encoding="utf-8",
    )
    options = ("--data", "in", "--group", "p4", "--conditions", "checks.toml", "-q")
    code, out, _ = call("align", "net", *options)
    assert code == 3
    assert out.splitlines()[-2].startswith("ok: turned: relative is ")
    assert out.splitlines()[-1].startswith("failed: all: relative is ")


@pytest.mark.parametrize("name", ["measure", "align", "evaluate", "compare-datasets"])
def test_help_says_what_exit_code_3_means(call, name):
    out = call(name, "--help")[1]
    assert "--conditions FILE" in out and "--junit FILE" in out
    assert "condition failed" in out
