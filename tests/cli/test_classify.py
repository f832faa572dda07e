"""A classifier through the commands: train, evaluate, align, and the commands that need images."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.verbs import measure, train


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images of 30 px of each of two classes, which differ in brightness."""
    root, rng = tmp_path_factory.mktemp("scenes"), np.random.default_rng(0)
    for label, level in (("night", 50), ("noon", 200)):
        (root / label).mkdir()
        for at in range(6):
            pixels = np.clip(level + 30 * rng.standard_normal((30, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / label / f"{at}.png")
    return root


@pytest.fixture(scope="module")
def network(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    length = {"steps": 8, "batch": 4, "validate_every": 8, "warmup": 0, "seed": 1, "cache_folder": out / "cache"}
    options = {"method": "gcnn", "preset": "tiny", "partial": True, "out": out / "run"}
    train(data=scenes, task="classify", hold_out=0.5, **length, **options)
    return out / "run"


@pytest.fixture
def rest(network: Path, scenes: Path, tmp_path: Path) -> str:
    """A table of the images that the network was not trained on."""
    seen = {name for name, _, _ in load_checkpoint(network).training_images}
    names = [f"{label}/{at}.png" for label in ("night", "noon") for at in range(6)]
    assert len(seen) == 6
    lines = [f"{scenes / name},{name.split('/')[0]}" for name in names if name not in seen]
    path = tmp_path / "rest.csv"
    path.write_text("\n".join(["file,label", *lines]))
    return str(path)


def test_accuracy_table_and_confusion(call, network: Path, rest: str, tmp_path: Path) -> None:
    confusion = tmp_path / "confusion.csv"
    code, out, _ = call("evaluate", str(network), "--data", rest, "--confusion", str(confusion), "--quiet")
    assert code == 0
    assert "Accuracy" in out and "(6 images)" in out and "night" in out
    rows = list(csv.reader(confusion.read_text().splitlines()))
    assert rows[0] == ["class", "night", "noon"] and [sum(map(int, row[1:])) for row in rows[1:]] == [3, 3]
    code, out, _ = call("evaluate", str(network), "--data", rest, "--json", "--quiet")
    document = json.loads(out)
    assert document["schema"] == "symaudit.classification/1"
    assert document["model"]["method"] == "G-CNN, partial"
    assert sum(one["images"] for one in document["classes"]) == 6


def test_training_images_are_refused_or_left_out(call, network: Path, scenes: Path, rest: str) -> None:
    code, out, err = call("evaluate", str(network), "--data", str(scenes), "--unseen", "--json")
    assert code == 0 and "6 of 12 images are not in the training set" in err
    _, same, _ = call("evaluate", str(network), "--data", rest, "--json", "--quiet")
    assert json.loads(out)["confusion"] == json.loads(same)["confusion"]
    code, _, err = call("evaluate", str(network), "--data", str(scenes), "--quiet")
    assert code == 1
    assert "was trained on 6 of the 12 test images" in err


def test_nothing_is_left_of_training_images_alone(call, network: Path, scenes: Path, tmp_path: Path) -> None:
    seen = [name for name, _, _ in load_checkpoint(network).training_images]
    lines = [f"{scenes / name},{name.split('/')[0]}" for name in seen]
    (tmp_path / "seen.csv").write_text("\n".join(["file,label", *lines]))
    code, _, err = call("evaluate", str(network), "--data", str(tmp_path / "seen.csv"), "--unseen", "--quiet")
    assert code == 1 and "was trained on all 6 test images; give others" in err


def test_invariance(call, network: Path, rest: str) -> None:
    code, out, _ = call("align", str(network), "--data", rest, "--group", "p4", "--quiet")
    assert code == 0
    assert "Labels changed" in out and "p4" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", "{net}", "--data", "{rest}", "--tile", "64"), "--tile is for restored images"),
        (("evaluate", "{net}", "--data", "{rest}", "--symmetrize", "p4"), "--symmetrize is for restored images"),
        (("evaluate", "identity", "--task", "classify", "--data", "{rest}"), "identity restores images"),
        (("compare", "{net}", "--data", "{rest}"), "classifies images and restores none"),
        (("restore", "{net}", "{scenes}", "-o", "{out}"), "classifies images and restores none"),
        (("align", "{net}", "--data", "{rest}", "--layers", "*"), "--layers is for restored images"),
        (("align", "{net}", "--data", "{rest}", "--figure", "a.svg"), "--figure draws errors of restored images"),
        (("align", "torch.nn:Identity", "--data", "{rest}", "--task", "classify"), "only classifiers that symaudit"),
        (("pilot", "{scenes}", "--task", "classify"), "symaudit pilot trains networks that restore images"),
    ],
)
def test_what_needs_restored_images(call, network, scenes, rest, tmp_path, arguments, message) -> None:
    places = {"net": network, "rest": rest, "scenes": scenes, "out": tmp_path / "out"}
    code, out, err = call(*(part.format(**places) for part in arguments))
    assert code == 2
    assert message in err and err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give validation images with --valid, or with --hold-out the share of --data"),
        (("--hold-out", "1/3", "--valid", "{scenes}"), "give validation images with --valid, or with --hold-out"),
        (("--hold-out", "1/3", "--valid-limit", "2"), "--valid-inputs and --valid-limit belong to --valid"),
        (("--hold-out", "half"), '"half" is not a share such as 0.25 or 1/3'),
        (("--hold-out", "1/3", "--backbone", "resnet"), "resnet is no network for classify; use classifier"),
        (("--hold-out", "1/3", "--loss", "l1"), 'a classifier is trained with the loss "cross-entropy", not "l1"'),
        (("--hold-out", "1/3", "--partial"), "a plain convolution has no group to keep a part of"),
    ],
)
def test_trainings_that_cannot_be(call, scenes, tmp_path, options, message) -> None:
    given = [part.format(scenes=scenes) for part in options]
    common = ("--task", "classify", "--data", str(scenes), "--preset", "tiny", "--cache-folder", str(tmp_path / "c"))
    code, _, err = call("train", *common, "--out", str(tmp_path / "run"), *given)
    assert code == 2
    assert message in err


