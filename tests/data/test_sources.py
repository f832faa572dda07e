"""SOURCE -> images: folders, globs, lists, archives, names; hostile ones of each; nothing lost, nothing doubled."""

import gzip
import io
import os
import pickle
import random
import shutil
import stat
import struct
import tarfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import symmetry_audit
from symmetry_audit.data import DEMO_PHOTOGRAPHS, ImageRef, ImageSource, decode, demo_source, open_source
from symmetry_audit.errors import DataError, ImageError, SettingError, SymmetryAuditError, one_line
from tests.conftest import smooth_noise
from tests.data.shard_files import tar_of

CAP = 10**6
TARS = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tbz2": "w:bz2"}
TARS |= {".tar.xz": "w:xz", ".txz": "w:xz"}
ARCHIVES = [".zip", *TARS]
ROOT_USER = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(autouse=True)
def own_manifests(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(tmp_path / "own manifests"))
    monkeypatch.delenv("SYMAUDIT_DATA", raising=False)


def fill(folder: Path, *names: str) -> Path:
    """A file for each name; its content is its name, for nothing here is decoded."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.fsencode(name))
    return folder


def keys(source: ImageSource) -> list[str]:
    return [ref.key for ref in source.refs]


def contents(source: ImageSource, cap: int = CAP) -> dict[str, bytes]:
    """What ``read`` gives for each image, after checking that ``stream`` gives the same."""
    read = {ref.key: ref.read(cap) for ref in source.refs}
    assert {ref.key: ref.read(cap) for ref in source.stream(list(source.refs), cap)} == read
    return read


def skipped(source: ImageSource) -> dict[str, str]:
    return {item.image: item.reason for item in source.skipped}


def pack(path: Path, *files: tuple[str, bytes]) -> Path:
    """An archive of ``(name, content)``, by the suffix of ``path``."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files:
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return path
    mode = next(mode for suffix, mode in TARS.items() if path.name.endswith(suffix))
    return tar_of(path, files, mode)


def shown(error: pytest.ExceptionInfo) -> str:
    """The message, which must be one line without a chain of causes."""
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert error.value.__cause__ is None
    assert error.value.__context__ is None or error.value.__suppress_context__
    return text


# --- folders


def test_a_folder_is_searched_and_sorted(tmp_path):
    names = [
        "b.png",
        "a.JPG",
        "deep/er/c.tif",
        "deep/d.TIFF",
        "e.bmp",
        "f.webp",
        "g.jpeg",
        "[x] é ß.png",
        "日本 語.png",
    ]
    passed_over = [".hidden.png", ".git/x.png", "__MACOSX/._b.png", "deep/__MACOSX/b.png", "notes.txt", "png", "b.png~"]
    source = open_source(str(fill(tmp_path / "photos", *names, *passed_over)))
    assert keys(source) == sorted(names)
    assert source.skipped == ()
    assert source.name == "photos"
    assert contents(source) == {name: os.fsencode(name) for name in names}


def test_a_folder_named_by_a_dot_has_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path / "photos", "a.png"))
    assert open_source(".").name == "photos"


def test_loops_of_links_end_and_count_once(tmp_path):
    folder = fill(tmp_path / "photos", "a.png", "sub/b.png")
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "sub" / "self").symlink_to(folder / "sub" / "self")
    (folder / "twin").symlink_to(folder / "sub")
    assert keys(open_source(str(folder))) == ["a.png", "sub/b.png"]


