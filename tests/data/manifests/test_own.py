"""The user's own data: recorded, found again, checked, replaced, refused."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from symmetry_audit.data import manifests, open_source
from symmetry_audit.errors import DataError, SettingError

from .samples import fill, keys, statuses


def test_added_data_are_listed_found_and_verified(tmp_path):
    own = fill(tmp_path / "own", "b.png", "sub/a.JPG", 'odd """ \\ name.png', "notes.txt")
    path = manifests.add("Mine", own)
    assert path == tmp_path / "manifests/Mine.toml"
    assert manifests.available()[-1] == "Mine"
    manifest = manifests.load_manifest("mine")
    assert keys(manifests.locate(manifest)) == ["b.png", 'odd """ \\ name.png', "sub/a.JPG"]
    assert dict(manifest.split().files)["b.png"] == hashlib.sha256(b"b.png").hexdigest()
    assert statuses(manifests.verify(manifest)) == {"count": "ok", "sha256": "ok"}


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
def test_the_sha256_are_what_sha256sum_says(tmp_path):
    own = fill(tmp_path / "own", "b.png", "sub/a.jpg")
    text = manifests.add("mine", own).read_text()
    block = text[text.index('"""') + 4 : text.rindex('"""')]
    subprocess.run(["sha256sum", "--check", "--strict"], input=block, cwd=own, text=True, check=True)


def test_verify_names_what_is_missing_extra_and_changed(tmp_path):
    own = fill(tmp_path / "own", "a.png", "b.png", "c.png")
    manifests.add("mine", own)
    (own / "a.png").unlink()
    (own / "b.png").write_text("other")
    fill(own, "d/e.png")
    result = manifests.verify(manifests.load_manifest("mine"), track=iter)
    assert (result.ok, result.missing, result.changed, result.extra) == (False, ("a.png",), ("b.png",), ("d/e.png",))
    shutil.rmtree(own)
    result = manifests.verify(manifests.load_manifest("mine"))
    assert (result.ok, len(result.missing)) == (False, 3)
    assert "put them back there, then run `symaudit datasets verify mine`" in result.checks[0].detail


def test_a_file_that_cannot_be_read_fails_the_check_and_stops_add(tmp_path, monkeypatch):
    own = fill(tmp_path / "own", "a.png")
    manifests.add("mine", own)
    manifest = manifests.load_manifest("mine")
    monkeypatch.setattr(Path, "open", lambda *arguments: os.open(own / "a.png/x", os.O_RDONLY))
    result = manifests.verify(manifest)
    assert statuses(result) == {"count": "ok", "readable": "failed", "sha256": "failed"}
    with pytest.raises(DataError, match=r"a\.png cannot be read; fix its permissions"):
        manifests.add("mine2", own)


def test_add_replaces_only_with_force(tmp_path):
    own = fill(tmp_path / "own", "a.png")
    manifests.add("mine", own)
    fill(own, "b.png")
    with pytest.raises(
        SettingError, match=r'"MINE" exists already \(.*mine.toml\); choose another name, or add --force'
    ):
        manifests.add("MINE", own)
    manifests.add("MINE", own, force=True)
    assert manifests.available()[-1] == "MINE"
    assert [path.name for path in (tmp_path / "manifests").iterdir()] == ["MINE.toml"]
    assert manifests.load_manifest("mine").split().count == 2


def test_add_refuses_what_it_cannot_record(tmp_path, monkeypatch):
    own = fill(tmp_path / "own", "a.png")
    with pytest.raises(SettingError, match='"div2k" is a dataset symaudit ships; choose another name'):
        manifests.add("div2k", own, force=True)
    with pytest.raises(SettingError, match=r"'\.\./x' cannot be a name"):
        manifests.add("../x", own)
    with pytest.raises(DataError, match="nowhere is not a folder; give the folder that holds your images"):
        manifests.add("mine", tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"own2 holds no images \(\.bmp .*\); give the folder"):
        manifests.add("mine", fill(tmp_path / "own2", ".hidden.png", "a.txt"))
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(own / "a.png/folder"))
    message = r"^cannot write \S+mine.toml: Not a directory; set SYMAUDIT_MANIFESTS to a folder you can write to$"
    with pytest.raises(DataError, match=message):
        manifests.add("mine", own)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS file names are always text")
@pytest.mark.parametrize("name", [b"line\nbreak.png", b"\xff.png"])
def test_add_refuses_names_no_manifest_can_hold(tmp_path, name):
    own = fill(tmp_path / "own", os.fsdecode(name))
    with pytest.raises(DataError, match=r"(\\n|\\udcff).*a line break or another character .*; rename it"):
        manifests.add("mine", own)


@pytest.mark.parametrize(("text", "unit"), [("4x3,int16,big,HU", "HU"), ("4x3,int16,big,grey", "grey levels")])
def test_files_of_bare_samples_are_those_of_the_right_size(tmp_path, text, unit):
    own = fill(tmp_path / "own", "notes.txt", "other.raw")
    for name in ("b.raw", "sub/a.raw"):
        (own / name).parent.mkdir(exist_ok=True)
        (own / name).write_bytes(bytes(24))
    with pytest.raises(DataError, match="holds no file of 24 bytes"):
        manifests.add("mine", fill(tmp_path / "empty", "a.png"), raw=manifests.RawFormat.parse(text))
    (own / "other.raw").unlink()
    manifests.add("mine", own, raw=manifests.RawFormat.parse(text))
    manifest = manifests.load_manifest("mine")
    assert keys(manifests.locate(manifest)) == ["b.raw", "sub/a.raw"]
    assert statuses(manifests.verify(manifest)) == {"count": "ok", "sha256": "ok"}
    source = open_source("mine")
    assert [(ref.kind, ref.raw) for ref in source.refs] == [
        ("raw", manifests.RawFormat(4, 3, "int16", "big", unit))
    ] * 2
    (own / "c.bin").write_bytes(bytes(24))
    with pytest.raises(DataError, match=r"files of the size of --raw end in \.bin and in \.raw; keep one kind in"):
        manifests.add("mine", own, raw=manifests.RawFormat.parse(text), force=True)


@pytest.mark.parametrize(
    "text", ["", "4x3", "4x3,int8,big,HU", "0x3,int16,big,HU", "4x3,int16,middle,HU", "4x3,int16,big,K"]
)
def test_a_format_that_cannot_be_read_is_refused(text):
    with pytest.raises(SettingError, match=rf'^--raw "{text}" is not WIDTHxHEIGHT,DTYPE,ORDER,UNIT, such as 512x512,'):
        manifests.RawFormat.parse(text)