def test_a_dry_run_says_what_would_be_trained(call, scenes, tmp_path) -> None:
    common = ("--task", "classify", "--data", str(scenes), "--preset", "tiny", "--cache-folder", str(tmp_path / "c"))
    code, out, _ = call("train", *common, "--hold-out", "1/3", "--dry-run", "--method", "fconv", "--eq-reg", "0")
    assert code == 2
    code, out, _ = call("train", *common, "--hold-out", "1/3", "--dry-run", "--method", "fconv")
    settings = json.loads(out)["settings"]
    assert code == 0
    assert (settings["loss"], settings["patch"], settings["task"]["classes"]) == (
        "cross-entropy",
        24,
        ["night", "noon"],
    )
    assert settings["architecture"]["classes"] == 2


def test_advice_from_the_linear_pilot_leads_to_a_training(call, scenes: Path, tmp_path: Path) -> None:
    report = tmp_path / "audit"
    measure(scenes, reg="tv", group="p4", scenario="dataset_strict", out=report)
    code, out, _ = call("recommend", str(report), "--task", "classify", "--no-plot", "--quiet", "--verbose")
    assert code == 0
    assert "Linear pilot (points)" in out and "classification, 2 classes" in out and "percentage point" in out
    document = json.loads((report / "recommendation.json").read_text())
    assert [gain["group"] for gain in document["linear"]["gains"]] == ["p1m", "updown", "p2", "p4", "p4m"]
    assert (
        document["linear"]["data"]["fingerprint"]
        == json.loads((report / "report.json").read_text())["dataset"]["fingerprint"]
    )
    common = ("--task", "classify", "--data", str(scenes), "--preset", "tiny", "--cache-folder", str(tmp_path / "c"))
    code, out, err = call("train", "--from-report", str(report), *common, "--hold-out", "1/3", "--dry-run")
    assert code == 0, err
    assert json.loads(out)["settings"]["architecture"]["group"] == document["build"]["group"] == "p4"
