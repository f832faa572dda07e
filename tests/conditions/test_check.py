"""Conditions on small documents: which rows they are about, whether they hold, and what is said where none is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from symmetry_audit.conditions import Condition, check, tables_of
from symmetry_audit.errors import SettingError

DOCUMENT = {
    "schema": "symaudit.report/2",
    "dataset": {"name": "tiles", "images": 60},
    "results": [
        {"regularizer": "tv", "scenario": "dataset_strict", "group": "p4", "relative_epsilon": 0.08, "median": None},
        {"regularizer": "tv2", "scenario": "dataset_strict", "group": "p4", "relative_epsilon": 0.12, "tested": True},
        {
            "regularizer": "tv",
            "scenario": "sample_strict",
            "group": "p4",
            "relative_epsilon": None,
            "tested": False,
            "reasons": {"relative_epsilon": "every image is flat"},
        },
    ],
    "answers": [
        {"transformation": "flip left-right", "verdict": "fits", "relative_epsilon": 0.02},
        {"transformation": "quarter turns", "verdict": "does not fit", "relative_epsilon": 0.2},
    ],
    "recommendation": {
        "group": "p2",
        "candidates": [
            {"group": "p2", "verdict": "shown", "values": [{"regularizer": "tv", "relative_epsilon": 0.01}]}
        ],
    },
    "sizes": [1, 2, 3],
}


def condition(value: str = "relative_epsilon", **further: Any) -> Condition:
    return Condition(name="it holds", value=value, **further)


def line(value: str = "relative_epsilon", **further: Any) -> str:
    (outcome,) = check(DOCUMENT, [condition(value, **further)])
    return outcome.text


def test_tables_are_flat_and_rows_know_what_is_around_them() -> None:
    tables = {table.path: table for table in tables_of(DOCUMENT)}
    assert list(tables) == [
        "result",
        "results",
        "answers",
        "recommendation.candidates",
        "recommendation.candidates.values",
    ]
    assert tables["result"].rows[0]["dataset.images"] == 60
    (row,) = tables["recommendation.candidates.values"].rows
    assert (row["group"], row["verdict"], row["dataset.name"], row["relative_epsilon"]) == (
        "p2",
        "shown",
        "tiles",
        0.01,
    )
    assert list(tables["recommendation.candidates.values"].own) == ["regularizer", "relative_epsilon"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            {"scenario": "dataset_strict", "at_most": 0.1},
            "failed: it holds: relative_epsilon is 0.12, not at most 0.1 (tv2 of 2 rows)",
        ),
        (
            {"scenario": "dataset_strict", "at_most": 0.12},
            "ok: it holds: relative_epsilon is 0.12, at most 0.12 (tv2 of 2 rows)",
        ),
        (
            {"scenario": "dataset_strict", "at_least": 0.1},
            "failed: it holds: relative_epsilon is 0.08, not at least 0.1 (tv of 2 rows)",
        ),
        (
            {"scenario": "dataset_strict", "regularizer": "tv", "at_least": 0.05, "at_most": 0.1},
            "ok: it holds: relative_epsilon is 0.08, at least 0.05 and at most 0.1",
        ),
        (
            {"scenario": "dataset_strict", "regularizer": ["tv", "tv2"], "at_most": 1},
            "ok: it holds: relative_epsilon is 0.12, at most 1 (tv2 of 2 rows)",
        ),
        (
            {"scenario": "sample_strict", "at_most": 1},
            "failed: it holds: relative_epsilon is not known (every image is flat)",
        ),
        ({"transformation": "quarter turns", "at_most": 1}, "ok: it holds: relative_epsilon is 0.2, at most 1"),
        ({"group": "p2", "at_most": 1}, "ok: it holds: relative_epsilon is 0.01, at most 1"),
        ({"table": "values", "at_most": 1}, "ok: it holds: relative_epsilon is 0.01, at most 1"),
        (
            {"table": "recommendation.candidates.values", "at_most": 1},
            "ok: it holds: relative_epsilon is 0.01, at most 1",
        ),
        ({"value": "dataset.images", "at_least": 100}, "failed: it holds: dataset.images is 60, not at least 100"),
        ({"value": "tested", "regularizer": "tv2", "equals": True}, "ok: it holds: tested is true"),
        (
            {"value": "tested", "equals": True},
            "failed: it holds: tested is false, not true (tv, sample_strict of 2 rows)",
        ),
        (
            {"value": "verdict", "transformation": "quarter turns", "equals": "fits"},
            'failed: it holds: verdict is "does not fit", not "fits"',
        ),
        ({"value": "verdict", "table": "answers", "transformation": "flip left-right", "equals": "fits"}, None),
        ({"value": "dataset.images", "equals": 60}, "ok: it holds: dataset.images is 60"),
    ],
)
def test_lines(asked: dict[str, Any], expected: str | None) -> None:
    assert line(**asked) == (expected or 'ok: it holds: verdict is "fits"')


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"value": "relative_epsilo", "at_most": 1},
            'there is no value "relative_epsilo". Did you mean "relative_epsilon"?',
        ),
        ({"table": "result_s", "at_most": 1}, 'there is no table "result_s". Did you mean "results"?'),
        ({"table": "answers", "value": "group", "equals": "p4"}, 'there is no value "group". Choose from: '),
        (
            {"regularizr": "tv", "at_most": 1},
            'selects nothing: rows with "relative_epsilon" have no "regularizr". Did you mean "regularizer"?',
        ),
        ({"regularizer": "tv3", "at_most": 1}, 'selects nothing: no row has regularizer = "tv3". Did you mean "tv'),
        (
            {"group": "p4", "regularizer": "tv", "scenario": "dataset_strct", "at_most": 1},
            'Did you mean "dataset_strict"?',
        ),
        (
            {"group": "p2", "transformation": "quarter turns", "at_most": 1},
            'selects nothing: rows with "relative_epsilon" have no "transformation"',
        ),
        (
            {"at_most": 1},
            '"relative_epsilon" is in several tables; add table = one of results, answers',
        ),
        ({"value": "verdict", "table": "answers", "at_most": 1}, 'verdict is "fits", no number; use equals'),
        ({"value": "tested", "regularizer": "tv2", "at_most": 1}, "tested is true, no number; use equals"),
    ],
)
def test_what_selects_nothing_is_refused_with_the_nearest_name(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=re.escape(message)) as caught:
        line(**asked)
    assert str(caught.value).startswith('condition "it holds"')
    assert "\n" not in str(caught.value)


def test_one_is_not_true() -> None:
    rows = {"rows": [{"flag": 1, "number": True}]}
    assert not check(rows, [condition("flag", equals=True)])[0].ok
    assert not check(rows, [condition("number", equals=1)])[0].ok
    with pytest.raises(SettingError, match="no row has number = 1"):
        check(rows, [condition("flag", number=1, equals=1)])


def test_hostile_names_stay_on_one_line() -> None:
    (outcome,) = check({"rows": [{"a": "x\ny\x1b"}]}, [Condition(name="n\n\x07", value="a", equals="z\n")])
    assert outcome.text == 'failed: n  : a is "x y ", not "z "'