def test_a_linked_folder_elsewhere_is_followed(tmp_path):
    fill(tmp_path / "elsewhere", "b.png")
    folder = fill(tmp_path / "photos", "a.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    assert keys(open_source(str(folder))) == ["a.png", "linked/b.png"]


def test_a_link_to_nothing_is_an_image_that_cannot_be_read(tmp_path):
    folder = fill(tmp_path / "photos", "a.png")
    (folder / "b.png").symlink_to(folder / "gone.png")
    (folder / "c.png").symlink_to(folder / "c.png")
    source = open_source(str(folder))
    assert keys(source) == ["a.png", "b.png", "c.png"]
    with pytest.raises(ImageError, match=r"^cannot be read \(No such file or directory\)$") as caught:
        source.refs[1].read(CAP)
    shown(caught)
    with pytest.raises(ImageError, match=r"^cannot be read \(Too many levels of symbolic links\)$"):
        source.refs[2].read(CAP)
    assert source.refs[1].stamp() == "missing"


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_are_not_waited_for(tmp_path, kind):
    folder = fill(tmp_path / "photos", "a.png")
    if kind == "pipe":
        os.mkfifo(folder / "b.png")
    else:
        (folder / "b.png").symlink_to("/dev/zero")
    with pytest.raises(ImageError, match=r"^cannot be read \(not a regular file\)$"):
        open_source(str(folder)).refs[1].read(CAP)


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    folder = fill(tmp_path / "photos", "a.png", "closed/b.png")
    listed = os.scandir

    def scandir(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(
        DataError, match=r"^cannot list .*closed: Permission denied; make the folder readable$"
    ) as caught:
        open_source(str(folder))
    shown(caught)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    ref = open_source(str(fill(tmp_path / "photos", "a.png"))).refs[0]
    if ROOT_USER:  # whom no mode stops

        def closed(*args):
            raise PermissionError(13, "Permission denied", args[0])

        monkeypatch.setattr("builtins.open", closed)
    else:
        ref.path.chmod(0)
    with pytest.raises(ImageError, match=r"^permission denied; make the file readable$") as caught:
        ref.read(CAP)
    monkeypatch.undo()
    shown(caught)


@pytest.mark.parametrize("names", [[], ["notes.txt", ".hidden.png"], ["__MACOSX/a.png"]])
def test_an_empty_folder_is_an_error(tmp_path, names):
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty", *names)
    with pytest.raises(DataError, match=r'^no images in ".*empty"; expected files ending in \.bmp, \.jpeg, ') as caught:
        open_source(str(tmp_path / "empty"))
    shown(caught)


def test_names_that_terminals_and_utf8_cannot_take_are_escaped(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in (b"a\nb.png", b"red\x1b[31m.png", b"latin-\xe9.png"):
        (Path(os.fsdecode(os.fsencode(folder))) / os.fsdecode(name)).write_bytes(name)
    source = open_source(str(folder))
    assert keys(source) == ["a\\nb.png", "latin-\\udce9.png", "red\\x1b[31m.png"]
    assert contents(source)["latin-\\udce9.png"] == b"latin-\xe9.png"
    for key in keys(source):
        assert key.encode().decode().isprintable()


def test_a_source_whose_name_is_not_utf8(tmp_path, monkeypatch):
    folder = fill(tmp_path / os.fsdecode(b"caf\xe9"), "a.png")
    with pytest.raises(
        DataError, match=r'^".*/caf\\udce9" is not a UTF-8 name, which reports need; rename the file or link to it$'
    ):
        open_source(str(folder))
    monkeypatch.chdir(folder)
    assert open_source(".").name == "caf\\udce9"


def test_the_size_cap_is_in_bytes(tmp_path):
    ref = open_source(str(fill(tmp_path / "photos", "0123456789.png"))).refs[0]
    assert ref.read(14) == b"0123456789.png"
    with pytest.raises(ImageError, match=r"^larger than 13 bytes; raise --max-pixels if you trust the file$"):
        ref.read(13)


def test_limited():
    source = ImageSource("name", "text", tuple(ImageRef(name, Path(name)) for name in "abc"))
    assert keys(source.limited(2)) == ["a", "b"]
    assert source.limited(None) is source
    assert keys(source.limited(9)) == ["a", "b", "c"]


def test_references_travel_between_processes_and_notice_changes(tmp_path):
    ref = open_source(str(fill(tmp_path / "photos", "a.png"))).refs[0]
    assert pickle.loads(pickle.dumps(ref)) == ref
    before = ref.stamp()
    assert ref.stamp() == before
    os.utime(ref.path, ns=(1, 1))
    assert ref.stamp() != before
    assert ImageRef("x", Path("no\0such.png")).stamp() == "missing"


# --- what is no source


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_name_is_not_the_current_folder(text, photos, monkeypatch):
    monkeypatch.chdir(photos)
    with pytest.raises(DataError, match=r"^the name of the source is empty; give a folder"):
        open_source(text)


@pytest.mark.parametrize(
    "text",
    [
        *("no/such/folder", "nothing.png", "~nobody-of-this-name/photos", "x" * 5000, "a\0b", "*\0", "no*match", "["),
        *("Set5x", "DIV2K:nosuch", ":", "::", "a:b:c", "http://example.org/a.png", "\udcff.png", "a/" * 3000 + "b"),
    ],
)
def test_what_is_nowhere_is_a_clear_error(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((DataError, SettingError)) as caught:
        open_source(text)
    assert shown(caught)


def test_the_message_says_both_what_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match=r'^"Sett5" is not a file, a folder or a dataset: .*Set5'):
        open_source("Sett5")
    with pytest.raises(DataError, match=r'^cannot open "~nobody-of-this-name/x": '):
        open_source("~nobody-of-this-name/x")
    with pytest.raises(DataError, match=r'^cannot open "x+": File name too long$'):
        open_source("x" * 5000)


def test_a_closed_folder_on_the_way_is_an_error(tmp_path, monkeypatch):
    def is_dir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", is_dir)
    with pytest.raises(DataError, match=r'^cannot open "closed/photos": Permission denied$'):
        open_source("closed/photos")


# --- single files and names


def test_a_single_file(tmp_path):
    source = open_source(str(fill(tmp_path, "one photo.png") / "one photo.png"))
    assert (keys(source), source.name) == (["one photo.png"], "one photo")


def test_a_file_of_any_suffix_is_tried(tmp_path):
    source = open_source(str(fill(tmp_path, "scan.dat") / "scan.dat"))
    with pytest.raises(ImageError, match=r"^not a readable PNG, JPEG, TIFF, .* or JPEG XL image$"):
        decode(source.refs[0].read(CAP), CAP)


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    fill(tmp_path / "photos", "a.png")
    assert keys(open_source("~/photos")) == ["a.png"]
    assert keys(open_source("~/photos/*.png")) == [(tmp_path / "photos/a.png").as_posix()]


def test_a_folder_comes_before_a_manifest_of_its_name(tmp_path, monkeypatch):
    fill(tmp_path / "data" / "Set5" / "HR", *(f"{name}.png" for name in "abcde"))
    monkeypatch.chdir(tmp_path)
    source = open_source("Set5", tmp_path / "data")
    assert keys(source) == [f"{name}.png" for name in "abcde"]
    assert (source.name, source.short_name) == ("Set5:HR", "Set5")
    assert source.note == "Set5: split HR, 5 images"
    assert source.text == "Set5"
    fill(tmp_path / "Set5", "mine.png")
    assert keys(open_source("Set5", tmp_path / "data")) == ["mine.png"]


# --- globs


def test_a_glob(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path, "set[1]/a.png", "set[1]/b.png", "set1/c.png", "set1/d.txt", "set1/e.png/f.png"))
    assert keys(open_source("set[[]1]/*.png")) == ["set[1]/a.png", "set[1]/b.png"]
    assert keys(open_source("set[1]/*")) == ["set1/c.png"]  # a glob, since no such path exists as it is written
    assert keys(open_source("**/*.png")) == ["set1/c.png", "set1/e.png/f.png", "set[1]/a.png", "set[1]/b.png"]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        *(("photos/2024/**/*.png", "2024"), ("./photos/*/a.png", "photos"), ("photos/2024/../*/*", "photos")),
        *(("*/*/a.png", "here"), ("**/a.png", "here"), ("photos/20[2]4/a.png", "photos")),
    ],
)
def test_a_glob_has_the_name_of_the_folder_that_it_starts_from(pattern, name, tmp_path, monkeypatch):
    here = fill(tmp_path / "here", "photos/2024/a.png", "photos/2024/summer/b.png")
    monkeypatch.chdir(here)
    assert open_source(pattern).name == name


