"""The reader of JSON documents: what every type of annotation takes, and what is said of everything else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

import pytest

from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.results import Origin, dump_checked, read_fields, read_run, read_value
from symmetry_audit.results._documents import unchecked

ORIGIN = Origin("x.json", "write it again")


@dataclass(frozen=True)
class Part:
    DERIVED = ("double",)

    number: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Whole:
    part: Part
    parts: tuple[Part, ...] = ()
    pair: tuple[int, float] | None = None
    sure: bool = False
    level: float = field(default=0.0, metadata={"null": inf})
    texts: Mapping[str, str] = field(default_factory=dict)
    anything: Any = None
    path: str | None = None


LEAST = {"part": {"number": 1}}


def read(**changes):
    return read_value(Whole, {**LEAST, **changes}, ORIGIN)


def test_everything_comes_as_its_annotation_says():
    found = read(
        part={"number": 1.5, "names": ["a"], "double": "passed over"},
        parts=[{"number": 2}],
        pair=[1, 2.5],
        sure=True,
        level=None,
        texts={"a": "b"},
        anything=[{"free": None}],
    )
    parts = (Part(2),)
    assert found == Whole(
        part=Part(1.5, ("a",)),
        parts=parts,
        pair=(1, 2.5),
        sure=True,
        level=inf,
        texts={"a": "b"},
        anything=[{"free": None}],
    )
    assert read() == Whole(part=Part(1))


def test_fields_that_do_not_come_from_the_document():
    assert read_value(Whole, LEAST, ORIGIN, path="here").path == "here"
    with pytest.raises(ReportError, match='has a field "path" that'):
        read_value(Whole, {**LEAST, "path": "there"}, ORIGIN, path="here")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"part": None}, "part is not an object"),
        ({"part": {}}, "part.number is missing"),
        ({"part": {"number": "1"}}, "part.number is '1', not a number"),
        ({"part": {"number": True}}, "part.number is True, not a number"),
        ({"part": {"number": inf}}, "part.number is inf, which is not a finite number"),
        ({"part": {"number": 1, "names": "ab"}}, "part.names is not a list"),
        ({"parts": [{"number": 1}, {"number": None}]}, r"parts\[1\].number is None, not a number"),
        ({"pair": [1]}, "pair has 1 values, not 2"),
        ({"pair": [1.0, 2.0]}, r"pair\[0\] is 1.0, not a whole number"),
        ({"sure": 1}, "sure is 1, not true or false"),
        ({"texts": ["a"]}, "texts is not an object"),
        ({"texts": {"a\nb": 1}}, "texts.a b is 1, not text"),
        ({"path": "x" * 99, "sure": None}, "sure is None, not true or false"),
        ({"path": 10**99}, "path is 1{1}0{39}, not text"),
    ],
)
def test_damage(changes, reason):
    with pytest.raises(ReportError, match=rf"^x.json is damaged \({reason}\); write it again$"):
        read(**changes)


def test_what_is_unknown_goes_before_what_is_damaged():
    expected = (
        r'^x.json has a field "parts\[0\].co lour" that this version does not know: it was written by a newer sym'
    )
    with pytest.raises(ReportError, match=expected):
        read(parts=[{"co\nlour": 1, "number": "x"}])
    with pytest.raises(ReportError, match=r"damaged .it is not an object."):
        read_value(Whole, [], ORIGIN)


def test_annotations_beyond_these_are_a_mistake_of_ours():
    @dataclass(frozen=True)
    class Odd:
        value: complex

    with pytest.raises(AssertionError):
        read_value(Odd, {"value": 1}, ORIGIN)


def test_plain_fields():
    origin = Origin("the file", "make them again", SettingError)
    assert read_fields({"a": 1}, origin, ["a"], {"b": 2}) == {"a": 1, "b": 2}
    assert read_fields({"a": 1, "b": None}, origin, ["a"], {"b": 2}) == {"a": 1, "b": None}
    with pytest.raises(SettingError, match=r"^the file is damaged .at.a is missing.; make them again$"):
        read_fields({}, origin, ["a"], {}, "at")
    with pytest.raises(SettingError, match=r'field "at.c" that this version does not know: it was written'):
        read_fields({"c": 1}, origin, ["a"], {}, "at")


@pytest.mark.parametrize("schema", ["a.b/3", "a.b/" + "9" * 5000])
def test_a_newer_schema(schema):
    with pytest.raises(
        ReportError, match="which this version does not know: it was written by a newer symaudit; update"
    ):
        ORIGIN.check_schema({"schema": schema}, "a.b/2")


@pytest.mark.parametrize(
    "document", [{"schema": "a.b/1"}, {"schema": "a.c/3"}, {"schema": "a.b/x"}, {"schema": 3}, {}, 1]
)
def test_another_schema(document):
    with pytest.raises(ReportError, match=r'x.json has schema ".*", expected "a.b/2"; write it again'):
        ORIGIN.check_schema(document, "a.b/2")


def test_a_document_has_the_hash_of_its_other_fields():
    content = {"schema": "x/1", "numbers": [1.5, 1e-300], "text": "\u00e9\ud7ff"}
    written = json.loads(dump_checked(content))
    assert written.pop("sha256") == hashlib.sha256(json.dumps(content).encode()).hexdigest()
    assert written == content


@pytest.mark.parametrize("number", [1.5000000000000002, -1.5, 15, None, "1.5"])
def test_another_value_of_a_document_is_damage_and_another_layout_is_not(number):
    content = {"schema": "x/1", "numbers": [1.5]}
    document = json.loads(dump_checked(content))
    assert unchecked(json.loads(json.dumps(document)), ORIGIN) == content
    assert unchecked(content, ORIGIN) is content  # an older version wrote no hash
    with pytest.raises(ReportError, match=r"x.json is damaged \(its fields do not agree with its sha256; .* remove"):
        unchecked(document | {"numbers": [number]}, ORIGIN)


def test_a_run_document_may_be_missing_and_must_not_be_damaged(tmp_path):
    assert read_run(tmp_path) == {}
    path = tmp_path / "run.json"
    path.write_text(dump_checked({"directory": "here"}))
    assert read_run(tmp_path) == {"directory": "here"}
    for text in (path.read_text().replace("here", "hers"), "[" * 100_000, "[]", "null", path.read_text()[:-3], "\x00"):
        path.write_text(text)
        with pytest.raises(ReportError, match=r"run.json (is damaged|is not valid JSON).*; remove it"):
            read_run(tmp_path)
