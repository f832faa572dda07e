"""A split -> its files, or one line that names what is missing, where it belongs and the next command."""

import hashlib
import os
import re

import pytest

from symmetry_audit.data import manifests
from symmetry_audit.errors import DataError

from .samples import fill, keys, statuses, with_variant


def test_first_layout_that_holds_images_wins_with_its_own_pattern(tiny, tmp_path):
    fill(tmp_path / "a_flat", "1_HR.png", "1_LR.png", "2_HR.png", "3_hr.PNG", ".4_HR.png", "5_HR.txt")
    (tmp_path / "tiny/a").mkdir(parents=True)
    assert keys(manifests.locate(tiny, None, tmp_path)) == ["1_HR.png", "2_HR.png", "3_hr.PNG"]
    fill(tmp_path / "tiny/a", "x.png", "y.webp", "z.tif")
    assert keys(manifests.locate(tiny, None, tmp_path)) == ["x.png", "y.webp", "z.tif"]
    assert manifests.folders(tiny, None, tmp_path) == (tmp_path / "tiny/a",)


def test_patterns_match_part_by_part(tiny, tmp_path):
    fill(tmp_path / "tiny/b", "top.jpg", "top.png", "one/x.png", "one/y.jpg", "one/deep/y.png", ".git/z.png")
    assert keys(manifests.locate(tiny, "b", tmp_path)) == ["one/x.png", "top.jpg"]


def test_linked_folders_are_read_once_and_loops_end(tmp_path):
    own = fill(tmp_path / "own", "sub/x.png")
    (own / "sub/up").symlink_to(own)
    (own / "zz").symlink_to(own / "sub")
    (own / "self").symlink_to(own / "self")
    (own / "gone.png").symlink_to(tmp_path / "nowhere")
    manifests.add("own", own)
    assert keys(manifests.locate(manifests.load_manifest("own"))) == ["sub/x.png"]


def test_draw_is_ranked_by_hash_of_seed_and_name(tiny, tmp_path):
    fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    naive = sorted(["x.png", "y.png", "z.png"], key=lambda n: hashlib.sha256(f"s {n}".encode()).hexdigest())
    assert keys(manifests.locate(tiny, "two", tmp_path)) == sorted(naive[1:])


def test_data_root_comes_from_the_environment(tiny, tmp_path, monkeypatch):
    fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    message = r"no data folder is set; .* SYMAUDIT_DATA .* get it from https://example.org/tiny into DATA/tiny/a"
    with pytest.raises(DataError, match=message):
        manifests.locate(tiny)
    monkeypatch.setenv("SYMAUDIT_DATA", str(tmp_path))
    assert len(manifests.locate(tiny)) == 3
    with pytest.raises(DataError, match="nowhere is not a folder; create it, or correct --data-root"):
        manifests.locate(tiny, None, tmp_path / "nowhere")


def test_missing_data_name_url_layout_and_next_command(tiny, tmp_path):
    message = (
        f"tiny: not found in {tmp_path}; expected 3 images in tiny/a or a_flat/*_HR.png; get them from "
        f"https://example.org/tiny and unpack them there, then run "
        f"`symaudit datasets verify tiny --data-root {tmp_path}`"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        manifests.locate(tiny, None, tmp_path)
    (tmp_path / "tiny/a").mkdir(parents=True)
    with pytest.raises(DataError, match="tiny/a holds none of its images; expected 3 images"):
        manifests.locate(tiny, None, tmp_path)


def test_wrong_count_is_an_error(tiny, tmp_path):
    fill(tmp_path / "tiny/a", "x.png")
    with pytest.raises(DataError, match=r"expected 3 images, found 1 in \S+a; run .* or give the folder itself"):
        manifests.locate(tiny, "both", tmp_path)


def test_copy_known_as_wrong_is_an_error(tmp_path):
    manifest = with_variant(("x.png", "y.png", "z.png"), reject="the small ones")
    fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    with pytest.raises(DataError, match=r"a holds the small ones, see `symaudit datasets show tiny`"):
        manifests.locate(manifest, None, tmp_path)
    result = manifests.verify(manifest, None, tmp_path)
    assert (result.ok, statuses(result)["folder_md5"]) == (False, "failed")
    assert "these are the small ones" in result.checks[1].detail
    fill(tmp_path / "tiny/a", "other.png")
    (tmp_path / "tiny/a/x.png").unlink()
    assert statuses(manifests.verify(manifest, None, tmp_path))["folder_md5"] == "not known"


def test_unreadable_folder_is_an_error(tiny, tmp_path, monkeypatch):
    fill(tmp_path / "tiny/a", "x.png")
    monkeypatch.setattr("os.scandir", lambda folder: os.listdir(f"{folder}/x.png"))
    with pytest.raises(DataError, match=r"^cannot list \S+a/x\.png: Not a directory; make the folder readable$"):
        manifests.locate(tiny, None, tmp_path)


def test_folders_deeper_than_the_pattern_are_not_entered(tiny, tmp_path):
    """Else the link, which comes first by name, would give the images of "two" a key that does not match."""
    fill(tmp_path / "tiny/b", "one/deep/y.png", "two/x.png")
    (tmp_path / "tiny/b/one/deep/link").symlink_to(tmp_path / "tiny/b/two")
    assert keys(manifests.locate(tiny, "b", tmp_path)) == ["two/x.png"]
