"""Counts and checksums of files, of folders under other names, and of archives."""

import hashlib

from symmetry_audit.data import manifests

from .samples import TINY, fill, statuses, with_variant


def test_verify_knows_a_copy_whatever_its_names(tmp_path):
    manifest = with_variant(("x.png", "y.png", "z.png"))
    folder = fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    result = manifests.verify(manifest, None, tmp_path)
    assert result.ok
    assert statuses(result) == dict.fromkeys(["count", "folder_md5", "bytes", "list_sha256"], "ok")
    (folder / "x.png").rename(folder / "renamed-x.png")
    result = manifests.verify(manifest, None, tmp_path)
    assert result.ok
    assert statuses(result)["list_sha256"] == "not known"


def test_verify_finds_one_changed_byte(tmp_path):
    manifest = with_variant(("x.png", "y.png", "z.png"))
    fill(tmp_path / "tiny/a", "x.png", "y.png", "z.png")
    (tmp_path / "tiny/a/y.png").write_text("Y.png")
    result = manifests.verify(manifest, None, tmp_path)
    assert not result.ok
    assert statuses(result) == {"count": "ok", "folder_md5": "failed", "bytes": "ok", "list_sha256": "failed"}
    fill(tmp_path / "tiny/a", "more.png")
    result = manifests.verify(manifest, None, tmp_path)
    assert statuses(result) == {"count": "failed", "checksums": "not known"}


def test_verify_of_a_union_reports_each_part_and_does_not_raise(tiny, tmp_path):
    fill(tmp_path / "tiny/a", "x.png")
    result = manifests.verify(tiny, "both", tmp_path)
    assert [(check.split, check.name, check.status) for check in result.checks] == [
        ("a", "count", "failed"),
        ("a", "checksums", "not known"),
        ("b", "found", "failed"),
    ]
    assert (result.ok, result.found, result.expected) == (False, 1, None)
    assert "no data folder is set" in manifests.verify(tiny).checks[0].detail


def test_verify_checks_the_archive_where_it_lies(tmp_path):
    digest = hashlib.sha256(b"z.zip").hexdigest()
    archive = f'count = 3\narchive = "z.zip"\narchive_bytes = 5\narchive_sha256 = "{digest}"'
    manifest = manifests.parse_manifest(TINY.replace("count = 3", archive), "t.toml")
    fill(tmp_path / "tiny", "z.zip", "a/x.png", "a/y.png", "a/z.png")
    assert statuses(manifests.verify(manifest, None, tmp_path))["archive"] == "ok"
    (tmp_path / "tiny/z.zip").write_text("Z.zip")
    result = manifests.verify(manifest, None, tmp_path)
    assert (result.ok, statuses(result)["archive"]) == (False, "failed")
    assert "sha256 not as published; get it again from https://example.org/tiny" in result.checks[1].detail
