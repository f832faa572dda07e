"""Accuracy of classifiers whose answers are known, against counts and other libraries; its documents and tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import special, stats
from torch import Tensor, nn

from symmetry_audit.errors import ModelError, ReportError, SettingError
from symmetry_audit.inference import classify, logits_of
from symmetry_audit.nets import build
from symmetry_audit.reports import classification_csv, classification_tex, classification_text, confusion_csv
from symmetry_audit.results import Classification
from symmetry_audit.tasks import make_task, open_pairs

TASK = make_task("classify", classes=["ape", "bat", "cow", "eel"])
# class of an image -> its colours, of which the network gives the largest as the class; there is no eel
IMAGES = {"ape": [(9, 1, 2), (8, 7, 3), (1, 5, 2)], "bat": [(1, 9, 3), (2, 6, 1)], "cow": [(3, 2, 1), (9, 4, 3)]}


class Largest(nn.Module):
    """The mean colours as logits, and a fourth that never wins."""

    def forward(self, x: Tensor) -> Tensor:
        colours = x.mean((2, 3))
        return torch.cat([colours, colours.new_full((len(x), 1), -1.0)], 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colours in IMAGES.items():
        (tmp_path / "set" / name).mkdir(parents=True)
        for at, colour in enumerate(colours):
            Image.new("RGB", (5, 4), colour).save(tmp_path / "set" / name / f"{at}.png")
    return tmp_path / "set"


@pytest.fixture
def found(folder: Path) -> Classification:
    return classify(Largest(), open_pairs(str(folder), TASK), TASK)


def test_every_image_by_hand(found: Classification) -> None:
    names = TASK.class_names
    assert [row.image for row in found.images] == [
        f"{name}/{at}.png" for name in IMAGES for at in range(len(IMAGES[name]))
    ]
    for row in found.images:
        colour = IMAGES[row.label][int(row.image[-5])]
        logits = np.array([*colour, -1.0])
        assert row.predicted == names[int(np.argmax(logits))]
        expected = -special.log_softmax(logits)[names.index(row.label)]
        assert row.cross_entropy == pytest.approx(expected, rel=1e-6)
    assert found.cross_entropy == pytest.approx(np.mean([row.cross_entropy for row in found.images]))


def test_accuracy_classes_and_confusion(found: Classification) -> None:
    assert (found.correct, len(found.images), found.accuracy) == (4, 7, 4 / 7)
    wilson = stats.binomtest(4, 7).proportion_ci(method="wilson")
    assert found.interval == pytest.approx((wilson.low, wilson.high), abs=1e-12)
    assert found.confusion == ((2, 1, 0, 0), (0, 2, 0, 0), (2, 0, 0, 0), (0, 0, 0, 0))
    table = {one.name: (one.images, one.predicted, one.correct, one.recall, one.precision) for one in found.classes}
    assert table == {
        "ape": (3, 4, 2, 2 / 3, 0.5),
        "bat": (2, 3, 2, 1.0, 2 / 3),
        "cow": (2, 0, 0, 0.0, None),
        "eel": (0, 0, 0, None, None),
    }
    bat = stats.binomtest(2, 2).proportion_ci(method="wilson")
    assert found.classes[1].interval == pytest.approx((bat.low, bat.high), abs=1e-12)


def test_the_document_is_read_back(found: Classification, tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text(found.to_json())
    assert Classification.load(tmp_path / "found.json") == found
    document = json.loads(found.to_json())
    assert document["accuracy"] == 4 / 7
    assert document["reasons"] == {
        "classes.cow.precision": "no image was predicted to be of this class",
        **dict.fromkeys(("classes.eel.recall", "classes.eel.interval"), "no image"),
        "classes.eel.precision": "no image was predicted to be of this class",
    }
    with pytest.raises(ReportError, match="its fields do not agree with its sha256"):
        Classification.from_dict({**document, "accuracy": 0.9})
    edited = found.to_dict()
    with pytest.raises(ReportError, match=r"accuracy is 0\.9, but the other fields give 0\.571"):
        Classification.from_dict({**edited, "accuracy": 0.9})
    with pytest.raises(ReportError, match="is damaged"):
        Classification.from_dict({**edited, "images": []})


def test_tables(found: Classification) -> None:
    text = classification_text(found)
    assert "Accuracy 57.14 %, 95 % interval 25.05 to 84.18 % (4 of 7 images)" in text
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    assert lines["cow"][:4] == ["cow", "2", "0", "0.00"] and lines["cow"][-2:] == ["ape", "(2)"]
    assert lines["eel"] == ["eel", "0", "0", "–", "–", "–", "–"]
    assert lines["All"][:4] == ["All", "7", "4", "57.14"]
    assert r"\begin{table}" in classification_tex(found)
    rows = list(csv.DictReader(io.StringIO(classification_csv(found))))
    assert [int(row["correct"]) for row in rows] == [1, 1, 0, 1, 1, 0, 0]
    confusion = list(csv.reader(io.StringIO(confusion_csv(found))))
    assert confusion[0] == ["class", "ape", "bat", "cow", "eel"] and confusion[3] == ["cow", "2", "0", "0", "0"]


def test_the_network_returns_to_its_mode() -> None:
    network = build("classifier", "gcnn", preset="tiny", classes=4).train()
    image = np.random.default_rng(0).integers(0, 256, (20, 24, 3)).astype(np.float32)
    logits = logits_of(network, image, 4)
    assert network.training and network.head[1].training
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(image.transpose(2, 0, 1)[None]))[0]
    assert np.allclose(logits, expected.numpy(), rtol=1e-5, atol=1e-6)


def test_images_too_small_for_a_hypernetwork_are_extended() -> None:
    network = build("classifier", "sa", preset="tiny", classes=4)
    assert network.smallest > 8
    assert logits_of(network, np.zeros((8, 50, 3), np.float32), 4).shape == (4,)


def test_outputs_that_are_no_logits() -> None:
    image = np.zeros((8, 8, 3), np.float32)
    with pytest.raises(ModelError, match=r"the network returned \(1, 4\); expected logits of shape \(1, 3\)"):
        logits_of(Largest(), image, 3)
    with pytest.raises(ModelError, match="returned NaN or infinite values"):
        logits_of(Largest(), image + np.nan, 4)
    with pytest.raises(SettingError, match=r"expected an image \(H, W, C\), got shape \(8, 8\)"):
        logits_of(Largest(), image[..., 0], 4)
