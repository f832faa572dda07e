"""`symaudit fit-affine`: fits on stdout and in files, exit codes, pictures, and runs that are killed."""

from __future__ import annotations

import json
import shutil
import signal
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from symmetry_audit import fit_affine as fit_in_python
from symmetry_audit.reports import fits_text
from symmetry_audit.results import AFFINE_COLUMNS
from tests.cli.conftest import STRICT, Killable, one_document
from tests.conftest import save_photos

SMALL = ("--reg", "tv,laplacian", "--group", "p8")
ASKED = {"reg": "tv,laplacian", "group": "p8"}
FILES = {"affine.parquet", "affine.csv", "run.json", "report.html", "journal.jsonl", ".lock"}


@pytest.fixture
def run(call):
    """Run ``symaudit fit-affine`` in this process, in tmp_path; give exit code, stdout and stderr."""
    return lambda *arguments: call("fit-affine", *arguments)


# --- real processes


def test_exit_codes_0_and_4(symaudit, photos, tmp_path):
    done = symaudit("fit-affine", "photos", *SMALL, "--workers", "1")
    # a slow machine also tells how far it is
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "Fits written to symaudit-fits-photos")
    assert done.stdout == fits_text(fit_in_python(photos, **ASKED))
    assert {path.name for path in (tmp_path / "symaudit-fits-photos").iterdir()} == FILES
    (photos / "photo_1.png").write_bytes(b"")
    done = symaudit("fit-affine", "photos", *SMALL, "--json", "-q")
    assert (done.returncode, done.stderr) == (4, "")
    assert one_document(done.stdout)["skipped"] == [{"image": "photo_1.png", "reason": "the file is empty (0 bytes)"}]


