"""The task of classification: its classes, its examples, and what the cache keeps of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.errors import DataError, ImageError, SettingError
from symmetry_audit.tasks import PatchCache, PatchSampler, Task, make_task, open_pairs, whole_side

OPEN = make_task("classify")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes of 4, 2 and 3 flat images; the class is in the red channel, the number in the green one."""
    for red, (name, count) in enumerate({"a": 4, "b": 2, "c": 3}.items()):
        (tmp_path / "set" / name).mkdir(parents=True)
        for green in range(count):
            Image.new("RGB", (20, 17 + green), (red, green, 0)).save(tmp_path / "set" / name / f"{green}.png")
    return tmp_path / "set"


def test_open_classes_are_those_of_the_training_images(folder: Path) -> None:
    task = OPEN.fitted(open_pairs(str(folder), OPEN))
    assert task.class_names == ("a", "b", "c") and task.text == "classification, 3 classes"
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    assert Task.from_dict(OPEN.to_dict()) == OPEN and OPEN.class_names == ()


def test_chosen_classes_in_their_order(folder: Path) -> None:
    task = make_task("classify", classes=["c", "a"])
    pairs = open_pairs(str(folder), task)
    assert task.fitted(pairs) == task
    assert {pair.label for pair in pairs.refs} == {"a", "c"}
    assert [(one.image, one.reason) for one in pairs.skipped] == [(f"b/{n}.png", "of another class, b") for n in (0, 1)]
    labels = [int(task.read(pair).clean) for pair in pairs.refs]
    assert labels == [1] * 4 + [0] * 3  # a, then c


def test_a_limit_takes_all_classes_in_turn(folder: Path) -> None:
    keys = [pair.key for pair in open_pairs(str(folder), OPEN, limit=7).refs]
    assert keys == ["a/0.png", "a/1.png", "a/2.png", "b/0.png", "b/1.png", "c/0.png", "c/1.png"]


def test_batches_hold_whole_images_and_their_labels(folder: Path, tmp_path: Path) -> None:
    pairs = open_pairs(str(folder), OPEN)
    task = OPEN.fitted(pairs)
    cache = PatchCache(pairs, task, tmp_path / "cache")
    assert whole_side(cache) == 16
    x, labels = PatchSampler(cache, task, 16, seed=0).batch(0, 9)
    assert x.shape == (9, 3, 16, 16) and labels.shape == (9,)
    assert np.array_equal(x[:, 0, 0, 0], labels)
    assert sorted(labels) == [0] * 4 + [1] * 2 + [2] * 3


def test_rotations_turn_the_image_by_any_angle_but_not_its_label(folder: Path, tmp_path: Path) -> None:
    """A bar through the centre has its direction doubled as the angle of its second moments."""
    (tmp_path / "bars" / "bar").mkdir(parents=True)
    (tmp_path / "bars" / "none").mkdir()
    bar = np.zeros((33, 33, 3), np.uint8)
    bar[15:18] = 255
    Image.fromarray(bar).save(tmp_path / "bars" / "bar" / "0.png")
    Image.fromarray(bar * 0).save(tmp_path / "bars" / "none" / "0.png")
    pairs = open_pairs(str(tmp_path / "bars"), OPEN)
    task = OPEN.fitted(pairs)
    cache = PatchCache(pairs, task, tmp_path / "cache")
    x, labels = PatchSampler(cache, task, 33, seed=0, augment="rotations").batch(0, 80)
    lit = x[:, 0].astype(float).sum((1, 2)) > 0
    assert np.array_equal(lit, labels == 0)
    axis = np.arange(33) - 16.0
    inside = np.hypot(*np.meshgrid(axis, axis)) <= 14
    weight = x[lit][:, 0] * inside
    moments = (weight * (axis[None, :] + 1j * axis[:, None]) ** 2).sum((1, 2))
    angles = np.sort(np.angle(moments)) / 2  # of the bar, over half a turn
    assert len(angles) == 40 and np.diff(angles).max() < np.pi / 4 and np.ptp(angles) > 0.8 * np.pi
    assert np.abs(moments).std() < 0.05 * np.abs(moments).mean()  # turned, not bent
    with pytest.raises(SettingError, match=r"--augment rotations would blur images to restore; use flips\+turns"):
        PatchSampler(cache, make_task("denoise", sigma=5), 33, seed=0, augment="rotations")


def test_other_labels_of_the_same_files_are_another_cache(folder: Path, tmp_path: Path) -> None:
    def cached(label: str) -> list[int]:
        names = [f"{name}/{n}.png" for name, count in (("a", 1), ("b", 1)) for n in range(count)]
        lines = ["file,label", f"{names[0]},x", f"{names[1]},{label}", "c/0.png,x", "c/1.png,y"]
        (folder / "labels.csv").write_text("\n".join(lines))
        pairs = open_pairs(str(folder / "labels.csv"), OPEN)
        return [int(one) for _, one in PatchCache(pairs, OPEN.fitted(pairs), tmp_path / "cache")]

    assert cached("y") == [0, 1, 0, 1]
    assert cached("x") == [0, 0, 0, 1]


def test_the_largest_square_has_a_side_of_at_most_224() -> None:
    class Sizes:
        keys = ("0",)

        def __len__(self) -> int:
            return 1

        def __getitem__(self, at: int) -> tuple[np.ndarray, np.ndarray]:
            return np.zeros((500, 400, 3), np.uint8), np.array(0)

    assert whole_side(Sizes()) == 224


@pytest.mark.parametrize("classes", [["a"], "a", ["a", "a"], ["a", 3], 5, []])
def test_names_that_are_refused(classes: object) -> None:
    with pytest.raises(SettingError, match="--classes takes two different names or more"):
        make_task("classify", classes=classes)


def test_sources_that_do_not_fit(folder: Path) -> None:
    with pytest.raises(DataError, match="has no image of y, z; its classes are a, b, c"):
        open_pairs(str(folder), make_task("classify", classes=["z", "y"]))
    task = make_task("classify", classes=["a", "z"])
    only = open_pairs(str(folder), task)
    with pytest.raises(DataError, match="has no image of z; its classes are a"):
        task.fitted(only)
    with pytest.raises(DataError, match="has one class, a; a classifier needs two or more"):
        OPEN.fitted(only)
    with pytest.raises(ImageError, match='its class is "a", which is none of b, c'):
        make_task("classify", classes=["b", "c"]).read(only.refs[0])