@pytest.mark.parametrize(
    ("text", "name", "short_name"),
    [
        ("DIV2K", "DIV2K:train", "DIV2K"),
        ("div2k:TRAIN", "DIV2K:train", "DIV2K"),
        ("DIV2K:valid", "DIV2K:valid", "DIV2K:valid"),
    ],
)
def test_the_short_name_of_a_dataset_leaves_out_the_default_split(text, name, short_name, tmp_path):
    fill(tmp_path / "DIV2K/DIV2K_train_HR", *(f"{index:04d}.png" for index in range(1, 801)))
    fill(tmp_path / "DIV2K/DIV2K_valid_HR", *(f"{index:04d}.png" for index in range(801, 901)))
    source = open_source(text, tmp_path)
    assert (source.name, source.short_name) == (name, short_name)


def test_a_path_with_brackets_is_a_path_before_it_is_a_glob(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path, "set[1]/a.png", "set1/c.png", "b[2].png"))
    assert keys(open_source("set[1]")) == ["a.png"]
    assert keys(open_source("b[2].png")) == ["b[2].png"]


def test_a_glob_through_a_loop_of_links_counts_once(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path, "photos/a.png", "photos/sub/b.png"))
    Path("photos/sub/up").symlink_to(tmp_path / "photos")
    assert keys(open_source("photos/**/*.png")) == ["photos/a.png", "photos/sub/b.png"]


def test_a_glob_loses_no_broken_link(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path, "a.png"))
    Path("b.png").symlink_to("gone.png")
    assert keys(open_source("*.png")) == ["a.png", "b.png"]


@pytest.mark.parametrize("pattern", ["*.jpg", "*", "nothing/**", "[a-"])
def test_a_glob_without_images_is_an_error(tmp_path, monkeypatch, pattern):
    monkeypatch.chdir(fill(tmp_path, "notes.txt", "folder.png/notes.txt"))
    with pytest.raises(DataError, match=r'^no images in ".*"; expected files ending in'):
        open_source(pattern)


# --- lists