def test_a_killed_run_continues_to_the_same_bytes(run, rng, tmp_path):
    save_photos(tmp_path / "photos", rng, count=16)
    asked = ("photos", "--group", "p8", "--reg", "tv,sobel", "--out", "run", "--workers", "1", "-q")
    first = Killable(tmp_path, tmp_path / "run/journal.jsonl", "fit-affine", *asked)
    first.wait_for(3)
    assert first.stop(signal.SIGKILL) == (-signal.SIGKILL, "", "")
    assert 3 <= first.images() < 16
    assert not (tmp_path / "run/affine.csv").exists()
    assert run(*asked)[0] == 0
    fit_in_python("photos", group="p8", reg="tv,sobel", out="whole", workers=3)
    for name in ("affine.parquet", "affine.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert len(pd.read_csv(tmp_path / "run/affine.csv")) == 16 * 3


# --- stdout, stderr and files


def test_json_is_one_document_without_nan(run, photos):
    Image.new("L", (64, 64), 9).save(photos / "wall.png")
    code, out, err = run("photos", *SMALL, "--json")
    document = one_document(out)
    assert (code, err) == (0, "Fits written to symaudit-fits-photos\n")
    assert list(document) == ["schema", "source", "settings", "fits", "skipped"]
    assert (document["schema"], document["source"], document["skipped"]) == ("symaudit.affine/2", "photos", [])
    assert document["settings"]["scenarios"] == ["dataset_adaptive"]
    assert [fit["regularizer"] for fit in document["fits"]] == ["laplacian", "tv", "joint"] * 5
    for fit in document["fits"]:
        assert tuple(fit) == AFFINE_COLUMNS
        assert (fit["a"] is None) == (fit["reason"] is not None) == (fit["ratio"] is None)
    expected = [fit.to_dict() for fit in fit_in_python(photos, **ASKED)]
    assert document["fits"] == json.loads(json.dumps(expected))


def test_both_files_hold_what_was_printed(run, photos, tmp_path):
    fits = one_document(run("photos", *SMALL, "--json", "--out", "fits", "-q")[1])["fits"]
    parquet, text = pd.read_parquet(tmp_path / "fits/affine.parquet"), pd.read_csv(tmp_path / "fits/affine.csv")
    assert tuple(parquet.columns) == tuple(text.columns) == AFFINE_COLUMNS
    for table in (parquet, text):
        assert table["image"].tolist() == [fit["image"] for fit in fits]
        assert table["a"].dropna().tolist() == pytest.approx(
            [fit["a"] for fit in fits if fit["a"] is not None], rel=1e-15
        )
        assert table["reason"].dropna().tolist() == [fit["reason"] for fit in fits if fit["reason"]]
    lines = (tmp_path / "fits/affine.csv").read_text(encoding="utf-8").splitlines()
    assert "true" in lines[2].split(",")  # converged
    assert "nan" not in "".join(lines).lower().replace("laplacian", "")


def test_one_image_is_a_source_too(run, photos, tmp_path):
    code, out, err = run("photos/photo_2.png", *SMALL)
    assert (code, err) == (0, "Fits written to symaudit-fits-photo_2\n")
    assert out == fits_text(fit_in_python(photos / "photo_2.png", **ASKED))


def test_plot_draws_every_image(run, photos, tmp_path):
    (photos / "photo_3.png").write_bytes(b"")
    Image.new("L", (64, 64), 9).save(photos / "wall.png")
    assert run("photos", *SMALL, "--plot", "--allow-skipped", "-q", "--out", "fits")[0] == 0
    plots = sorted((tmp_path / "fits/plots").iterdir())
    assert len(plots) == 4
    assert [path.name.split("-")[0] for path in plots] == ["photo_0", "photo_1", "photo_2", "wall"]
    for path in plots:
        with Image.open(path) as image:
            assert min(image.size) > 200
    # pictures are drawn again from what was measured, without fitting again
    journal = (tmp_path / "fits/journal.jsonl").read_bytes()
    before = [path.read_bytes() for path in plots]
    shutil.rmtree(tmp_path / "fits/plots")
    assert run("photos", *SMALL, "--plot", "--allow-skipped", "-q", "--out", "fits")[0] == 0
    assert [path.read_bytes() for path in sorted((tmp_path / "fits/plots").iterdir())] == before
    assert (tmp_path / "fits/journal.jsonl").read_bytes() == journal


def test_images_left_out_are_named_on_stderr(run, photos):
    for number in range(12):
        (photos / f"x{number:02}.png").write_bytes(b"")
    code, out, err = run("photos", *SMALL)
    assert code == 4
    told = [f"Skipped: x{number:02}.png: the file is empty (0 bytes)" for number in range(12)]
    assert err.splitlines() == [
        *told[:10], "... and 2 more, see report.json or -v", "Fits written to symaudit-fits-photos"
    ]  # fmt: skip
    assert run("photos", *SMALL, "-v", "--allow-skipped") == (0, out, "\n".join([*told, err.splitlines()[-1], ""]))
    assert run("photos", *SMALL, "-q") == (4, out, "")


def test_progress_goes_to_stderr(run, photos, monkeypatch):
    from symmetry_audit.cli import progress

    monkeypatch.setattr(progress.image_progress.__wrapped__, "__defaults__", (0.0, time.monotonic))
    _, _, err = run("photos", *SMALL, "--workers", "1")
    *lines, last = err.splitlines()
    assert [line.partition(",")[0] for line in lines[:4]] == [f"{n} of 4 images" for n in range(4)]
    assert [line.partition(" in ")[0] for line in lines[4:]] == ["4 of 4 images"]
    assert last == "Fits written to symaudit-fits-photos"


# --- what is wrong


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("photos", "--reg", "laplacian"),
            2,
            "dataset_adaptive needs a regularizer that depends on direction; add --reg tv",
        ),
        (("photos", "--reg", "sobl"), 2, 'unknown regularizer "sobl". Did you mean "sobel"?'),
        (("photos", "--margin", "5"), 2, "--margin 5 is narrower than the kernel window; use at least 15 px, or"),
        (("none",), 2, '"none" is not a file, a folder or a dataset'),
        (("photos", "--limit", "0"), 2, "0 is not in the range x>=1"),
        (
            ("photos", "--margin", "40"),
            1,
            "none of the 4 images could be measured; photo_0.png: 56 x 64 px is too small",
        ),
    ],
)
def test_errors_are_one_line_and_leave_nothing(run, photos, tmp_path, arguments, code, message):
    found, out, err = run(*arguments, "-q")
    assert (found, out) == (code, "")
    assert message in err.splitlines()[-1]
    assert not list(tmp_path.glob("*/affine.*"))


