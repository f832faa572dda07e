"""Candidates and the recommendation: JSON there and back, what they refuse, what they say of themselves."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.results import VERDICTS, Candidate, CandidateValue, Recommendation, dump_json


def value(regularizer="tv", **changes):
    fields = {"sigma": 1.5, "downscale": 1, "classes": 4, "mean_response": 2.0, "epsilon": 0.1, **changes}
    return CandidateValue(regularizer=regularizer, **{"relative_epsilon": 0.05, **fields})


def candidate(group="p8", order=8, values=None, **changes):
    fields = {"scenario": "dataset_strict", "tested_order": min(order, 4), **changes}
    return Candidate(group=group, order=order, values=values or (value(), value("sobel")), **fields)


def recommendation(**changes):
    trivial = candidate("p1", 1, (value(classes=1, epsilon=0.0),), verdict="admissible", reason="claims no symmetry")
    fields = {
        "group": "p1",
        "scenario": "dataset_strict",
        "sentence": "Recommended: p1.",
        "tolerance": 0.05,
        "kappa": None,
        "unit": "grey levels",
        "images": 12,
        "candidates": (trivial, candidate(verdict="refuted", reason="ü")),
        "notes": ("Not tested: p2.",),
        **changes,
    }
    return Recommendation(**fields)


def test_json_round_trip():
    full = value(
        ci_low=1 / 3,
        ci_high=0.4,
        null_epsilon=0.0,
        floor=0.1,
        held_out_epsilon=0.1,
        held_out_strict_epsilon=0.2,
        held_out_gain_low=-0.1,
        held_out_gain_high=0.1,
        kappa_low=0.0,
        kappa_high=2.0,
    )
    adaptive = candidate(scenario="dataset_adaptive", values=(full, value("own", sigma=None, relative_epsilon=None)))
    found = recommendation(candidates=(*recommendation().candidates, adaptive), kappa=1.5)
    assert Recommendation.from_dict(json.loads(dump_json(found.to_dict()))) == found


def test_the_document_says_which_candidates_are_admissible():
    document = recommendation().to_dict()
    assert [item["admissible"] for item in document["candidates"]] == [True, False]
    assert list(document)[:2] == ["group", "scenario"]
    assert document["candidates"][1]["values"][0]["regularizer"] == "tv"


def test_limit_and_excess():
    assert value().limit(0.05) == 0.05
    assert value(null_epsilon=0.04, floor=0.02).limit(0.05) == pytest.approx(0.06)
    assert value(null_epsilon=0.04).limit(0.05) == 0.05
    assert value(ci_high=0.07).excess(0.05) == pytest.approx(0.02)
    assert value(relative_epsilon=0.03).excess(0.05) == pytest.approx(-0.02)  # without an interval the value itself
    assert value(relative_epsilon=None).excess(0.05) == pytest.approx(-0.05)


def test_gains_need_a_lower_error_and_an_interval_above_zero():
    blocks = {"held_out_epsilon": 0.1, "held_out_strict_epsilon": 0.2, "held_out_gain_low": 0.01}
    assert value(**blocks).gains
    for change in ({"held_out_epsilon": 0.2}, {"held_out_gain_low": 0.0}, {"held_out_strict_epsilon": None}):
        assert not value(**{**blocks, **change}).gains
    assert not value().held_out


def test_the_worst_regularizer_is_the_farthest_above_its_limit():
    noisy = value("sobel", ci_high=0.2, null_epsilon=0.19)
    assert candidate(values=(value(ci_high=0.08), noisy)).worst(0.05).regularizer == "tv"
    blind = value("tv2", classes=1, ci_high=9.0)
    assert candidate(values=(blind, value())).worst(0.05).regularizer == "tv"
    assert candidate(values=(blind,)).worst(0.05) is None


def test_names():
    assert candidate().name == "p8, strict"
    assert candidate(scenario="dataset_adaptive").name == "p8, adaptive"
    assert candidate("p1", 1).name == "p1"


def test_only_one_verdict_is_admissible():
    assert [verdict for verdict in ("", *VERDICTS) if candidate(verdict=verdict).admissible] == ["admissible"]


def test_the_chosen_one_is_a_candidate():
    assert recommendation().chosen.group == "p1"
    with pytest.raises(ReportError, match="p4 is none of its candidates"):
        _ = recommendation(group="p4").chosen


def test_values_are_frozen():
    with pytest.raises(AttributeError):
        value().epsilon = 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": math.nan}, "epsilon of tv is nan"),
        ({"epsilon": None}, "epsilon of tv is None"),
        ({"relative_epsilon": math.inf}, "relative_epsilon of tv is inf"),
        ({"ci_high": -0.1}, "ci_high of tv is -0.1"),
        ({"floor": "0"}, "floor of tv is '0'"),
        ({"null_epsilon": True}, "null_epsilon of tv is True"),
        ({"held_out_gain_low": math.nan}, "held_out_gain_low of tv is nan"),
        ({"classes": 0}, "classes of tv is 0"),
        ({"downscale": None}, "downscale of tv is None"),
        ({"kappa_low": -1}, "kappa_low of tv is -1"),
    ],
)
def test_numbers_that_are_none(changes, message):
    with pytest.raises(ReportError, match=message):
        value(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scenario": "sample_strict"}, "scenario of p8 is 'sample_strict'"),
        ({"verdict": "maybe"}, "verdict on p8 is 'maybe'"),
        ({"tested_order": 9}, "9 of 8 elements of p8 are tested"),
        ({"tested_order": 0}, "0 of 8 elements of p8 are tested"),
        ({"tested_order": 2.5}, "orders of p8 are 8 and 2.5"),
    ],
)
def test_impossible_candidates(changes, message):
    with pytest.raises(ReportError, match=message):
        candidate(**changes)
    with pytest.raises(ReportError, match="regularizer is 1"):
        value(1)


DAMAGE = {
    "no dict": lambda d: [1],
    "no candidates": lambda d: d.pop("candidates") and d,
    "candidates a dict": lambda d: {**d, "candidates": {}},
    "candidates numbers": lambda d: {**d, "candidates": [1]},
    "images text": lambda d: {**d, "images": "12"},
    "tolerance null": lambda d: {**d, "tolerance": None},
    "tolerance nan": lambda d: {**d, "tolerance": math.nan},
    "kappa nan": lambda d: {**d, "kappa": math.nan},
    "notes text": lambda d: {**d, "notes": "none"},
    "no kappa": lambda d: d.pop("kappa") or d,
    "values null": lambda d: {**d, "candidates": [{**d["candidates"][0], "values": None}]},
    "values numbers": lambda d: {**d, "candidates": [{**d["candidates"][0], "values": [1]}]},
    "scenario a list": lambda d: {**d, "candidates": [{**d["candidates"][0], "scenario": []}]},
    "value without epsilon": lambda d: d["candidates"][0]["values"][0].pop("epsilon") * 0 or d,
    "candidate without order": lambda d: d["candidates"][0].pop("order") * 0 or d,
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_block(case):
    document = json.loads(json.dumps(recommendation().to_dict()))
    assert Recommendation.from_dict(document) == recommendation()
    with pytest.raises(ReportError, match=r"the recommendation is damaged \(.+\); measure again with") as caught:
        Recommendation.from_dict(DAMAGE[case](document))
    assert "\n" not in str(caught.value)


def test_a_field_of_a_newer_version_is_no_damage():
    document = json.loads(json.dumps(recommendation().to_dict()))
    document["candidates"][0]["values"][0]["colour"] = "red"
    expected = r'field "candidates\[0\].values\[0\].colour" that this version does not know: it was written by a newer'
    with pytest.raises(ReportError, match=expected):
        Recommendation.from_dict(document)


def test_tolerance_may_be_a_whole_number():
    assert Recommendation.from_dict(replace(recommendation(), tolerance=0).to_dict()).tolerance == 0
