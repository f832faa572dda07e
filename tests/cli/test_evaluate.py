"""`symaudit evaluate`: tables and JSON, what the checkpoint decides, leaks, and errors in one line."""

from __future__ import annotations

import csv
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import symmetry_audit
from symmetry_audit.results import Evaluation
from tests.cli.conftest import one_document
from tests.conftest import save_photos
from tests.inference.models import save_checkpoint


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run folders of tiny networks, one for each task."""
    folder = tmp_path_factory.mktemp("runs")
    for task in ("sr", "denoise", "inpaint", "derain"):
        save_checkpoint(folder / task, task)
    return folder


@pytest.fixture
def few(tmp_path, rng):
    return save_photos(tmp_path / "test", rng, count=2, size=(40, 36))


def scores(text):
    """The cells of the last row, the means."""
    return next(line for line in text.splitlines() if line.startswith("Mean of")).split()


def test_a_network_beside_its_input(call, runs, few):
    code, out, err = call("evaluate", runs / "sr", "--data", few)
    assert code == 0 and err == ""
    assert out.startswith(f"{runs / 'sr'} after 1234 steps on test (2 images): super-resolution x2; protocol sr-y;")
    assert "photo_0.png" in out and "photo_1.png" in out and "Protocol sr-y: luma (BT.601)" in out
    mean = scores(out)
    assert float(mean[4]) == pytest.approx(float(mean[6]), abs=0.3)  # it starts from interpolation


def test_json_is_one_document(call, runs, few):
    code, out, err = call("evaluate", runs / "denoise", "--data", few, "--json", "--seed", 3)
    document = one_document(out)
    assert (code, err) == (0, "")
    assert document["schema"] == "symaudit.evaluation/1"
    assert document["task"]["name"] == "denoise" and document["task"]["sigma"] == 25.0 and document["seed"] == 3
    assert [item["image"] for item in document["images"]] == ["photo_0.png", "photo_1.png"]
    assert set(document["mean"]) == set(document["input"]) == {"psnr", "ssim"}
    assert document["mean"]["psnr"] == pytest.approx(np.mean([item["psnr"] for item in document["images"]]))
    assert document["input"]["psnr"] == pytest.approx(20 * math.log10(255 / 25), abs=0.3)
    assert document["parameters"] > 1000 and document["reasons"] == {}
    assert document["model"]["method"] == "CNN" and document["model"]["step"] == 1234


def test_tables_are_written_too(call, runs, few, tmp_path):
    code, _, err = call("evaluate", runs / "sr", "--data", few, "--csv", "a/s.csv", "--latex", "s.tex")
    assert code == 0 and err.splitlines() == ["wrote a/s.csv", "wrote s.tex"]
    with open(tmp_path / "a" / "s.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["photo_0.png", "photo_1.png"]
    assert rows[0]["protocol"] == "sr-y"
    assert r"\begin{tabular}" in (tmp_path / "s.tex").read_text(encoding="utf-8")
    quiet = call("evaluate", runs / "sr", "--data", few, "--csv", "s.csv", "-q")
    assert quiet[0] == 0 and quiet[2] == "" and (tmp_path / "s.csv").exists()


def test_settings_come_from_the_checkpoint_and_strength_may_differ(call, runs, few):
    code, out, err = call("evaluate", runs / "denoise", "--data", few, "--sigma", "5:35", "--json")
    assert code == 0 and one_document(out)["task"]["sigma"] == [5.0, 35.0]
    assert err == (
        f"Note: {runs / 'denoise'} was trained for denoising, Gaussian noise of sigma 25; "
        "it is evaluated for denoising, Gaussian noise of sigma 5 to 35\n"
    )
    same = call("evaluate", runs / "denoise", "--data", few, "--sigma", "25", "--task", "denoise", "--json")
    assert same[0] == 0 and same[2] == ""
    inpaint = call("evaluate", runs / "inpaint", "--data", few, "--missing", "0.5", "--peak", "30", "--json", "-q")
    assert inpaint[0] == 0 and inpaint[2] == ""
    assert one_document(inpaint[1])["task"]["missing"] == 0.5 and one_document(inpaint[1])["task"]["peak"] == 30.0


@pytest.mark.parametrize(
    ("task", "options", "reason"),
    [
        ("sr", ["--scale", 3], "was trained for super-resolution x2, not for --scale 3; remove that option"),
        ("sr", ["--task", "derain"], "was trained for super-resolution x2, not for --task derain; remove that option"),
        ("denoise", ["--scale", 2], "was trained for denoising, Gaussian noise of sigma 25, not for --scale 2"),
        ("sr", ["--sigma", 20], "--sigma belongs to denoise; remove it for sr"),
        ("denoise", ["--sigma", 300], "--sigma must be between 0 and 255"),
        ("denoise", ["--inputs", "."], "--inputs is for tasks with pairs"),
        ("sr", ["--protocol", "srY"], 'unknown protocol "srY" for sr.'),
        ("denoise", ["--sigma", "a lot"], "is not a number or a range such as 5:35"),
        ("denoise", ["--sigma", "1:2:3"], "is not a number or a range such as 5:35"),
    ],
)
def test_what_a_network_cannot_do_is_wrong_usage(call, runs, few, task, options, reason):
    code, out, err = call("evaluate", runs / task, "--data", few, *options)
    assert (code, out) == (2, "") and reason in err and "Traceback" not in err


def test_baselines(call, few):
    large = one_document(call("evaluate", "bicubic", "--data", few, "--scale", 3, "--json")[1])
    assert large["mean"] == large["input"] and large["task"]["scale"] == 3
    assert large["parameters"] is None and large["reasons"]["parameters"] == "bicubic has no parameters"
    code, out, _ = call("evaluate", "identity", "--data", few, "--task", "denoise", "--sigma", 50)
    assert code == 0 and out.startswith("identity on test (2 images): denoising")
    for arguments, reason in (
        (["identity"], "identity needs a task to restore; give --task"),
        (["bicubic", "--task", "derain"], "bicubic is not a baseline for deraining"),
        (["identity", "--task", "sr"], "identity is not a baseline for super-resolution x2; use bicubic"),
        (["identity", "--task", "denoise"], "denoise needs --sigma"),
    ):
        data = few if "derain" not in arguments else paired(few)
        code, out, err = call("evaluate", *arguments, "--data", data)
        assert (code, out) == (2, "") and reason in err


def paired(clean):
    """A folder of pairs whose rainy images are the clean ones."""
    for name in ("rain", "norain"):
        shutil.copytree(clean, clean.parent / "pairs" / name)
    return clean.parent / "pairs"


def test_images_that_are_equal_have_an_infinite_psnr(call, few):
    code, out, _ = call("evaluate", "identity", "--task", "derain", "--data", paired(few), "--json")
    document = one_document(out)
    assert code == 0 and document["mean"] == {"psnr": None, "ssim": 1.0}
    assert document["reasons"]["mean.psnr"] == "infinite: an image is equal to its clean image"
    text = call("evaluate", "identity", "--task", "derain", "--data", few.parent / "pairs")[1]
    assert scores(text)[4] == "inf"


def test_partners_elsewhere_and_partners_that_lack(call, runs, few):
    pairs = paired(few)
    code, out, _ = call("evaluate", runs / "derain", "--data", pairs / "norain", "--inputs", pairs / "rain", "--json")
    assert code == 0 and one_document(out)["input"]["psnr"] is None
    (pairs / "rain" / "photo_1.png").unlink()
    code, out, err = call("evaluate", runs / "derain", "--data", pairs)
    assert (code, out) == (1, "") and "1 of 2 images have no partner of the same name: photo_1.png" in err


def test_an_empty_folder_is_an_error(call, runs, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = call("evaluate", runs / "sr", "--data", tmp_path / "empty")
    assert (code, out) == (1, "") and 'no images in "' in err
    code, out, err = call("evaluate", tmp_path / "none", "--data", tmp_path / "empty")
    assert (code, out) == (1, "") and "there is no file" in err
    code, out, err = call("evaluate", runs / "sr")
    assert (code, out) == (2, "") and "Missing option '--data'" in err


def test_a_damaged_image_is_an_error_before_anything_is_restored(call, runs, few):
    (few / "photo_1.png").write_bytes(b"\x89PNG\r\n")
    code, out, err = call("evaluate", runs / "sr", "--data", few)
    assert (code, out) == (1, "") and err.startswith("Error: photo_1.png: ")


def test_images_trained_on_are_refused(call, few, tmp_path, rng):
    run = save_checkpoint(tmp_path / "run", seen=few)
    other = np.asarray(Image.open(save_photos(tmp_path / "other", rng, count=1, size=(40, 36)) / "photo_0.png"))
    Image.fromarray(other).save(few / "new.png")
    code, out, err = call("evaluate", run, "--data", few)
    assert (code, out) == (1, "")
    lines = [f"Leak: photo_{at}.png is photo_{at}.png of the training set (the same pixels)" for at in (0, 1)]
    assert err.splitlines() == [
        *lines,
        f"Error: {run} was trained on 2 of the 3 test images; use others, or --allow-leak where that is meant",
    ]
    code, out, err = call("evaluate", run, "--data", few, "--allow-leak", "--json")
    assert code == 0 and err.splitlines() == lines and len(one_document(out)["images"]) == 3


def test_images_left_out_by_the_source_show_in_the_exit_code(call, few, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(few / "photo_0.png", "a.png")
        archive.write(few / "photo_1.png", "../b.png")
    code, out, err = call("evaluate", "bicubic", "--data", "set.zip", "--json")
    assert code == 4 and err.startswith("Skipped: ") and one_document(out)["skipped"]
    assert call("evaluate", "bicubic", "--data", "set.zip", "--json", "--allow-skipped")[0] == 0


def test_a_config_file_gives_defaults(call, few, tmp_path):
    (tmp_path / "e.toml").write_text('scale = 4\nprotocol = "rgb"\n', encoding="utf-8")
    document = one_document(call("evaluate", "bicubic", "--data", few, "--config", "e.toml", "--json")[1])
    assert (document["task"]["scale"], document["protocol"]) == (4, "rgb")
    (tmp_path / "n.toml").write_text('task = "denoise"\nsigma = 30.0\n', encoding="utf-8")
    document = one_document(call("evaluate", "identity", "--data", few, "--config", "n.toml", "--json")[1])
    assert document["task"]["sigma"] == 30.0


def test_how_a_network_runs_is_on_record(call, runs, few):
    options = ("--self-ensemble", "--tile", 16, "--overlap", 8, "--limit", 1, "--json", "--device", "cpu")
    document = one_document(call("evaluate", runs / "sr", "--data", few, *options)[1])
    assert document["settings"] == {"self_ensemble": True, "tile": 16, "overlap": 8, "device": "cpu"}
    assert len(document["images"]) == 1 and document["data"]["images"] == 1


def test_a_network_beside_its_own_average(call, runs, few, tmp_path):
    options = ("--data", few, "--symmetrize", "p4")
    code, out, err = call("evaluate", runs / "denoise", *options, "--csv", "s.csv", "-q")
    lines = out.splitlines()
    assert (code, err) == (0, "") and len(lines) <= 10 and max(map(len, lines)) <= 100
    part = one_document(call("evaluate", runs / "denoise", *options, "--json")[1])["symmetrization"]
    assert " ".join(lines[: lines.index("")]) == part["sentence"]
    assert f"PSNR: network {part['psnr']:.2f} dB, average over p4 {part['average_psnr']:.2f} dB; better on" in out
    with open(tmp_path / "s.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["difference"]) for row in rows] == [item["difference"] for item in part["images"]]
    found = symmetry_audit.evaluate(runs / "denoise", data=few, symmetrize="p4")
    assert found.to_dict()["symmetrization"] == part


def test_a_network_that_has_the_symmetry_says_so(call, few, tmp_path):
    run = save_checkpoint(tmp_path / "p4", "denoise", method="gcnn", group="p4")
    code, out, err = call("evaluate", run, "--data", few, "--symmetrize", "P4", "-q")
    assert (code, err) == (0, "") and out.startswith("The network already has this symmetry: ")


@pytest.mark.parametrize(
    ("model", "options", "reason"),
    [
        ("denoise", ["--symmetrize", "p8"], "a group that only moves pixels, one of p2, p1m, p4, p2m, p4m; got p8"),
        ("denoise", ["--symmetrize", "four"], '"four" is not a group; write pT'),
        ("denoise", ["--symmetrize", "p4", "--self-ensemble"], "give --symmetrize p4m alone to see what it gains"),
        ("bicubic", ["--symmetrize", "p4"], "and bicubic is none; remove that option"),
    ],
)
def test_averages_that_cannot_be(call, runs, few, model, options, reason):
    shutil.rmtree(few)  # refused before images are looked for
    code, out, err = call("evaluate", model if model == "bicubic" else runs / model, "--data", few, *options)
    assert (code, out) == (2, "") and reason in err and err.count("\n") == 1


def test_the_saved_document_is_an_evaluation(symaudit, runs, few, tmp_path):
    done = symaudit("evaluate", runs / "sr", "--data", few, "--json", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "e.json").write_text(done.stdout, encoding="utf-8")
    assert Evaluation.load(tmp_path / "e.json").to_json() == done.stdout
    wrong = symaudit("evaluate", runs / "sr", "--data", few, "--scale", 4)
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1


def test_help_says_how_and_imports_nothing_heavy():
    code = "import sys; from symmetry_audit.cli.evaluate import evaluate\n"
    code += "evaluate(['--help'], standalone_mode=False)\n"
    code += "print(sorted({'numpy', 'pandas', 'matplotlib', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
    assert "Example:" in run.stdout and "Exit codes:" in run.stdout
