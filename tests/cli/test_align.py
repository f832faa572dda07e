"""`symaudit align`: tables, figure and JSON, networks of every kind, a report beside them, and errors in one line."""

from __future__ import annotations

import csv
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from symmetry_audit import alignment
from symmetry_audit.results import Alignment
from tests.cli.conftest import STRICT, one_document
from tests.conftest import save_photos
from tests.inference.models import save_checkpoint

FACTORY = """
import torch
from torch import nn


def denoiser(width=4):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1))


class Mean(nn.Module):
    def forward(self, x):
        return nn.functional.avg_pool2d(x, 3, 1, 1).clamp(0, 1)


class Signed(nn.Module):
    def forward(self, x):
        found = nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False).clamp(-1, 1)
        return found - (x.mean().abs() > 0.3).float()


class White(nn.Module):
    def forward(self, x):
        return x.clamp(999, 999)


class Centred(nn.Module):
    def forward(self, x):
        return 2 * x - x.mean(0, keepdim=True)


def enlarger():
    return nn.Upsample(scale_factor=2, mode="nearest")
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run folders of tiny networks, one for each task; the denoiser is a p4 one."""
    folder = tmp_path_factory.mktemp("runs")
    for task in ("sr", "inpaint", "derain"):
        save_checkpoint(folder / task, task)
    save_checkpoint(folder / "denoise", "denoise", method="fconv", group="p4")
    return folder


@pytest.fixture
def few(tmp_path, rng):
    return save_photos(tmp_path / "test", rng, count=2, size=(48, 40))


@pytest.fixture
def report(call, few, undrawn):
    """An audit of ``few`` over p4, with fits."""
    assert call("measure", few, "--group", "p4", "--reg", "tv,sobel", "--out", "audit", "-q")[0] == 0
    return few.parent / "audit"


def elements(document, at=0):
    return {row["element"]: row for row in document["scenarios"][at]["elements"]}


def test_a_p4_network_under_p8(call, runs, few):
    code, out, err = call("align", runs / "denoise", "--data", few)
    assert (code, err) == (0, "")
    assert out.startswith("Cannot tell: under strict rotations the output differs by ")
    assert "quarter turns and mirrors alone, which need no resampling: yes" in " ".join(out.split())
    assert f"\n\n{runs / 'denoise'} under p8 on test (2 images): denoising, Gaussian noise of sigma 25; seed 0." in out
    document = one_document(call("align", runs / "denoise", "--data", few, "--json")[1])
    found = elements(document)
    assert document["schema"] == "symaudit.alignment/1" and document["model"]["group"] == "p4"
    assert all(found[name]["relative"] < 1e-5 and found[name]["floor"] == 0 for name in ("A2", "A4", "A6"))
    assert found["A1"]["floor"] > 0
    read = Alignment.from_dict(document)
    assert read.to_dict() == {name: value for name, value in document.items() if name != "sha256"}


@pytest.mark.parametrize("task", ["sr", "inpaint", "derain"])
def test_every_task(call, runs, few, task):
    data = few
    if task == "derain":
        for name in ("rain", "norain"):
            save_photos(few.parent / "pairs" / name, np.random.default_rng(len(name)), count=2, size=(40, 40))
        data = few.parent / "pairs"
    code, out, _ = call("align", runs / task, "--data", data, "--group", "p4", "--json", "-q", "--limit", 1)
    document = one_document(out)
    assert code == 0 and document["task"]["name"] == task and document["data"]["images"] == 1
    assert document["settings"]["scale"] == (2 if task == "sr" else 1)
    assert elements(document)["A1"]["relative"] >= 0


def test_files_are_written_too(call, runs, few, tmp_path):
    options = ("--group", "p2m", "--csv", "a.csv", "--latex", "a.tex", "--figure", "a/b.svg", "--limit", 1)
    code, _, err = call("align", runs / "sr", "--data", few, *options)
    assert code == 0 and err.splitlines() == ["wrote a.csv", "wrote a.tex", "wrote a/b.svg"]
    with open(tmp_path / "a.csv", encoding="utf-8") as file:
        assert [row["element"] for row in csv.DictReader(file)] == ["A0", "A1", "A0M", "A1M"]
    assert r"\begin{tabular}" in (tmp_path / "a.tex").read_text(encoding="utf-8")
    assert "<svg" in (tmp_path / "a" / "b.svg").read_text(encoding="utf-8")
    code, out, err = call("align", runs / "sr", "--data", few, "--figure", "a.jpg")
    assert (code, out) == (2, "") and '--figure is drawn as .svg, .pdf, .png, got "a.jpg"' in err