def test_a_list(tmp_path):
    fill(tmp_path, "a.png", "sub dir/ü 1.png", "#1.png", "b.png", "scan.dat")
    lines = ["\ufeff# photographs", "a.png", "", "  sub dir/ü 1.png  ", "\t", "  # comment", "./#1.png", "scan.dat"]
    (tmp_path / "photos.txt").write_bytes("\r\n".join([*lines, str(tmp_path / "b.png")]).encode())
    source = open_source(str(tmp_path / "photos.txt"))
    assert keys(source) == sorted(["a.png", "sub dir/ü 1.png", "#1.png", "scan.dat", (tmp_path / "b.png").as_posix()])
    assert source.name == "photos"
    assert contents(source)["sub dir/ü 1.png"] == "sub dir/ü 1.png".encode()


def test_lines_of_a_list_that_are_no_image(tmp_path):
    fill(tmp_path, "a.png", "folder/b.png")
    (tmp_path / "list.lst").write_text("a.png\nmissing.png\nfolder\n../up.png\nnu\0l.png\n" + "x" * 5000 + ".png\n")
    source = open_source(str(tmp_path / "list.lst"))
    reasons = {}
    for ref in source.refs:
        assert isinstance(ref.stamp(), str)
        if ref.key != "a.png":
            with pytest.raises(ImageError, match=r"^cannot be read \(") as caught:
                ref.read(CAP)
            reasons[ref.key] = shown(caught)
    assert reasons == {
        "missing.png": "cannot be read (No such file or directory)",
        "../up.png": "cannot be read (No such file or directory)",
        "folder": "cannot be read (not a regular file)",
        "nu\\x00l.png": "cannot be read (embedded null byte)",
        "x" * 5000 + ".png": "cannot be read (File name too long)",
    }


def test_a_repeated_line_is_measured_once_and_reported(tmp_path):
    fill(tmp_path, "a.png", "b.png")
    (tmp_path / "list.txt").write_text("a.png\nb.png\n./a.png\na.png\n")
    source = open_source(str(tmp_path / "list.txt"))
    assert keys(source) == ["a.png", "b.png"]
    assert skipped(source) == {"a.png": "the name occurs 3 times; the first is measured"}


@pytest.mark.parametrize("body", ["", "\n\n", "# nothing\n"])
def test_an_empty_list_is_an_error(tmp_path, body):
    (tmp_path / "list.txt").write_text(body)
    with pytest.raises(DataError, match=r'^no images in ".*list\.txt"'):
        open_source(str(tmp_path / "list.txt"))


def test_a_list_that_is_no_text_is_an_error(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\0a\0.\0p")
    with pytest.raises(DataError, match=r"^cannot read the list .*list\.txt: 'utf-8' codec can't decode") as caught:
        open_source(str(tmp_path / "list.txt"))
    shown(caught)


def test_a_list_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    def closed(path, **options):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "list.txt").write_text("a.png")
    monkeypatch.setattr(Path, "read_text", closed)
    with pytest.raises(DataError, match=r"^cannot read the list .*list\.txt: Permission denied$"):
        open_source(str(tmp_path / "list.txt"))


# --- archives

FILES = [("b.png", b"bytes of b"), ("deep/a.png", b"bytes of a" * 100), ("ü 1.JPG", b""), ("notes.txt", b"no image")]
IMAGES = {"b.png": b"bytes of b", "deep/a.png": b"bytes of a" * 100, "ü 1.JPG": b""}


@pytest.mark.parametrize("suffix", [*ARCHIVES, ".ZIP", ".TAR"])
def test_an_archive_reads_like_its_folder(tmp_path, suffix):
    path = pack(tmp_path / f"photos.v1{suffix.lower()}", *FILES).rename(tmp_path / f"photos.v1{suffix}")
    source = open_source(str(path))
    assert keys(source) == sorted(IMAGES)
    assert contents(source) == IMAGES
    assert (source.name, source.skipped) == ("photos", ())
    assert {ref.stamp() for ref in source.refs} == {source.refs[0].stamp()} != {"missing"}
    assert pickle.loads(pickle.dumps(source.refs)) == source.refs


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
def test_part_of_an_archive_can_be_streamed(tmp_path, suffix):
    source = open_source(str(pack(tmp_path / f"photos{suffix}", *FILES)))
    streamed = list(source.stream(list(source.refs[1:]), CAP))
    assert {ref.key: ref.payload for ref in streamed} == {key: IMAGES[key] for key in keys(source)[1:]}
    assert list(source.stream([], CAP)) == []


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
def test_hidden_and_foreign_members_are_passed_over(tmp_path, suffix):
    names = ["__MACOSX/._a.png", "x/__MACOSX/a.png", ".git/a.png", ".a.png", "readme.md", "inner.zip", "a.png/readme"]
    path = pack(tmp_path / f"photos{suffix}", *((name, b"?") for name in names), ("./x//a.png", b"a"))
    source = open_source(str(path))
    assert (keys(source), source.skipped) == (["x/a.png"], ())


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
def test_members_cannot_lead_outside(tmp_path, suffix):
    bad = ["../a.png", "x/../../b.png", "/etc/c.png", "..\\d.png", "\\e.png", "C:\\f.png", "C:g.png", "x/..\\h.png"]
    good = ["12:30.png", "a..b.png", "good.png"]
    (tmp_path / "in").mkdir()
    source = open_source(str(pack(tmp_path / "in" / f"photos{suffix}", *((name, b"?") for name in bad + good))))
    assert keys(source) == good
    assert set(skipped(source).values()) == {"the archive member's name leads outside the archive"}
    assert len(source.skipped) == len(bad)
    contents(source)
    assert [item.name for item in tmp_path.rglob("*.png")] == []


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
@pytest.mark.filterwarnings("ignore:Duplicate name")  # zipfile's, on writing
def test_of_members_of_one_name_the_first_is_measured(tmp_path, suffix):
    path = pack(
        tmp_path / f"photos{suffix}", ("a.png", b"first"), ("b.png", b"b"), ("a.png", b"second"), ("./a.png", b"3")
    )
    source = open_source(str(path))
    assert contents(source) == {"a.png": b"first", "b.png": b"b"}
    assert skipped(source) == {"a.png": "the name occurs 3 times; the first is measured"}


