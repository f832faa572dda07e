"""`symaudit compare`: from saved evaluations and from runs, and what it refuses to mix."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest

from tests.cli.conftest import one_document
from tests.conftest import save_photos
from tests.inference.models import save_checkpoint


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    save_checkpoint(folder / "cnn")
    save_checkpoint(folder / "fconv", method="fconv")
    return folder


@pytest.fixture
def few(tmp_path, rng):
    return save_photos(tmp_path / "test", rng, count=2, size=(40, 36))


@pytest.fixture
def saved(call, few, runs, tmp_path):
    """Evaluations of a network and of bicubic interpolation."""
    for name, model in (("cnn", runs / "cnn"), ("bicubic", "bicubic")):
        (tmp_path / f"{name}.json").write_text(call("evaluate", model, "--data", few, "--json")[1], encoding="utf-8")
    return tmp_path


def rows(text):
    """The rows of the table by their first cell."""
    lines = text.splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines[3 : lines.index("", 3)]}


def test_saved_evaluations_in_one_table(call, saved):
    code, out, err = call("compare", "cnn.json", "bicubic.json")
    assert (code, err) == (0, "")
    assert out.startswith("test (2 images): super-resolution x2; protocol sr-y; seed 0.\n\nMethod")
    found = rows(out)
    assert list(found) == ["CNN", "bicubic"]
    assert found["CNN"][:2] == ["p1", "edsr"] and found["CNN"][3] == "1234"
    assert found["bicubic"][:4] == ["–"] * 4
    means = {name: one_document((saved / f"{name}.json").read_text())["mean"] for name in ("cnn", "bicubic")}
    assert found["CNN"][4].rstrip("*") == f"{means['cnn']['psnr']:.2f}"
    assert found["bicubic"][5].rstrip("*") == f"{means['bicubic']['ssim']:.4f}"
    assert "*" in out


def test_nothing_is_computed_anew(call, saved, few):
    for file in few.iterdir():
        file.unlink()
    assert call("compare", "cnn.json", "bicubic.json")[0] == 0


def test_runs_are_evaluated(call, runs, few):
    code, out, _ = call("compare", runs / "cnn", f"{runs / 'fconv'}/", "bicubic", "--data", few, "--json")
    document = one_document(out)
    assert code == 0 and document["schema"] == "symaudit.comparison/1"
    assert [row["name"] for row in document["rows"]] == [str(runs / "cnn"), str(runs / "fconv"), "bicubic"]
    assert [row["method"] for row in document["rows"]] == ["CNN", "F-Conv", None]
    assert document["rows"][2]["psnr"] == document["input"]["psnr"]
    assert set(document["reasons"]) == {"rows.bicubic.parameters"}


def test_files_and_runs_mix_on_the_same_images(call, saved, runs, few):
    code, out, _ = call("compare", "bicubic.json", runs / "cnn", "--data", few)
    assert code == 0 and list(rows(out)) == ["bicubic", "CNN"]
    code, out, err = call("compare", "bicubic.json", runs / "cnn", "--data", few, "--limit", 1)
    assert (code, out) == (1, "")
    assert "bicubic and " in err and "cannot be compared: test (2 images, " in err


def test_a_baseline_takes_the_task_of_the_first_network(call, few, tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "one", "denoise")
    code, out, err = call("compare", "identity", "one", "--data", few)
    assert code == 0 and out.startswith("test (2 images): denoising, Gaussian noise of sigma 25;"), err
    assert list(rows(out)) == ["identity", "CNN"]
    times = [line.split()[-1] for line in out.splitlines()[3:5]]
    assert not any(time.endswith("*") for time in times)  # one network is the fastest of one
    assert "* The best of its column." in out
    code, out, err = call("compare", "one", "identity", "--data", few, "--sigma", 10)
    assert code == 0 and "sigma 10" in out.splitlines()[0]
    monkeypatch.setattr("symmetry_audit.verbs._compare.evaluate", lambda request: pytest.fail("too early"))
    code, out, err = call("compare", "one", "bicubic", "--data", few)
    assert (code, out) == (2, "") and "bicubic is not a baseline for denoising" in err and "use identity" in err


def test_what_all_runs_find_is_said_once(call, runs, few):
    import zipfile

    with zipfile.ZipFile(few.parent / "set.zip", "w") as archive:
        archive.write(few / "photo_0.png", "a.png")
        archive.write(few / "photo_1.png", "../b.png")
    code, _, err = call("compare", runs / "cnn", runs / "fconv", "bicubic", "--data", "set.zip")
    assert code == 4 and err.count("Skipped: ") == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--protocol", "rgb"], "protocol sr-y versus protocol rgb"),
        (["--seed", 1], "seed 0 versus seed 1"),
        (["--scale", 3], "super-resolution x2 versus super-resolution x3"),
        (["--limit", 1], "versus test (1 images, "),
    ],
)
def test_unlike_evaluations_are_refused(call, saved, few, options, reason):
    (saved / "other.json").write_text(call("evaluate", "bicubic", "--data", few, "--json", *options)[1])
    code, out, err = call("compare", "cnn.json", "other.json")
    assert (code, out) == (1, "") and reason in err and err.endswith("; evaluate both under the same conditions\n")


def test_files_are_checked_before_anything_is_evaluated(call, saved, few):
    (saved / "other.json").write_text(call("evaluate", "bicubic", "--data", few, "--json", "--seed", 1)[1])
    err = call("compare", "no/run/here", "cnn.json", "other.json", "--data", few)[2]
    assert "seed 0 versus seed 1" in err


def test_tables_are_written_too(call, saved):
    code, _, err = call("compare", "cnn.json", "bicubic.json", "--csv", "t.csv", "--latex", "t.tex")
    assert code == 0 and err.splitlines() == ["wrote t.csv", "wrote t.tex"]
    with open(saved / "t.csv", encoding="utf-8") as file:
        assert [row["method"] for row in csv.DictReader(file)] == ["CNN", ""]
    assert r"\textbf{" in (saved / "t.tex").read_text(encoding="utf-8")


def test_what_cannot_be_compared(call, saved, runs, few, tmp_path):
    code, out, err = call("compare", runs / "cnn", "cnn.json")
    assert (code, out) == (
        2,
        "",
    ) and "is not evaluated yet: give --data, or the output of evaluate --json for it" in err
    code, out, err = call("compare", "cnn.json", "--protocol", "rgb")
    assert (code, out) == (2, "") and "--protocol is for runs that are evaluated now" in err
    code, out, err = call("compare", "cnn.json", "--self-ensemble")
    assert (code, out) == (2, "") and "--self-ensemble is for runs that are evaluated now" in err
    code, out, err = call("compare", "none.json")
    assert (code, out) == (1, "") and "cannot read none.json" in err
    (tmp_path / "report.json").write_text('{"schema": "symaudit.report/1"}', encoding="utf-8")
    code, out, err = call("compare", "report.json")
    assert (code, out) == (1, "") and 'report.json has schema "symaudit.report/1", expected' in err
    assert call("compare")[0] == 2


def test_leaks_are_refused_here_too(call, few, tmp_path):
    run = save_checkpoint(tmp_path / "run", seen=few)
    code, out, err = call("compare", run, "--data", few)
    assert (code, out) == (1, "") and "was trained on 2 of the 2 test images" in err
    assert call("compare", run, "--data", few, "--allow-leak")[0] == 0


def test_help_says_how_and_imports_nothing_heavy():
    code = "import sys; from symmetry_audit.cli.compare import compare\n"
    code += "compare(['--help'], standalone_mode=False)\n"
    code += "print(sorted({'numpy', 'pandas', 'matplotlib', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
    assert "Example:" in run.stdout and "Exit codes:" in run.stdout
