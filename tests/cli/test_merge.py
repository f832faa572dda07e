"""`symaudit measure --part` and `symaudit merge`: shares of an audit, and the report of all."""

from __future__ import annotations

import pytest

from tests.cli.conftest import STRICT, one_document

QUICK = ("--reg", "tv", "--group", "p4", *STRICT)


def test_parts_are_measured_apart_and_merged(call, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("symmetry_audit.audit._partition.NAMES", 2)
    assert call("measure", "photos", "--out", "whole", *QUICK)[0] == 0
    code, out, _ = call("measure", "photos", "--part", "1/2", *QUICK)
    assert code == 0
    assert out == (
        "Part 1 of 2: 2 images in 1 partition, 0 skipped, in symaudit-photos-part-1-of-2. When all parts are there: "
        "symaudit merge symaudit-photos-part-*-of-2\n"
    )
    code, out, _ = call("measure", "photos", "--part", "2/2", "--json", *QUICK)
    told = one_document(out)
    assert told == {
        "schema": "symaudit.part-run/1",
        "folder": "symaudit-photos-part-2-of-2",
        "part": 2,
        "parts": 2,
        "partitions": 1,
        "images": 2,
        "skipped": 0,
    }
    assert not (tmp_path / "symaudit-photos-part-2-of-2" / "report.json").exists()
    parts = ("symaudit-photos-part-1-of-2", "symaudit-photos-part-2-of-2")
    code, out, err = call("merge", *parts[:1])
    assert (code, out) == (1, "")
    assert err.startswith("Error: of the 2 partitions of photos, 2 are in none of these folders")
    code, _, err = call("merge", *parts, "--out", parts[1], "--force")
    assert (code, err) == (2, f"Error: --out {parts[1]} is one of the parts; choose another folder for the whole\n")
    assert call("merge", *parts)[0] == 0
    assert (tmp_path / "symaudit-photos/report.json").read_bytes() == (tmp_path / "whole/report.json").read_bytes()


@pytest.mark.parametrize("share", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2", ""])
def test_a_wrong_part_is_wrong_usage(call, photos, share):
    code, _, err = call("measure", "photos", "--part", share)
    assert code == 2
    assert "is not K/N with K from 1 to N, such as 1/8" in err