def test_links_in_a_tar_are_the_members_that_they_lead_to(tmp_path):
    """And devices, loops, and links that lead to no member are reported."""
    hard, soft = tarfile.LNKTYPE, tarfile.SYMTYPE
    links = {"hard.png": (hard, "set/a.png"), "set/soft.png": (soft, "a.png"), "far.png": (soft, "./set/soft.png")}
    bad = {"out.png": (soft, "/etc/passwd"), "up.png": (soft, "../a.png"), "loop.png": (soft, "loop.png")}
    bad |= {"pipe.png": (tarfile.FIFOTYPE, ""), "dev.png": (tarfile.CHRTYPE, ""), "lost.png": (hard, "gone.png")}
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        info = tarfile.TarInfo("set/a.png")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"a"))
        for name, (info.type, info.linkname) in (links | bad).items():
            info.name, info.size = name, 0
            archive.addfile(info)
    source = open_source(str(tmp_path / "photos.tar"))
    assert keys(source) == sorted([*links, "set/a.png"])
    assert {ref.key: ref.payload for ref in source.stream(list(source.refs), 9)} == dict.fromkeys(keys(source), b"a")
    assert {ref.read(9) for ref in source.refs} == {b"a"}
    assert skipped(source) == dict.fromkeys(bad, "a device, or a link to no file inside the archive")


def test_links_in_a_zip_are_reported(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.png", "a")
    source = open_source(str(tmp_path / "photos.zip"))
    assert keys(source) == ["a.png"]
    assert skipped(source) == {"link.png": "a device, or a link to no file inside the archive"}


@pytest.mark.parametrize("suffix", ARCHIVES)
@pytest.mark.parametrize("files", [[], [("readme.txt", b"no image")], [("inner.zip", b"PK")]])
def test_an_archive_without_images_is_an_error(tmp_path, suffix, files):
    with pytest.raises(DataError, match=r'^no images in ".*photos\.[a-z0-9.]+"; expected files ending in'):
        open_source(str(pack(tmp_path / f"photos{suffix}", *files)))


def test_the_skipped_files_of_an_empty_source_are_reported(tmp_path):
    path = pack(tmp_path / "photos.zip", ("../a.png", b"evil"), ("../b.png", b"evil"))
    with pytest.raises(
        DataError, match=r"\(2 skipped, the first: the archive member's name leads outside the archive\)"
    ):
        open_source(str(path))


@pytest.mark.parametrize("suffix", ARCHIVES)
@pytest.mark.parametrize("body", [b"", b"PK", b"not an archive at all" * 50, b"\0" * 100, b"\x1f\x8b\x08\0"])
def test_what_is_no_archive_is_an_error(tmp_path, suffix, body):
    (tmp_path / f"photos{suffix}").write_bytes(body)
    with pytest.raises(DataError, match=r"^cannot read the archive .*photos\.[a-z0-9.]+: ") as caught:
        open_source(str(tmp_path / f"photos{suffix}"))
    shown(caught)


def test_an_archive_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    def closed(*args, **options):
        raise PermissionError(13, "Permission denied")

    path = pack(tmp_path / "photos.zip", *FILES)
    monkeypatch.setattr(zipfile, "ZipFile", closed)
    with pytest.raises(DataError, match=r"^cannot read the archive .*photos\.zip: Permission denied$"):
        open_source(str(path))


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
def test_bombs_are_read_no_further_than_the_cap(tmp_path, suffix):
    path = pack(tmp_path / f"photos{suffix}", ("bomb.png", bytes(30_000_000)), ("good.png", b"good"))
    source = open_source(str(path))
    for refs in (source.refs, source.stream(list(source.refs), 1000)):
        bomb, good = sorted(refs, key=lambda ref: ref.key)
        assert good.read(1000) == b"good"
        assert len(bomb.payload or b"") <= 1001
        with pytest.raises(ImageError, match=r"^larger than 1000 bytes; raise --max-pixels"):
            bomb.read(1000)


def test_an_encrypted_member_is_left_out_with_its_reason(tmp_path):
    path = pack(tmp_path / "photos.zip", ("a.png", b"a"), ("b.png", b"b"))
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + flags] |= 1
    path.write_bytes(data)
    source = open_source(str(path))
    for ref in (source.refs[0], next(iter(source.stream(list(source.refs), CAP)))):
        with pytest.raises(ImageError, match=r"^cannot be read \(.*encrypted, password required") as caught:
            ref.read(CAP)
        shown(caught)
    assert source.refs[1].read(CAP) == b"b"