def test_beside_a_report(call, runs, few, report):
    code, out, err = call("align", runs / "denoise", "--data", few, "--report", report, "--json")
    document = one_document(out)
    assert (code, err) == (0, "")
    assert document["group"] == "p4"  # the report's
    assert [item["scenario"] for item in document["scenarios"]] == ["dataset_strict", "dataset_adaptive"]
    assert all(len(image["w"]) == 2 for image in document["scenarios"][1]["images"])
    symmetry = document["symmetry"]
    assert symmetry["same_images"] and symmetry["group"] == "p4" and symmetry["indices"] == [0, 1, 2, 3]
    assert {curve["regularizer"] for curve in symmetry["curves"]} == {"tv", "sobel"}
    audited = one_document((report / "report.json").read_text(encoding="utf-8"))
    strict = [row["relative_epsilon"] for row in audited["results"] if row["scenario"] == "dataset_strict"]
    row = next(row for row in symmetry["groups"] if (row["scenario"], row["group"]) == ("dataset_strict", "p4"))
    assert row["data"] == pytest.approx(max(strict)) and row["model"] < 1e-5
    assert any("the network is" in line for line in document["verdict"])


def test_a_report_of_other_images_and_without_fits(call, runs, few, undrawn, tmp_path, rng):
    other = save_photos(tmp_path / "other", rng, count=3, size=(40, 40))
    measure = ("measure", other, "--group", "p4", "--reg", "tv", "-q")
    assert call(*measure, "--out", "fits")[0] == call(*measure, *STRICT, "--out", "strict")[0] == 0
    align = ("align", runs / "denoise", "--data", few, "--group", "p8", "--limit", 1)
    code, out, err = call(*align, "--report", "strict")
    assert code == 0 and err == "Note: the report holds no fits; only strict rotations are measured\n"
    assert "The report is about a different set of images, other." in " ".join(out.split())
    code, out, err = call(*align, "--report", "fits", "--json")  # both sets have a photo_0.png
    assert code == 0 and err == (
        "Note: the report of other holds fits for 0 of the 1 images, matched by their pixels; only strict rotations "
        "are measured\n"
    )
    assert len(one_document(out)["scenarios"]) == 1


def test_fits_find_their_image_under_any_name_and_format(call, runs, few, report, tmp_path):
    """The same pixels as a TIFF of another name have the fit, other pixels of the same name have not."""
    from PIL import Image

    expected = call("align", runs / "denoise", "--data", few, "--report", report, "--limit", 1, "--json")[1]
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    Image.open(few / "photo_0.png").save(renamed / "photo_1.tif")
    code, out, err = call("align", runs / "denoise", "--data", renamed, "--report", report, "--json")
    assert (code, err) == (0, "")
    adaptive = one_document(out)["scenarios"][1]
    assert adaptive["images"][0]["w"] == one_document(expected)["scenarios"][1]["images"][0]["w"]
    assert not one_document(out)["symmetry"]["same_images"]
    table = pd.read_parquet(report / "affine.parquet").drop(columns="pixel_sha256")
    table.to_parquet(report / "affine.parquet")  # as an older version wrote it
    code, out, err = call("align", runs / "denoise", "--data", renamed, "--report", report, "--json")
    assert code == 0 and "fits for 0 of the 1 images" in err and len(one_document(out)["scenarios"]) == 1
    code, out, err = call("align", runs / "denoise", "--data", few, "--report", report, "--json")
    assert (code, err) == (0, "") and len(one_document(out)["scenarios"]) == 2  # the files are the same