def test_on_error_fail_stops_with_1(run, photos):
    (photos / "photo_0.png").write_bytes(b"")
    code, out, err = run("photos", *SMALL, "--on-error", "fail", "-q")
    assert (code, out) == (1, "")
    assert err == "Error: photo_0.png: the file is empty (0 bytes); use --on-error skip to skip such images\n"


def test_a_folder_holds_one_run_of_either_verb(run, call, photos, undrawn):
    assert run("photos", *SMALL, "--out", "fits", "-q")[0] == 0
    code, _, err = run("photos", "--reg", "tv", "--group", "p8", "--out", "fits", "-q")
    assert (code, err) == (
        1,
        "Error: fits holds a run with other settings (regularizers: tv,laplacian, now tv); choose another --out, or "
        "--force to start over\n",
    )
    code, _, err = call("measure", "photos", *SMALL, *STRICT, "--out", "fits", "-q")
    assert code == 1
    assert "fits holds a run with other settings (scenarios: " in err
    assert run("photos", *SMALL, "--out", "fits", "-q", "--no-resume")[0] == 1
    assert run("photos", "--reg", "tv", "--group", "p8", "--out", "fits", "-q", "--force")[0] == 0


# --- with measure


def test_measure_takes_the_fits(run, call, photos, undrawn, tmp_path):
    assert run("photos", *SMALL, "--out", "fits", "-q")[0] == 0
    asked = ("photos", *SMALL, "--no-controls", "-q", "--json")
    given = one_document(call("measure", *asked, "--affine", "fits/affine.csv", "--out", "given")[1])
    own = one_document(call("measure", *asked, "--out", "own")[1])
    for new, old in zip(given["results"], own["results"], strict=True):
        assert new["epsilon"] == old["epsilon"]
        assert new.get("fit") == old.get("fit")
    code, out, err = call("measure", *asked, "--affine", "none.csv")
    assert (code, out, err) == (2, "", "Error: cannot read the fits in none.csv: No such file or directory\n")
    code, out, err = call("measure", *asked, "--affine", "fits/affine.csv", "--fit", "sobel")
    assert (code, out) == (2, "")
    assert 'unknown fit "sobel"' in err


def test_a_dry_run_of_measure_fits_nothing(call, photos, tmp_path):
    code, out, err = call("measure", "photos", "--fit", "joint", "--dry-run", "--json")
    assert (code, err) == (0, "")
    settings = one_document(out)["settings"]
    assert (settings["fit"], settings["controls"], settings["affine"]) == ("joint", True, None)
    assert settings["scenarios"] == ["sample_strict", "dataset_strict", "dataset_adaptive"]
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_fit_is_completed():
    from symmetry_audit.cli.fit_affine import fit_affine as command

    parameter = next(item for item in command.params if item.name == "reg")
    assert [item.value for item in parameter.shell_complete(None, "tv,so")] == ["tv,sobel"]


def test_arrays_and_files_agree(photos):
    grey = np.asarray(Image.open(photos / "photo_0.png").convert("L"), dtype=float)
    Image.fromarray(grey.astype(np.uint8)).save(photos / "grey.png")
    (_, from_file, _), (_, from_array, _) = (fit_in_python(source, **ASKED) for source in (photos / "grey.png", grey))
    assert (from_file.a, from_file.b) == (from_array.a, from_array.b)