def test_a_damaged_member_does_not_cost_the_others(tmp_path):
    path = pack(tmp_path / "photos.zip", ("a.png", bytes(range(256)) * 9), ("b.png", b"b"), ("c.png", b"c" * 50))
    data = bytearray(path.read_bytes())
    data[data.index(b"b.png") + 5] ^= 0xFF
    path.write_bytes(data)
    outcomes = {ref.key: outcome(ref) for ref in open_source(str(path)).stream(list(open_source(str(path)).refs), CAP)}
    assert outcomes["a.png"] == bytes(range(256)) * 9
    assert outcomes["c.png"] == b"c" * 50
    assert str(outcomes["b.png"]).startswith("cannot be read (")


def outcome(ref: ImageRef, cap: int = CAP) -> bytes | ImageError:
    """The bytes of a member, or its ImageError of one line; any other error fails the test."""
    try:
        return ref.read(cap)
    except ImageError as error:
        return error


def test_a_size_that_the_archive_lies_about(tmp_path):
    path = pack(tmp_path / "photos.zip", ("a.png", b"a" * 500))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(data)
    assert isinstance(outcome(open_source(str(path)).refs[0]), bytes | ImageError)


# --- tars whose headers lie


def header(name: str, size: int | bytes, kind: bytes = b"0") -> bytes:
    """One tar header; ``size`` as a number, or as the 12 bytes of the field."""
    info = tarfile.TarInfo(name)
    info.type = kind
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = size if isinstance(size, bytes) else b"%011o\0" % size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


MEMBER = header("a.png", 5) + b"aaaaa" + bytes(507)
END = bytes(1024)
NEGATIVE = (-1024).to_bytes(12, "big", signed=True)  # a base-256 number: back to this very header


@pytest.mark.parametrize("suffix", [".tar", ".tgz"])
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (MEMBER + header("b.png", NEGATIVE) + bytes(512) + END, "b.png has a negative size"),
        (MEMBER + header("b.png", 1 << 32) + END, "unexpected end of data"),
        (MEMBER + header("x", NEGATIVE, b"x") + END, "cut off or damaged at byte 1024: "),
        (MEMBER + header("x", 1 << 33, b"x") + bytes(1 << 14) + END, "cut off or damaged at byte 1024: "),
        (MEMBER + header("x", 1 << 33, b"L") + bytes(1 << 14) + END, "cut off or damaged at byte 1024: "),
        (MEMBER + b"\xff" * 512 + MEMBER + END, "cut off or damaged at byte 1024: bad checksum"),
        (MEMBER + MEMBER[:300], "cut off or damaged at byte 1024: truncated header"),
        (MEMBER, "cut off or damaged at byte 1024: empty header"),
        (MEMBER + MEMBER[:700], "unexpected end of data"),
    ],
)
def test_tars_whose_headers_lie(tmp_path, suffix, body, reason):
    path = tmp_path / f"photos{suffix}"
    path.write_bytes(gzip.compress(body) if suffix == ".tgz" else body)
    started = time.process_time()
    with pytest.raises(DataError, match=rf"^cannot read the archive .*: {reason}") as caught:
        open_source(str(path))
    shown(caught)
    assert time.process_time() - started < 2


def test_a_negative_size_in_an_extended_header(tmp_path):
    record = b"13 size=-512\n"
    body = MEMBER + header("x", len(record), b"x") + record.ljust(512, b"\0") + header("b.png", 0) + END
    (tmp_path / "photos.tar").write_bytes(body)
    with pytest.raises(DataError, match=r"negative size"):
        open_source(str(tmp_path / "photos.tar"))


