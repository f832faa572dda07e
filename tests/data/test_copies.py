"""Smaller copies beside images, and folders that systems leave behind: never measured beside the truth."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from symmetry_audit.data import open_source
from symmetry_audit.errors import DataError

LARGE, HALF, SMALL = (48, 40), (24, 20), (12, 10)
TRUTHS = {  # names of truths and of the smaller copies beside them
    "HR and LR": (["HR/a.png", "HR/b.png"], ["LR_bicubic/X2/ax2.png", "LR_bicubic/X2/bx2.png"]),
    "DIV2K": (
        ["DIV2K_valid_HR/0801.png"],
        ["DIV2K_valid_LR_bicubic/X4/0801x4.png", "DIV2K_valid_LR_wild/0801x4w.png"],
    ),
    "one folder": (["0001.png", "0002.png"], ["0001x2.png", "0002x2.png"]),
    "Set5 of BasicSR": (["Set5/GTmod12/baby.png"], ["Set5/LRbicx2/baby.png", "Set5/LRbicx4/baby.png"]),
    "SelfExSR": (["image_SRF_2/img_001_SRF_2_HR.png"], ["image_SRF_2/img_001_SRF_2_LR.png"]),
    "thumbnails": (["trip/a.jpg", "trip/b.jpg"], ["trip/thumbs/a.jpg", "trip/_thumb/b.jpg", "trip/a_thumb.jpg"]),
    "other suffixes": (["gt/a.bmp"], ["lr_x3/a.png"]),
}


def save(folder: Path, names: list[str], size: tuple[int, int]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(folder / name)


def keys(text: object) -> list[str]:
    return [ref.key for ref in open_source(str(text)).refs]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", TRUTHS)
def test_truths_alone_are_read_and_copies_counted(tmp_path, kind, packed):
    truths, copies = TRUTHS[kind]
    save(tmp_path / "set", truths, LARGE)
    save(tmp_path / "set", copies, HALF)
    where = tmp_path / "set"
    if packed:
        where = tmp_path / "set.zip"
        with zipfile.ZipFile(where, "w") as archive:
            for name in [*copies, *truths]:
                archive.write(tmp_path / "set" / name, name)
    source = open_source(str(where))
    assert [ref.key for ref in source.refs] == truths
    (remark,) = source.remarks
    assert remark.startswith("smaller copies of images of the same name left out: ")
    assert sum(int(word) for word in remark.split(": ")[1].split() if word.isdigit()) == len(copies)


def test_a_folder_of_copies_alone_is_read(tmp_path):
    save(tmp_path, names := ["LR/X2/ax2.png", "LR/X2/bx2.png"], HALF)
    assert keys(tmp_path) == names
    assert keys(f"{tmp_path}/LR/X2/*x2.png") == [f"{tmp_path}/LR/X2/{name}x2.png" for name in "ab"]


def test_images_of_one_size_are_no_copies(tmp_path):
    """Such as the classes of a set of hands, pairs of one size, and pictures that happen to be called x2."""
    names = [
        "fist/01.png",
        "thumb/01.png",
        "gt/a.png",
        "lq/a.png",
        "box.png",
        "boxx2.png",
        "01/small/7.png",
        "01/7.png",
    ]
    save(tmp_path, names, LARGE)
    assert keys(tmp_path) == sorted(names) and not open_source(str(tmp_path)).remarks


@pytest.mark.parametrize(
    ("large", "small", "named"),
    [
        (["GTmod12/a.png", "original/a.png"], ["LRbicx2/a.png"], "GTmod12, original"),
        (["X2/ax2.png"], ["X4/ax4.png"], r"X2/\*x2, X4/\*x4"),
        (["image_SRF_2/i_SRF_2_HR.png", "image_SRF_4/i_SRF_4_HR.png"], ["image_SRF_2/i_SRF_2_LR.png"], "image_SRF_2"),
    ],
)
def test_several_truths_or_none_are_refused(tmp_path, large, small, named):
    save(tmp_path, large, LARGE)
    save(tmp_path, small, SMALL)
    with pytest.raises(DataError, match=f"holds 1 picture in several versions, in {named}.*; give one of these alone"):
        open_source(str(tmp_path))


def test_what_systems_leave_behind_is_passed_over(tmp_path, monkeypatch):
    left = [
        "@eaDir/a.png/THUMB_XL.jpg",
        "$RECYCLE.BIN/S-1/R1.jpg",
        "$RECYCLE.BIN/S-1/R2.jpg",
        "b/#recycle/c.png",
        "lost+found/1.png",
        "__MACOSX/a.png",
    ]
    left += [
        ".Trash-1000/files/d.png",
        ".thumbnails/a.png",
        "My Previews.lrdata/0/1.jpg",
        "System Volume Information/e.png",
    ]
    save(tmp_path / "p", [*left, "a.png", "b/c.png"], LARGE)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name in [*left, "a.png", "b/c.png"]:
            archive.write(tmp_path / "p" / name, name)
    monkeypatch.chdir(tmp_path)
    for source, folder in (("p", ""), ("p.zip", ""), ("p/**/*.*", "p/")):
        found = open_source(source)
        assert [ref.key for ref in found.refs] == [f"{folder}a.png", f"{folder}b/c.png"]
        (remark,) = found.remarks
        assert remark == (
            "folders of thumbnails, deleted files and the like passed over: #recycle 1, $RECYCLE.BIN 1, *.lrdata 1, "
            "@eaDir 1, System Volume Information 1, lost+found 1"
        )
    assert keys("p/@eaDir/*/*.jpg") == ["p/@eaDir/a.png/THUMB_XL.jpg"]  # where it is asked for


def test_archives_in_a_folder_are_read_where_nothing_else_is(tmp_path):
    for number in range(2):
        save(tmp_path / "set", [f"{number}.png"], LARGE)
        (tmp_path / "shards").mkdir(exist_ok=True)
        with zipfile.ZipFile(tmp_path / f"shards/{number}.zip", "w") as archive:
            archive.write(tmp_path / f"set/{number}.png", f"in/{number}.png")
            archive.writestr("more.zip", b"PK")
    source = open_source(str(tmp_path / "shards"))
    assert [ref.key for ref in source.refs] == ["0.zip/in/0.png", "1.zip/in/1.png"]
    assert source.remarks == ("2 files of other kinds beside the images: .zip 2",)
    assert [ref.key for ref in source.stream(list(source.refs), 999) if ref.payload] == keys(tmp_path / "shards")
    assert len(keys(f"{tmp_path}/shards/*.zip")) == 2
    (tmp_path / "list.txt").write_text("shards/0.zip\nset/1.png\n")
    assert keys(tmp_path / "list.txt") == ["set/1.png", "shards/0.zip/in/0.png"]
    assert keys(tmp_path) == ["set/0.png", "set/1.png"]  # unpacked beside where they came from
