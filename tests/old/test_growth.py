"""Documents of all kinds as older and newer versions would write them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from math import inf, nan

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.results import Origin, ResultRow, read_value
from tests.conftest import ROOT
from tests.old.kinds import KINDS, OTHERS, Kind, advised, at, changed


def cases(what: str) -> list:
    """(kind, place) for every place that a kind lists under ``what``."""
    places = [(name, place) for name, kind in KINDS.items() for place in getattr(kind, what)]
    return [pytest.param(KINDS[name], place, id=".".join(map(str, (name, *place)))) for name, place in places]


def test_every_schema_is_listed():
    sources = [path for part in ("symmetry_audit", "cli") for path in (ROOT / part).rglob("*.py")]
    found = {kind for path in sources for kind in re.findall(r'"symaudit\.([a-z]+)/\d+"', path.read_text("utf-8"))}
    assert found == {kind.schema.split(".")[1].split("/")[0] for kind in KINDS.values()} | OTHERS


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_newer_schema(kind: Kind, tmp_path):
    name, number = kind.schema.split("/")
    newer = f"{name}/{int(number) + 1}"
    expected = f'has schema "{newer}", which this version does not know: it was written by a newer symaudit; update sym'
    with pytest.raises(kind.error, match=expected):
        kind.load({**kind.document, "schema": newer}, tmp_path)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_foreign_schema(kind: Kind, tmp_path):
    with pytest.raises(kind.error, match=f'has schema "symaudit.plan/1", expected "{kind.schema}"; .* again'):
        kind.load({**kind.document, "schema": "symaudit.plan/1"}, tmp_path)


@pytest.mark.parametrize(("kind", "place"), cases("optional"))
def test_a_missing_field_takes_its_default(kind: Kind, place, tmp_path):
    found = kind.load(changed(kind.document, place, without=True), tmp_path)
    value = found if not hasattr(found, "card") else found.card
    if place[0] in ("architecture", "task") and value is not found:
        value = {"architecture": found.network().architecture, "task": found.task.to_dict()}
    assert at(value, place) == kind.optional[place]


@pytest.mark.parametrize(("kind", "place"), cases("objects"))
def test_an_unknown_field_is_that_of_a_newer_version(kind: Kind, place, tmp_path):
    expected = r'has a field "[^"]*colour" that this version does not know: it was written by a newer symaudit; update'
    with pytest.raises(kind.error, match=expected) as caught:
        kind.load(changed(kind.document, (*place, "colour"), "red"), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "place"), cases("wrong"))
def test_another_type_is_damage(kind: Kind, place, tmp_path):
    with pytest.raises(kind.error, match=r"is damaged \(.+\); .* again") as caught:
        kind.load(changed(kind.document, place, kind.wrong[place]), tmp_path)
    assert "\n" not in str(caught.value)


ODD = (None, True, 0, -1, 1.5, nan, inf, 10**400, "", "x\ny", "p8", [], {}, [1], [[]], [None] * 8, {"a": 1})


def places(value, place=()):
    """Every place in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*place, key)
        yield from places(item, (*place, key))


@pytest.mark.parametrize("name", KINDS)
def test_whatever_stands_anywhere_is_read_or_refused_in_one_line(name, rng, tmp_path):
    kind, everywhere = KINDS[name], list(places(KINDS[name].document))
    refused = []
    for _ in range(15 if name == "checkpoint" else 150):
        place, odd = everywhere[rng.integers(len(everywhere))], ODD[rng.integers(len(ODD))]
        try:
            kind.load(changed(kind.document, place, odd, without=rng.random() < 0.2), tmp_path)
        except kind.error as error:
            refused.append(str(error))
    assert refused
    assert all(text.isprintable() for text in refused)


@dataclass(frozen=True, kw_only=True)
class LaterRow(ResultRow):
    """The row of a version to come."""

    skewness: float | None = None


def test_a_field_to_come_costs_its_line_and_no_file():
    origin, document = Origin("report.json", "measure again"), advised()["results"][2]
    later = read_value(LaterRow, document, origin)
    assert later == LaterRow(**vars(read_value(ResultRow, document, origin)))
    assert later.skewness is None
    with pytest.raises(
        ReportError, match=r'^report.json has a field "skewness" that .* written by a newer symaudit; upd'
    ):
        read_value(ResultRow, asdict(later), origin)