def test_long_names_are_not_taken_for_lies(tmp_path):
    name = "x" * 90 + "/" + "ü" * 200 + ".png"
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with tarfile.open(tmp_path / "photos.tar", "w", format=kind) as archive:
            archive.addfile(tarfile.TarInfo("folder"))
            archive.addfile(tarfile.TarInfo(name))
        assert keys(open_source(str(tmp_path / "photos.tar"))) == [name]


# --- damage at every place


@pytest.mark.parametrize("suffix", ARCHIVES)
def test_truncated_archives_are_errors(tmp_path, suffix):
    """Never a source with fewer images."""
    chance = random.Random(suffix)
    path = pack(tmp_path / f"photos{suffix}", *((f"{name}.png", chance.randbytes(900)) for name in "abcdef"))
    data = path.read_bytes()
    end = 512 * 3 * 6 if suffix == ".tar" else len(data)  # a tar has its end mark there, padding follows
    for length in [*range(0, end, 97), end - 1, end - 3]:
        path.write_bytes(data[:length])
        try:
            source = open_source(str(path))
        except DataError:
            continue
        assert length > end - 50  # only the checksum of the compressed stream is gone
        assert len(source.refs) == 6
        assert all(isinstance(outcome(ref), bytes) for ref in source.refs)


@pytest.mark.parametrize("suffix", ARCHIVES)
def test_flipped_bytes_in_archives_never_escape(tmp_path, suffix):
    chance = random.Random(suffix)
    path = pack(tmp_path / f"photos{suffix}", *((f"{name}.png", chance.randbytes(200)) for name in "abc"))
    data = path.read_bytes()
    for _ in range(250):
        harmed = bytearray(data)
        for _ in range(chance.choice((1, 1, 3))):
            harmed[chance.randrange(len(data))] = chance.choice((0, 0x80, 0xFF, chance.randrange(256)))
        path.write_bytes(harmed)
        try:
            source = open_source(str(path))
            outcomes = [outcome(ref) for ref in (*source.refs, *source.stream(list(source.refs), CAP))]
        except SymmetryAuditError as error:
            outcomes = [error]
        for item in outcomes:
            assert isinstance(item, bytes) or len(str(item).splitlines()) == 1


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["zip", "tar", "tgz", "tbz2", "txz"]), st.binary(max_size=400))
def test_noise_is_no_archive(tmp_path_factory, suffix, noise):
    start = {"zip": b"PK\x03\x04", "tar": MEMBER[:512], "tgz": b"\x1f\x8b\x08\0", "tbz2": b"BZh9", "txz": b"\xfd7zXZ\0"}
    path = tmp_path_factory.getbasetemp() / f"noise.{suffix}"
    path.write_bytes(start[suffix] + noise)
    with pytest.raises(DataError, match=r"^(cannot read the archive|no images in) ") as caught:
        open_source(str(path))
    shown(caught)


# --- archives in use


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
def test_threads_read_the_same_archive(tmp_path, suffix):
    """An open tar shared by threads mixes up its members: they share one file position."""
    chance = random.Random(0)
    files = {f"{index:02}.png": bytes([index]) * chance.randrange(50_000) for index in range(24)}
    source = open_source(str(pack(tmp_path / f"photos{suffix}", *files.items())))
    start = threading.Barrier(8)

    def work(_):
        start.wait()
        return {ref.key: ref.read(CAP) for ref in chance.sample(source.refs, 8)}

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(work, range(8)):
            assert all(files[key] == content for key, content in found.items())


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
def test_an_archive_that_was_replaced_is_read_anew(tmp_path, suffix):
    path = tmp_path / f"photos{suffix}"
    for content in (b"old", b"newer"):
        source = open_source(str(pack(path, ("a.png", content))))
        assert contents(source) == {"a.png": content}


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
def test_a_member_that_is_gone_meanwhile_is_not_lost(tmp_path, suffix):
    path = pack(tmp_path / f"photos{suffix}", ("a.png", b"a"), ("b.png", b"b"))
    source = open_source(str(path))
    pack(path, ("b.png", b"b"))
    outcomes = {ref.key: outcome(ref) for ref in source.stream(list(source.refs), CAP)}
    assert outcomes["b.png"] == b"b"
    assert str(outcomes["a.png"]) == "cannot be read (no longer in the archive)"


def test_an_archive_that_is_gone_meanwhile(tmp_path):
    path = pack(tmp_path / "photos.zip", *FILES)
    source = open_source(str(path))
    path.unlink()
    assert source.refs[0].stamp() == "missing"
    with pytest.raises(ImageError, match=r"^cannot be read \(cannot read the archive .*No such file or directory\)$"):
        source.refs[0].read(CAP)
    with pytest.raises(DataError, match=r"^cannot read the archive .*No such file or directory$"):
        list(source.stream(list(source.refs), CAP))


