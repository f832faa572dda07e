"""Walking a folder of images."""

from pathlib import Path

import pytest

from symmetry_audit.data._walk import DICOM, IMAGE_SUFFIXES, image_kind, is_side_file, walk_files
from symmetry_audit.errors import DataError


def fill(folder: Path, *keys: str) -> Path:
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).touch()
    return folder


def images(folder: Path, depth: int | None = None) -> list[tuple[str, Path]]:
    return [(key, path) for key, path, kind in walk_files(folder, depth) if kind]


def no_bytes(length: int) -> bytes:
    return b""


def test_names_of_images():
    kinds = [image_kind(f"a{suffix}", no_bytes) for suffix in IMAGE_SUFFIXES]
    assert kinds == [image_kind(f"A{suffix.upper()}", no_bytes) for suffix in IMAGE_SUFFIXES]
    assert set(kinds) == {"picture", "dicom", "nifti"}
    others = ["", "png", ".png", "._a.png", "a.png.txt", "a.gif", ".a.dcm"]
    assert [image_kind(name, no_bytes) for name in others] == [None] * len(others)


@pytest.mark.parametrize("name", ["IM0001", "1.2.840.113619", "slice.img"])
def test_dicom_files_without_a_suffix_are_known_by_their_mark(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(128) + b"DICM" + bytes(20))
    (tmp_path / "other").write_bytes(bytes(124) + b"DICM" + bytes(20))
    (tmp_path / "short").write_bytes(b"DICM")
    (tmp_path / "notes.txt").write_bytes(bytes(128) + b"DICM")
    kinds = {key: kind for key, _, kind in walk_files(tmp_path)}
    assert kinds == {name: DICOM, "other": None, "short": None, "notes.txt": None}


def test_side_files_are_expected_beside_images():
    sides = ["notes.txt", "README", "Licence.pdf", "LICENSE", "labels.CSV", "a.json", ".DS_Store", "Thumbs.db"]
    assert all(map(is_side_file, sides))
    assert not any(map(is_side_file, ["a.xyz", "b.h5", "photo.gif", "c", "d.mat", "slices.zip"]))


def test_keys_are_relative_and_hidden_names_are_passed_over(tmp_path):
    fill(tmp_path, "b.PNG", "sub/deep/a.tif", "notes.txt", ".h.png", ".git/x.png", "__MACOSX/y.png", "d.png/z.jpg")
    found = dict(images(tmp_path))
    assert sorted(found) == ["b.PNG", "d.png/z.jpg", "sub/deep/a.tif"]
    assert found["sub/deep/a.tif"] == tmp_path / "sub/deep/a.tif"


@pytest.mark.parametrize(("depth", "count"), [(0, 1), (1, 2), (2, 3), (None, 3)])
def test_depth_is_the_most_folders_of_a_key(tmp_path, depth, count):
    keys = ["a.png", "b/c.png", "b/d/e.png"]
    fill(tmp_path, *keys)
    assert sorted(key for key, _ in images(tmp_path, depth)) == keys[:count]


def test_linked_folders_are_read_once_under_the_first_name(tmp_path):
    fill(tmp_path, "m/x.png")
    (tmp_path / "m/up").symlink_to(tmp_path)
    (tmp_path / "a").symlink_to(tmp_path / "m")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert [key for key, _ in images(tmp_path)] == ["a/x.png"]


def test_a_link_to_no_file_is_left_to_the_reader(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    assert [key for key, _ in images(tmp_path)] == ["gone.png"]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"^cannot list \S+gone: No such file or directory; make the folder readable$"):
        list(images(tmp_path / "gone"))


def test_a_report_among_the_images_is_passed_over(tmp_path: Path) -> None:
    for name in ("a.png", "symaudit-x/figure2.png", "symaudit-x/report.json", "symaudit-x/responses.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [key for key, _ in images(tmp_path)] == ["a.png"]
    # named itself, it is what the user wants to read
    assert [key for key, _ in images(tmp_path / "symaudit-x")] == ["figure2.png"]
