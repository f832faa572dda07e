"""Images with classes: from folders, archives and CSV files; stratified splits."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.tasks import held_out, open_labelled

NAMES = ("cat/1.png", "cat/deep/2.png", "dog/1.png", "eel/x.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(path)
    return tmp_path / "set"


def table(folder: Path, text: str) -> str:
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def classes_of(source: str) -> dict[str, str]:
    found = open_labelled(source)
    return {ref.key: label for ref, label in zip(found.source.refs, found.labels, strict=True)}


BY_FOLDER = {"cat/1.png": "cat", "cat/deep/2.png": "cat", "dog/1.png": "dog", "eel/x.png": "eel"}


def test_one_folder_for_each_class(folder: Path) -> None:
    assert classes_of(str(folder)) == BY_FOLDER
    assert open_labelled(str(folder)).classes == ("cat", "dog", "eel")


def test_folders_around_all_classes_do_not_count(folder: Path) -> None:
    archive = folder.parent / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in NAMES:
            file.write(folder / name, f"set/images/{name}")
    assert classes_of(str(archive)) == {f"set/images/{key}": label for key, label in BY_FOLDER.items()}


def test_images_beside_the_folders_are_skipped_with_the_reason(folder: Path) -> None:
    Image.new("RGB", (4, 3)).save(folder / "alone.png")
    assert classes_of(str(folder)) == BY_FOLDER
    assert [(one.image, one.reason) for one in open_labelled(str(folder)).source.skipped] == [
        ("alone.png", "in no folder of a class")
    ]


@pytest.mark.parametrize("column", ["file", "image"])
def test_a_table(folder: Path, column: str) -> None:
    lines = [f"\ufeffnote,{column},label", "a,cat/1.png,wild", "b, ./dog/1.png ,tame", '"c, d",eel/x.png,wild']
    source = table(folder, "\n".join(lines))
    assert classes_of(source) == {"cat/1.png": "wild", "dog/1.png": "tame", "eel/x.png": "wild"}
    assert open_labelled(source).source.refs[0].read(10**6) == (folder / "cat/1.png").read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs the columns file and label in its first line, which holds nothing"),
        ("path,label\n", "needs the columns file and label in its first line, which holds path, label"),
        ("file,label\n", "names no image; add a line for each"),
        ("file,label\ncat/1.png,a\ncat/1.png,b\n", "line 3: cat/1.png has two labels, a and b"),
        ("file,label\ncat/1.png,\n", "line 2: label is empty"),
        ("file,label\ncat/1.png\n", "line 2: label is empty"),
        ("file,label\ncat/1.png,a\nno.png,a\n", "1 of 2 images do not exist, the first is no.png"),
    ],
)
def test_tables_that_cannot_be_used(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        open_labelled(table(folder, text))
    assert "\n" not in str(raised.value)


def test_what_is_no_labelled_source(folder: Path) -> None:
    with pytest.raises(DataError, match="has no folders, one for each class; sort the images into folders, or give"):
        open_labelled(str(folder / "dog"))
    with pytest.raises(DataError, match=r"cannot read .*none\.csv"):
        open_labelled(str(folder / "none.csv"))


# ---------------------------------------------------------------- splits

LABELS = ["a"] * 30 + ["b"] * 7 + ["c"] * 2


def test_every_class_holds_out_its_share() -> None:
    held = held_out(LABELS, 1 / 3, seed=0)
    assert Counter(np.array(LABELS)[held].tolist()) == {"a": 10, "b": 2, "c": 1}
    assert Counter(np.array(LABELS)[held_out(LABELS, 0.999, 0)].tolist()) == {"a": 29, "b": 6, "c": 1}
    assert Counter(np.array(LABELS)[held_out(LABELS, 0.001, 0)].tolist()) == {"a": 1, "b": 1, "c": 1}


def test_the_seed_decides_which() -> None:
    first = held_out(LABELS, 1 / 3, seed=0)
    assert np.array_equal(first, held_out(LABELS, 1 / 3, seed=0))
    assert not np.array_equal(first, held_out(LABELS, 1 / 3, seed=1))


def test_every_image_is_held_out_equally_often() -> None:
    """10 of 30 in 300 draws: 100 times with standard deviation 8.2, so within 5 of these."""
    counts = np.sum([held_out(LABELS[:30], 1 / 3, seed) for seed in range(300)], axis=0)
    assert np.abs(counts - 100).max() < 5 * (300 * 1 / 3 * 2 / 3) ** 0.5


def test_splits_that_cannot_be() -> None:
    with pytest.raises(SettingError, match="--hold-out takes a share between 0 and 1, such as 1/3, got 1"):
        held_out(LABELS, 1.0, 0)
    with pytest.raises(DataError, match="d has one image, so none can be held out"):
        held_out([*LABELS, "d"], 0.5, 0)