# --- the demo


def test_the_demo_is_all_there():
    source = demo_source()
    assert tuple(keys(source)) == DEMO_PHOTOGRAPHS == tuple(sorted(DEMO_PHOTOGRAPHS))
    assert source.name == "demo"
    for ref in (source.refs[0], source.refs[-1]):
        assert min(decode(ref.read(CAP), CAP).luminance.shape) > 100


def test_a_demo_without_its_images_is_an_error(tmp_path, monkeypatch):
    origin = Path(find_spec("skimage").origin)
    fill(tmp_path / "data", *DEMO_PHOTOGRAPHS[1:])
    shutil.copy(origin, tmp_path)
    for spec in (SimpleNamespace(origin=str(tmp_path / origin.name)), None):
        monkeypatch.setattr("symmetry_audit.data._demo.find_spec", lambda name, spec=spec: spec)
        with pytest.raises(DataError, match=r"^scikit-image here lacks astronaut\.png.*; reinstall it with"):
            demo_source()


# --- from the folder to the report


def test_one_line():
    assert one_line(ValueError("two\n lines")) == "two lines"
    assert one_line(FileNotFoundError(2, "No such file", "x")) == "No such file"
    assert one_line(AssertionError()) == "AssertionError"
    assert len(one_line(ValueError("long " * 100))) <= 160


def hostile_folder(folder: Path, rng: np.random.Generator) -> dict[str, str]:
    """Files that cannot be measured with a margin of 15 px, and the reason that each must be given."""
    good = (folder / "photo_0.png").read_bytes()
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes(good[: len(good) // 2])
    (folder / "text.jpg").write_bytes(b"<html>404</html>")
    Image.fromarray(np.zeros((1, 1), np.uint8)).save(folder / "dot.png")
    Image.fromarray(np.zeros((30, 90), np.uint8)).save(folder / "flat.bmp")
    hole = smooth_noise(rng, 40, 40)
    tifffile.imwrite(folder / "high.tif", hole * 1e300, photometric="minisblack")
    hole[3, 4] = np.inf
    tifffile.imwrite(folder / "hole.tif", hole, photometric="minisblack")
    Image.fromarray(np.zeros((80, 80), np.uint8)).save(folder / "large.png")
    (folder / "gone.webp").symlink_to(folder / "nothing")
    (folder / "closed.png").mkdir()
    return {
        "empty.png": "the file is empty (0 bytes)",
        "cut.png": "damaged or truncated image (",
        "text.jpg": "is of another format, web page (HTML); download the image itself",
        "dot.png": "1 x 1 px is too small for a margin of 15 px; at least 31 x 31 px is needed",
        "flat.bmp": "90 x 30 px is too small for a margin of 15 px; at least 31 x 31 px is needed",
        "high.tif": "its samples are so large that the responses overflow; scale them to 0-255",
        "hole.tif": "holds infinite samples; replace them first",
        "large.png": "too large (80 x 80 px, the limit is 4000)",
        "gone.webp": "cannot be read (No such file or directory)",
    }


@pytest.mark.parametrize("kind", ["folder", ".zip", ".tgz"])
def test_a_run_over_hostile_files_loses_none_of_them(photos, rng, tmp_path, kind):
    expected = hostile_folder(photos, rng)
    source = photos
    if kind != "folder":
        files = [path for path in photos.rglob("*") if path.is_file()]
        source = pack(tmp_path / f"all{kind}", *((path.name, path.read_bytes()) for path in files))
        del expected["gone.webp"]
    report = symmetry_audit.measure(source, reg="tv", margin=15, max_pixels=4000, workers=3)
    found = {item.image: item.reason for item in report.skipped}
    assert found.keys() == expected.keys()
    for name, reason in expected.items():
        assert found[name].startswith(reason)
    assert report.dataset.images == 4
    with pytest.raises(DataError, match=r"^[a-z]+\.[a-z]+: ") as caught:
        symmetry_audit.measure(source, reg="tv", margin=15, max_pixels=4000, on_error="fail")
    assert shown(caught).split(":")[0] in expected


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
def test_archives_measure_as_their_folder_does(photos, tmp_path, suffix):
    path = pack(tmp_path / f"all{suffix}", *((path.name, path.read_bytes()) for path in photos.iterdir()))
    first, second = (symmetry_audit.measure(source, reg="tv", workers=4) for source in (photos, path))
    assert first.dataset.images == second.dataset.images == 4
    assert first.results == second.results
    assert first.skipped == second.skipped == ()


def test_a_run_without_a_single_image_is_an_error(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"^none of the 1 images could be measured; a\.png: the file is empty"
    ) as caught:
        symmetry_audit.measure(tmp_path / "photos")
    shown(caught)