def test_networks_of_others(call, few, tmp_path, monkeypatch):
    (tmp_path / "alien_nets.py").write_text(FACTORY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    shape = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1))
    torch.save(shape.state_dict(), tmp_path / "state.pth")
    options = ("--data", few, "--group", "p4", "--limit", 1, "--json")
    factory = ("align", "alien_nets:denoiser", "--arguments", '{"width": 8}', "--state", "state.pth", "--unit", "1")
    code, out, err = call(*factory, "--task", "denoise", "--sigma", "25", "--layers", "0", *options)
    document = one_document(out)
    assert (code, err) == (0, "") and elements(document)["A1"]["relative"] > 0.01
    assert document["scenarios"][0]["layers"][0]["channels"] == 8
    code, _, err = call(*factory[:4], "--task", "denoise", "--sigma", "25", *options)
    assert code == 2 and "alien_nets:denoiser builds a network with 443 weights, at random unless" in err
    assert "--weights FILE, or --as-built to measure it as it is" in err
    code, out, err = call(*factory[:4], "--as-built", "--task", "denoise", "--sigma", "25", *options)
    document = one_document(out)
    assert code == 0 and document["settings"]["unit"] == 255 and "restores in none of the usual input ranges" in err
    assert document["verdict"][1].startswith("The network does not restore these images")
    code, out, err = call(
        "align", "alien_nets.py:denoiser", *factory[2:], "--task", "denoise", "--sigma", "25", *options
    )
    assert (code, err) == (0, "") and one_document(out)["model"]["name"] == "alien_nets.py:denoiser"
    code, out, err = call("align", "alien_nets:enlarger", *options)
    assert code == 0 and elements(one_document(out))["A1"]["error"] == 0.0
    assert one_document(out)["task"]["name"] == "sr" and one_document(out)["model"]["group"] is None
    code, _, err = call("align", "alien_nets:denoiser", "--as-built", *options)
    assert code == 2 and "alien_nets:denoiser does not say what task it was trained for; give --task" in err
    code, _, err = call("align", "alien_nets:enlarger", *options, "--task", "denoise", "--sigma", "9")
    assert code == 2 and "alien_nets:enlarger enlarges by 2, which does not fit denoising" in err


def test_the_input_range_is_found_and_a_wrong_one_refused(call, few, tmp_path):
    """A mean of neighbours, cut to 0..1: of images in 0..255 it leaves black and white."""
    (tmp_path / "alien_means.py").write_text(FACTORY, encoding="utf-8")
    align = ("align", "alien_means.py:Mean", "--task", "denoise", "--sigma", "50", "--data", few, "--group", "p4")
    code, out, err = call(*align, "--json")
    document = one_document(out)
    assert code == 0 and document["settings"]["unit"] == 1
    assert err.startswith("Note: --unit 1 is taken, in which the network restores (with --unit 1 ")
    scores = document["restoration"]
    assert scores["psnr"] > scores["input_psnr"] and document["answer"] == "yes"
    assert call(*align, "--json", "--unit", "1") == (0, out, "")
    code, out, err = call(*align, "--unit", "255")
    assert (code, out) == (2, "") and "alien_means.py:Mean restores with --unit 1, not with --unit 255" in err
    assert err.endswith("; give --unit 1, or leave --unit out\n")
    text = " ".join(call(*align, "-q")[1].split())
    assert "Input range of the network: 0 to 1 (--unit 1)." in text


def test_an_input_range_with_a_black_of_its_own(call, few, tmp_path):
    (tmp_path / "alien_signs.py").write_text(FACTORY, encoding="utf-8")
    align = ("align", "alien_signs.py:Signed", "--task", "denoise", "--sigma", "50", "--data", few, "--group", "p2")
    code, out, err = call(*align, "--json")
    assert code == 0 and one_document(out)["settings"]["unit"] == "-1:1"
    assert err.startswith("Note: --unit -1:1 is taken, in which the network restores (with --unit 1 ")
    text = " ".join(call(*align, "-q", "--unit", "-1.01:1")[1].split())
    assert "Input range of the network: -1.01 to 1 (--unit -1.01:1)." in text
    for wrong in ("1:-1", "0"):
        code, out, err = call(*align, "--unit", wrong)
        assert (code, out) == (2, "") and f"--unit {wrong} is no range of values" in err


def test_an_output_without_an_image_and_one_that_hangs_on_its_batch(call, few, tmp_path):
    (tmp_path / "alien_odd.py").write_text(FACTORY, encoding="utf-8")
    options = ("--task", "denoise", "--sigma", "25", "--data", few, "--group", "p4", "--json")
    code, out, err = call("align", "alien_odd.py:White", *options)
    assert code == 1 and one_document(out)["answer"] == "cannot tell"
    assert "alien_odd.py:White gives the same output everywhere, so nothing can be told; check its weights" in err
    code, out, err = call("align", "alien_odd.py:Centred", *options, "--unit", "255")
    assert code == 0 and "Note: the output for photo_0.png changes by " in err


