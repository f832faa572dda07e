"""`symaudit measure`: exit codes, stdout and stderr, config files, report folders, and runs that are killed."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import sys

import numpy as np
import pytest
from PIL import Image

from symmetry_audit import measure as measure_in_python
from symmetry_audit import reports
from symmetry_audit.cli.main import main
from symmetry_audit.cli.measure import measure as command
from symmetry_audit.cli.options import speaker
from symmetry_audit.cli.progress import image_progress
from symmetry_audit.results import AuditReport
from tests.cli.conftest import STRICT, Killable, one_document
from tests.conftest import save_photos

FILES = {"report.json", "run.json", "report.html", "responses.parquet", "journal.jsonl", ".lock"}
FITS = {"affine.parquet", "affine.csv"}
DRAWN = {
    *("table1.csv", "table1.md", "table1.tex", "figure2.png", "figure2.svg", "figure2.pdf"),
    *("details.md", "subsets.png", "subsets.svg", "subsets.pdf"),
    *("directions.png", "directions.svg", "directions.pdf"),
}


@pytest.fixture
def run(call):
    """Run ``symaudit measure`` in this process, in tmp_path; give exit code, stdout and stderr."""
    return lambda *arguments: call("measure", *arguments)


def closing(folder):
    """The last lines of stderr."""
    return [
        f"The report: {folder}/report.html, with all numbers, tables and figures beside it",
        f"Next, try it on your task: symaudit recommend {folder} --task denoise --sigma 25",
    ]


# --- real processes


def test_exit_codes_0_3_and_4(symaudit, run, photos, undrawn, tmp_path):
    small = ("photos", "--reg", "tv", "--group", "p4", "--workers", "1", *STRICT)
    done = symaudit("measure", *small, "--out", "a/report", "--json")
    report = one_document(done.stdout)
    assert done.returncode == 0
    assert report["schema"] == "symaudit.report/2"
    assert (tmp_path / "a/report/report.json").read_text(encoding="utf-8") == done.stdout
    assert {path.name for path in (tmp_path / "a/report").iterdir()} == FILES | DRAWN
    assert report["warnings"] == []  # flips and half turns have answers
    assert done.stderr.splitlines() == closing("a/report")

    (photos / "photo_1.png").write_bytes(b"")
    code, out, err = run(*small)  # a process that leaves images out: tests/cli/test_fit_affine.py
    assert code == 4
    assert "photos, 3 images" in out
    assert "Skipped: photo_1.png: the file is empty (0 bytes)\n" in err
    assert err.splitlines()[-2:] == closing("symaudit-photos")

    # more than 0 is exceeded, and that goes before images left out; the images are not measured again
    before = (tmp_path / "symaudit-photos/journal.jsonl").read_bytes()
    done = symaudit("measure", *small, "--fail-above", "0", "-q")
    assert done.returncode == 3
    assert done.stderr.startswith("The relative epsilon 0.0")
    assert done.stderr.endswith(" exceeds --fail-above 0\n")
    assert (tmp_path / "symaudit-photos/journal.jsonl").read_bytes() == before


def test_exit_codes_1_and_2(symaudit, tmp_path):
    (tmp_path / "empty").mkdir()
    done = symaudit("measure", "empty")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith('Error: no images in "empty"; expected files ending in .bmp, ')
    done = symaudit("measure", "empty", "--reg", "sobl", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'Error: unknown regularizer "sobl". Did you mean "sobel"?\n'
    assert not (tmp_path / "symaudit-empty").exists()


def test_a_run_that_is_interrupted_then_killed_continues_to_the_same_bytes(run, rng, undrawn, tmp_path):
    """Ctrl-C, then SIGKILL, then a torn line; the end is that of a run left in peace with another worker count."""
    count = 240
    (tmp_path / "photos").mkdir()
    picture = rng.integers(0, 256, (240, 240), np.uint8)
    for number in range(count):
        Image.fromarray(np.roll(picture, number, axis=1)).save(tmp_path / f"photos/{number:03}.png", compress_level=1)
    # a slow machine would be told how long the run will take
    arguments, journal = ("photos", "--out", "run", "--workers", "1", "-q", *STRICT), tmp_path / "run/journal.jsonl"

    first = Killable(tmp_path, journal, "measure", *arguments)
    first.wait_for(10)
    code, out, err = first.stop(signal.SIGINT)
    assert (code, out) == (130, "")
    assert err.strip() == "Interrupted. To continue a measurement or a training run, give the same command again."
    interrupted = first.images()
    assert 10 <= interrupted < count
    assert not (tmp_path / "run/report.json").exists()

    second = Killable(tmp_path, journal, "measure", *arguments)
    second.wait_for(interrupted + 10)
    second.process.send_signal(signal.SIGSTOP)
    # while it stands still, a third run on that folder is told, in this process, and changes nothing
    code, out, err = run(*arguments, "--force")
    assert (code, out) == (1, "")
    assert err == "Error: another run is writing to run; wait for it or choose another --out\n"
    code, out, err = second.stop(signal.SIGKILL)
    assert (code, out, err) == (-signal.SIGKILL, "", "")
    killed = second.images()
    assert interrupted + 10 <= killed < count
    with open(journal, "ab") as file:
        file.write(b'{"image": "239.png", "sta')

    assert run(*arguments)[0] == 0
    assert journal.read_bytes().count(b"\n") == 1 + count
    assert measure_in_python("photos", out="whole", workers=2, scenario=STRICT[1]).dataset.images == count
    for name in ("report.json", "responses.parquet"):  # what all tables and figures are made from
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


# --- stdout and stderr


def test_a_killed_adaptive_run_continues_to_the_same_bytes(run, rng, tmp_path):
    save_photos(tmp_path / "photos", rng, count=12)
    asked = ("photos", "--out", "run", "--workers", "1", "--group", "p8", "--reg", "tv,chiral", "-q")
    first = Killable(tmp_path, tmp_path / "run/journal.jsonl", "measure", *asked)
    first.wait_for(3)
    code, out, err = first.stop(signal.SIGKILL)
    assert (code, out, err) == (-signal.SIGKILL, "", "")
    assert 3 <= first.images() < 12
    assert run(*asked)[0] == 0
    whole = measure_in_python("photos", out="whole", workers=3, group="p8", reg="tv,chiral")
    assert whole.results[-1].held_out_p_value is not None  # everything that is drawn at random is there
    for name in sorted({"report.json", "responses.parquet"} | FITS | DRAWN):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES | FITS | DRAWN


def test_the_table_goes_to_stdout_and_the_report_can_be_loaded(run, photos, undrawn, tmp_path):
    code, out, err = run("photos", "--group", "p8", "--out", "r", "--no-controls")
    report = AuditReport.load(tmp_path / "r")
    assert code == 0
    assert out == reports.answers_text(report)
    warnings = [f"Warning: {text}" for text in report.warnings]
    assert err.splitlines() == [*warnings, *closing("r")]
    assert len(report.results) == 15


def test_quiet_says_nothing_but_the_result(run, photos, undrawn):
    (photos / "photo_0.png").write_bytes(b"")
    code, out, err = run("photos", "--group", "p2", "-q", *STRICT)
    assert (code, err) == (4, "")
    assert out.startswith("photos, 3 images\nBuild p4 (quarter turns) into a network.\n")
    code, more, err = run("photos", "--group", "p2", "-qv", "--allow-skipped", *STRICT)
    assert (code, err) == (0, "")
    assert "3 images, 1 skipped" in more  # Table 1


def test_verbose_says_what_will_be_measured_and_names_all_images_left_out(run, photos, undrawn):
    for number in range(12):
        (photos / f"x{number:02}.png").write_bytes(b"")
    arguments = ("photos", "--reg", "tv,chiral", "--group", "p4", "--device", "cpu", "--workers", "3", *STRICT)
    plan = "16 images of photos: tv,chiral under p4, gaussian kernel, margin 15 px, into symaudit-photos"
    code, out, err = run(*arguments, "-v")
    assert code == 4
    first, *left_out, last, following = err.splitlines()
    assert first == f"Measuring {plan}; device cpu, workers 3"
    assert left_out == [f"Skipped: x{number:02}.png: the file is empty (0 bytes)" for number in range(12)]
    assert [last, following] == closing("symaudit-photos")

    code, told, nothing = run(*arguments, "--dry-run")
    would, estimate = told.splitlines()
    assert (code, would, nothing) == (0, f"Would measure {plan}", "")
    assert estimate.startswith("Estimate: about 0 seconds of one core by the cost model (0.0")
    assert estimate.endswith(" pixels), 0 seconds on 3 workers")
    code, shorter, quieter = run(*arguments)
    assert out.startswith(shorter)
    assert out.endswith(reports.table1_text(AuditReport.load("symaudit-photos")))
    assert quieter.splitlines() == [*left_out[:10], "... and 2 more, see report.json or -v", last, following]


def test_json_of_a_flat_dataset_has_null_and_a_reason(run, tmp_path, undrawn):
    (tmp_path / "walls").mkdir()
    Image.new("L", (40, 40), 128).save(tmp_path / "walls/grey.png")
    code, out, _ = run("walls", "--reg", "chiral", "--group", "p4", "--json")
    document = one_document(out)
    assert code == 0
    names = ("relative_epsilon", "relative_floor", "normalized_epsilon", "floor")
    assert [row["scenario"] for row in document["results"]] == ["sample_strict", "dataset_strict", "dataset_adaptive"]
    for row in document["results"]:
        assert [row[name] for name in names] == [None] * 4
        assert {row["reasons"][name] for name in names} == {"the mean response is 0: every image is flat"}


def test_what_was_chosen_for_the_user_is_said(run, tmp_path, monkeypatch, capsys):
    save_photos(tmp_path / "own", np.random.default_rng(0), count=2)
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(tmp_path / "manifests"))
    with pytest.raises(SystemExit):
        main(["datasets", "add", "mine", "own"])
    capsys.readouterr()
    code, out, err = run("mine", "--dry-run")
    assert code == 0
    assert out.startswith("Would measure 2 images of mine:all: ")
    assert err == "mine: split all, 2 images\n"
    assert run("mine", "--dry-run", "-q") == (0, out, "")


@pytest.mark.parametrize(("scenario", "least"), [("sample_strict", True), ("dataset_strict", False)])
def test_fail_above_looks_at_the_dataset_rows_where_there_are_any(run, photos, undrawn, scenario, least):
    both = measure_in_python(photos, reg="tv", group="p8", scenario=STRICT[1])
    single, dataset = (row.relative_epsilon for row in both.results)
    assert single > dataset
    between = (single + dataset) / 2
    arguments = ("photos", "--reg", "tv", "--group", "p8", "-q", "--fail-above")
    assert run(*arguments, between, "--scenario", scenario, "--out", "alone")[0] == (3 if least else 0)
    assert run(*arguments, between, "--out", "both", *STRICT)[0] == 0
    assert run(*arguments, dataset, "--out", "both", *STRICT)[0] == 0  # reached is not exceeded
    assert run(*arguments, dataset * 0.999, "--out", "both", *STRICT)[0] == 3


def test_fail_above_fails_for_stripes_which_have_no_response_at_the_identity(run, tmp_path, rng, undrawn):
    (tmp_path / "stripes").mkdir()
    for number in range(2):
        stripes = np.repeat(rng.integers(0, 256, (48, 1), dtype=np.uint8), 40, axis=1)
        Image.fromarray(stripes).save(tmp_path / f"stripes/{number}.png")
    arguments = ("stripes", "--reg", "tv", "--group", "p4", "-q", *STRICT, "--fail-above")
    code, _, err = run(*arguments, 1.999, "--out", "a")
    assert (code, err) == (3, "The relative epsilon 2 exceeds --fail-above 1.999\n")  # 0 and f: f / (f / 2)
    assert run(*arguments, 2.001, "--out", "b")[0] == 0


def test_progress_is_a_line_now_and_then_where_stderr_is_no_terminal(capsys):
    with image_progress(quiet=False) as progress:
        progress.estimate(0.1)
        progress(1, 3)
    assert capsys.readouterr().err == ""
    with image_progress(quiet=True, interval=0.0) as progress:
        progress.estimate(0.1)
        progress(1, 3)
    assert capsys.readouterr() == ("", "")


def progress_lines(capsys, reports, **asked) -> list[str]:
    """The lines for ``reports``, each (seconds, images done, estimate), of 900 images."""
    now = [0.0]
    with image_progress(quiet=False, clock=lambda: now[0], **asked) as progress:
        for seconds, done, estimate in reports:
            now[0] = seconds
            if estimate is not None:
                progress.estimate(estimate)
            progress(done, 900)
    out, err = capsys.readouterr()
    assert out == "" and "\r" not in err
    return err.splitlines()


def test_a_line_gives_the_pace_and_the_time_left_of_this_run(capsys):
    """600 of the 900 were measured before; 4 in 31 s leave 296 at 31/4 s each, 2294 s."""
    seen = [(0, 600, None), (10, 601, 0.5), (31, 604, 0.123), (40, 605, 0.2), (61, 899, 0.25), (100, 900, 0.2)]
    assert progress_lines(capsys, seen) == [
        "604 of 900 images, 0.129 images/s, 0:00:31 so far, 0:38:14 left, 12.3% relative epsilon so far",
        "899 of 900 images, 4.9 images/s, 0:01:01 so far, 0:00:00 left, 25.0% relative epsilon so far",
        "900 of 900 images in 0:01:40",
    ]


def test_a_second_round_over_the_images_is_timed_apart(capsys):
    """Strict rows in 40 s, then the others: 100 images in 50 s leave 800 at half a second each."""
    seen = [(0, 0, None), (40, 900, None), (60, 0, None), (110, 100, None)]
    assert progress_lines(capsys, seen) == [
        "900 of 900 images in 0:00:40",
        "100 of 900 images, 2 images/s, 0:00:50 so far, 0:06:40 left",
    ]


def test_no_time_left_is_said_before_an_image_of_this_run_is_done(capsys):
    assert progress_lines(capsys, [(0, 600, None), (5, 600, None)], interval=0.0) == ["600 of 900 images"] * 2


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    with image_progress(quiet=False) as progress:
        for done in (2, 3, 5):
            progress(done, 5)
            progress.estimate(0.07)
        speaker(quiet=False)("a note")
        progress(1, 5)
    drawn = terminal.getvalue()
    assert "1/5" in drawn  # a second round has a bar of its own
    assert "2/5 [00:00<?, ?image/s]" in drawn  # no speed from images of an earlier run
    assert "5/5" in drawn and "relative epsilon so far=7.0%" in drawn
    assert "\ra note\n" in drawn  # on a line of its own


# --- options


def test_dry_run_prints_the_plan_and_leaves_nothing(run, photos, tmp_path):
    code, out, err = run("photos", "--limit", "3", "--sigma", "1,2", "--seed", "9", "--dry-run", "--json")
    plan = one_document(out)
    assert (code, err) == (0, "")
    assert (plan["schema"], plan["images"], plan["out"]) == ("symaudit.plan/1", 3, "symaudit-photos")
    assert (plan["settings"]["sigma"], plan["settings"]["seed"], plan["settings"]["margin"]) == ([1.0, 2.0], 9, 19)
    assert set(plan["estimate"]) == {"core_hours", "images", "mean_pixels"}
    assert plan["estimate"]["images"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_pictures_are_measured_as_tiles(run, tmp_path, undrawn):
    noise = np.random.default_rng(1).integers(0, 256, (180, 110), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "scene.png")
    Image.fromarray(np.tile(np.arange(110) < 60, (180, 1))).save(tmp_path / "mask.png")
    asked = ("scene.png", "--tile", "50", "--reg", "tv", "--scenario", "dataset_strict", "--mask", "mask.png")
    code, out, err = run(*asked, "--dry-run")
    assert (code, "Would measure 6 images of scene" in out) == (0, True)
    code, out, err = run(*asked)
    assert (code, "symaudit recommend" in err) == (4, False), err
    assert "scene.png: 3 of 6 tiles: " in err
    code, _, err = run("scene.png", "--tile", "50", "--downscale", "2")
    assert code == 2 and err.startswith("Error: --tile cannot be combined with --downscale: ")


def test_all_options_reach_the_report(run, photos, undrawn, tmp_path):
    (tmp_path / "own.toml").write_text("[diagonal]\npoints = [[-1, -1, -1], [1, 1, 1]]\n")
    Image.new("L", (56, 64), 9).save(tmp_path / "mask.png")
    code, out, _ = run(
        "photos", "--json", "--reg", "diagonal", "--reg", "tv,sobel", "--stencils", "own.toml", "--group", "p4m",
        "--kernel", "bicubic", "--margin", "9", "--response", "energy", "--scenario", "dataset_strict",
        "--downscale", "2", "--limit", "2", "--seed", "5", "--max-pixels", "5000", "--workers", "1", "--device", "cpu",
        "--fit", "sobel", "--no-controls", "--control-images", "9", "--clusters", "folder", "--pixels", "900",
        "--no-padding", "--mask", "mask.png", "--bands", "2", "--white", "255",
        "--unit", "grey", "--plane", "coronal", "--file-names",
    )  # fmt: skip
    settings = one_document(out)["settings"]
    assert code == 0
    assert len(settings.pop("mask")) == 64
    assert [item["name"] for item in settings.pop("regularizers")] == ["diagonal", "tv", "sobel"]
    assert settings == {
        "group": "p4m",
        "kernel": "bicubic",
        "sigma": [None],
        "margin": 9,
        "response": "energy",
        "scenarios": ["dataset_strict"],
        "downscale": [1, 2],
        "limit": 2,
        "sample": None,
        "seed": 5,
        "max_pixels": 5000,
        "tile": None,
        "bands": [2],
        "white": 255.0,
        "unit": "grey",
        "window": None,
        "plane": "coronal",
        "file_names": True,
        "pixels": 900,
        "padding": False,
        "body": False,
        "fit": "sobel",
        "affine": None,
        "spacing": False,
        "controls": False,
        "control_images": 9,
        "clusters": "folder",
    }
    info = json.loads((tmp_path / "symaudit-photos/run.json").read_text())
    assert (info["device"], info["workers"]) == ("cpu", 1)


def test_on_error_fail_stops_with_1(run, photos, undrawn, tmp_path):
    (photos / "photo_0.png").write_bytes(b"")
    code, out, err = run("photos", "--group", "p2", "--on-error", "fail")
    assert (code, out) == (1, "")
    assert err == "Error: photo_0.png: the file is empty (0 bytes); use --on-error skip to skip such images\n"
    assert not (tmp_path / "symaudit-photos/report.json").exists()


def test_a_finished_report_is_given_again_and_another_question_is_refused(run, photos, undrawn, tmp_path):
    asked = ("photos", "--reg", "tv", "--group", "p4", "--out", "r", "-q", *STRICT)
    first = run(*asked)
    stored = (tmp_path / "r/report.json").read_bytes()
    assert run(*asked) == first
    code, out, err = run(*asked, "--group", "p8")
    assert (code, out) == (1, "")
    assert err == (
        'Error: r holds a run with other settings (group: "p4", now "p8"); choose another --out, or '
        "--force to start over\n"
    )
    assert run(*asked, "--no-resume")[2] == "Error: r already holds a run; --resume continues it, --force starts over\n"
    assert (tmp_path / "r/report.json").read_bytes() == stored
    assert run(*asked, "--group", "p8", "--force")[0] == 0
    assert AuditReport.load("r").settings["group"] == "p8"


def test_a_place_that_cannot_be_written_is_one_line(run, photos, tmp_path):
    (tmp_path / "taken").write_text("mine")
    assert run("photos", "--out", "taken") == (1, "", "Error: taken is a file; choose another --out\n")
    code, _, err = run("photos", "--out", "taken/below")
    assert (code, err) == (1, "Error: cannot write to taken/below: Not a directory; choose another --out\n")
    code, _, err = run("photos", "--out", "photos")
    assert (code, err) == (1, "Error: photos holds other files and no report; choose another --out\n")
    assert (tmp_path / "taken").read_text() == "mine"


def test_the_report_folder_is_named_after_the_source(run, photos, tmp_path):
    (tmp_path / "my photos, 2024").symlink_to(photos)
    for source, folder in (("photos/photo_*.png", "symaudit-photos"), ("photos/photo_1.png", "symaudit-photo_1")):
        assert one_document(run(source, "--dry-run", "--json")[1])["out"] == folder
    assert one_document(run("photos", "--dry-run", "--json", "--out", "a/b")[1])["out"] == "a/b"
    for split, number, folder in (("train", 1, "symaudit-DIV2K"), ("valid", 801, "symaudit-DIV2K-valid")):
        images = tmp_path / f"data/DIV2K/DIV2K_{split}_HR"
        images.mkdir(parents=True)
        for index in range(number, 801 if split == "train" else 901):
            (images / f"{index:04d}.png").symlink_to(photos / "photo_1.png")
        known = (f"DIV2K:{split}", "--data-root", "data", "--dry-run", "--json")
        assert one_document(run(*known)[1])["out"] == folder
    photos.rename(tmp_path / "a b!")
    assert one_document(run("a b!", "--dry-run", "--json")[1])["out"].startswith("symaudit-a-b-")


# --- config files


def plan_of(run, *arguments) -> dict:
    code, out, err = run("photos", "--dry-run", "--json", *arguments)
    assert (code, err) == (0, "")
    document = one_document(out)
    names = [item["name"] for item in document["settings"].pop("regularizers")]
    return document | document["settings"] | {"reg": names}


def test_a_flag_goes_before_the_environment_before_the_file_before_the_default(run, photos, tmp_path, monkeypatch):
    (tmp_path / "run.toml").write_text('group = "p4"\nseed = 1\nmargin = 20\nreg = "tv,sobel"')
    assert plan_of(run)["group"] == "p32"
    plan = plan_of(run, "--config", "run.toml")
    assert (plan["group"], plan["seed"], plan["margin"], plan["reg"]) == ("p4", 1, 20, ["tv", "sobel"])
    monkeypatch.setenv("SYMAUDIT_MEASURE_GROUP", "p8")
    monkeypatch.setenv("SYMAUDIT_MEASURE_REG", "laplacian")
    monkeypatch.setenv("SYMAUDIT_MEASURE_SEED", "2")
    plan = plan_of(run, "--config", "run.toml", "--seed", "3")
    assert (plan["group"], plan["seed"], plan["margin"], plan["reg"]) == ("p8", 3, 20, ["laplacian"])
    plan = plan_of(run, "--config", "run.toml", "--group", "p16", "--reg", "chiral", "--margin", "30")
    assert (plan["group"], plan["seed"], plan["margin"], plan["reg"]) == ("p16", 2, 30, ["chiral"])


TRUTH = "image,ratio,alpha_deg\nphoto_0.png,1.5,30\n"


def test_a_config_file_may_hold_every_option(run, photos, tmp_path):
    names = {option.lstrip("-") for item in command.params for option in item.opts if option.startswith("--")}
    values = {
        "reg": ["tv", "mine"], "stencils": "own.toml", "group": "p8m", "kernel": "gaussian", "sigma": [1, 2.5],
        "margin": 40, "response": "energy", "scenario": ["dataset_adaptive"], "downscale": [2, 3], "sample": 2,
        "seed": 7, "max-pixels": 99, "on-error": "fail", "allow-skipped": True, "fail-above": 0.5, "data-root": "data",
        "dry-run": True, "device": "cpu", "workers": 2, "quiet": True, "verbose": False, "out": "there",
        "resume": False, "force": True, "json": True, "fit": "mine", "affine": "truth.csv", "controls": False,
        "control-images": "all", "clusters": "duplicates", "pixels": 98, "unit": "HU", "window": [40, 400],
        "plane": "sagittal", "file-names": True,
        "bands": [3, 2, 1], "white": 4095, "padding": False, "body": True, "mask": "photos/photo_0.png",
        "spacing": False,
        "conditions": "checks.toml", "junit": "junit.xml", "cluster": "local:2", "part": "1/2",
    }  # fmt: skip
    assert set(values) == names - {
        "config",
        "limit",
        "tile",
        "column",
    }  # which --sample, --downscale and folders exclude
    (tmp_path / "own.toml").write_text("[mine]\npoints = [[-1, -1, -1], [1, 1, 1]]\n")
    (tmp_path / "truth.csv").write_text(TRUTH)
    (tmp_path / "checks.toml").write_text('[[condition]]\nname = "one"\nvalue = "unit"\nequals = "HU"\n')
    # JSON values are TOML values; - and _ are the same
    lines = [f"{key.replace('-', '_')} = {json.dumps(value)}" for key, value in values.items()]
    (tmp_path / "run.toml").write_text("\n".join(lines))
    code, out, _ = run("photos", "--config", "run.toml")
    plan = one_document(out)
    settings = plan["settings"]
    assert (code, plan["out"], plan["images"]) == (0, "there", 2)
    assert [item["name"] for item in settings.pop("regularizers")] == ["tv", "mine"]
    assert len(settings.pop("mask")) == 64
    assert settings == {
        "group": "p8m",
        "kernel": "gaussian",
        "sigma": [1.0, 2.5],
        "margin": 40,
        "response": "energy",
        "scenarios": ["dataset_adaptive"],
        "downscale": [1, 2, 3],
        "limit": None,
        "sample": 2,
        "seed": 7,
        "max_pixels": 99,
        "tile": None,
        "bands": [3, 2, 1],
        "white": 4095.0,
        "unit": "HU",
        "window": [40, 400],
        "plane": "sagittal",
        "file_names": True,
        "pixels": 98,
        "padding": False,
        "body": True,
        "spacing": False,
        "fit": "mine",
        "affine": hashlib.sha256(TRUTH.encode()).hexdigest(),
        "controls": False,
        "control_images": "all",
        "clusters": "duplicates",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('grp = "p4"', r'run.toml: unknown key "grp". Did you mean "group"?'),
        ("no-resume = true", r'run.toml: unknown key "no-resume". Did you mean "resume"?'),
        ('[measure]\ngroup = "p4"', r'run.toml: unknown key "measure". Choose from: '),
        ('config = "other.toml"', r'run.toml: unknown key "config". Choose from: '),
        ('reg = "sobl"', 'unknown regularizer "sobl". Did you mean "sobel"?'),
        ('limit = "ten"', "run.toml: limit: 'ten' is not a valid integer range."),
        ("group = p4", "run.toml is not valid TOML: "),
        (b"group = '\xff'", "run.toml is not valid TOML: "),
    ],
)
def test_what_is_wrong_in_a_config_file_is_usage(run, photos, tmp_path, content, message):
    (tmp_path / "run.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = run("photos", "--config", "run.toml", "--dry-run")
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1]


def test_a_config_file_that_is_not_there(run, photos):
    code, _, err = run("photos", "--config", "none.toml")
    assert (code, err) == (2, "Error: cannot read the config file none.toml: No such file or directory\n")


# --- completion


@pytest.mark.parametrize(
    ("option", "typed", "expected"),
    [
        ("reg", "so", ["sobel"]),
        ("reg", "tv,lap", ["tv,laplacian"]),
        ("group", "p3", ["p32", "p32m"]),
        ("kernel", "b", ["bicubic"]),
        ("source", "DIV", ["DIV2K"]),
        ("fit", "jo", ["joint"]),
        ("scenario", "dataset_", []),
    ],
)
def test_names_are_completed(option, typed, expected):
    parameter = next(item for item in command.params if item.name == option)
    assert [item.value for item in parameter.shell_complete(None, typed)] == expected