def test_files_that_can_run_code_need_trust(call, few, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(nn.Upsample(scale_factor=2.0)).save(tmp_path / "net.pt")
    align = ("align", "net.pt", "--data", few, "--group", "p2", "--limit", 1, "--json")
    code, out, err = call(*align)
    assert (code, out) == (1, "") and "net.pt is a TorchScript file, which can run its author's code" in err
    assert err.count("\n") == 1 and call(*align, "--trust")[0] == 0


def test_a_threshold_shows_in_the_exit_code(call, runs, few):
    """The network over p4 has no error under p4; a plain one has some; above an error a threshold is kept."""
    align = ("align", "--data", few, "--group", "p4", "--limit", 1, "-q", "--json")
    assert call(*align, runs / "denoise", "--fail-above", 1e-4)[0] == 0
    code, out, err = call(*align, runs / "sr", "--fail-above", 1e-4)
    worst = max(row["relative"] for row in elements(one_document(out)).values())
    assert code == 3 and err == f"The relative error above its floor, {worst:.4g}, exceeds --fail-above 0.0001\n"
    assert call(*align, runs / "sr", "--fail-above", 1.01 * worst)[0] == 0
    assert call(*align, runs / "sr", "--fail-above", "nan")[0] == 2


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["--group", "q8"], 2, '"q8" is not a group'),
        (["--group", "p1"], 2, "p1 contains only the identity"),
        (["--layers", "heed"], 2, 'no layer is called "heed".'),
        (["--margin", 30], 1, "a margin of 30 px leaves nothing of 20 x 20 px to compare"),
        (["--scale", 3], 2, "was trained for super-resolution x2, not for --scale 3"),
        (["--report", "none"], 1, "cannot read none/report.json"),
        (["--state", "x.pth"], 2, "weights and arguments are for a factory"),
        (["--crop", -1], 2, "'--crop'"),
    ],
)
def test_mistakes_are_one_line(call, runs, few, options, code, reason):
    found = call("align", runs / "sr", "--data", few, *options)
    assert found[:2] == (code, "") and reason in found[2] and "Traceback" not in found[2]


def test_images_trained_on_are_welcome(call, few, tmp_path):
    run = save_checkpoint(tmp_path / "run", seen=few)
    assert call("align", run, "--data", few, "--group", "p2", "-q")[0] == 0


def test_images_left_out_by_the_source_show_in_the_exit_code(call, runs, few, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(few / "photo_0.png", "a.png")
        archive.write(few / "photo_1.png", "../b.png")
    align = ("align", runs / "sr", "--data", "set.zip", "--group", "p2", "--json")
    code, out, err = call(*align)
    assert code == 4 and err.startswith("Skipped: ") and one_document(out)["skipped"]
    assert call(*align, "--allow-skipped")[0] == 0


def test_a_config_file_gives_defaults(call, runs, few, tmp_path):
    (tmp_path / "a.toml").write_text('group = "p2"\ncrop = 16\nlayers = "tail*"\n', encoding="utf-8")
    code, out, _ = call("align", runs / "sr", "--data", few, "--config", "a.toml", "--json")
    document = one_document(out)
    assert code == 0 and document["group"] == "p2" and document["settings"]["crop"] == 16
    assert document["scenarios"][0]["images"][0]["side"] == 16 and document["scenarios"][0]["layers"]


def test_a_crop_of_zero_takes_all(call, runs, few):
    document = one_document(call("align", runs / "sr", "--data", few, "--group", "p2", "--crop", 0, "--json")[1])
    assert document["settings"]["crop"] is None and document["scenarios"][0]["images"][0]["side"] == 20


def test_an_interrupt_leaves_nothing_behind(call, runs, few, tmp_path, monkeypatch):
    def interrupted(network, items, group, *, progress, **options):
        progress(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(alignment, "measure_alignment", interrupted)
    code, out, err = call("align", runs / "sr", "--data", few, "--csv", "a.csv")
    assert (code, out) == (130, "") and err.strip().startswith("Interrupted") and not (tmp_path / "a.csv").exists()


def test_help_says_how_and_imports_nothing_heavy():
    code = "import sys; from symmetry_audit.cli.align import align\n"
    code += "align(['--help'], standalone_mode=False)\n"
    code += "print(sorted({'numpy', 'pandas', 'matplotlib', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
    assert "Example:" in run.stdout and "Exit codes:" in run.stdout
