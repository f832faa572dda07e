"""Candidates and the recommendation: JSON there and back, what they refuse, what they say of themselves."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.results import (
    LAWS,
    RECOMMENDATION_FILE,
    RECOMMENDATION_SCHEMA,
    Build,
    Candidate,
    CandidateValue,
    Direction,
    Recommendation,
    directions_of,
    dump_json,
)
from tests.theory.situations import MIXED, OPEN, SAFE, SHARED, linear


def value(regularizer="tv", **changes):
    fields = {"sigma": 1.5, "downscale": 1, "classes": 4, "mean_response": 2.0, "epsilon": 0.1, **changes}
    return CandidateValue(regularizer=regularizer, **{"relative_epsilon": 0.05, **fields})


def candidate(group="p8", order=8, values=None, **changes):
    fields = {"scenario": "dataset_strict", "tested_order": min(order, 4), **changes}
    return Candidate(group=group, order=order, values=values or (value(), value("sobel")), **fields)


BUILD = Build(group="p4", method="gcnn", relax=0.1, augment="none", evidence="prior")


def recommendation(**changes):
    trivial = candidate("p1", 1, (value(classes=1, epsilon=0.0),), verdict="shown", reason="claims no symmetry")
    fields = {
        "build": BUILD,
        "sentences": ("Build p4, relaxed.", "The choice rests on the prior."),
        "tolerance": 0.05,
        "margin": 0.05,
        "kappa": None,
        "unit": "grey levels",
        "images": 12,
        "candidates": (trivial, candidate(verdict="refuted", reason="ü", images_needed=400)),
        "notes": ("Not tested: p2.",),
        **changes,
    }
    return Recommendation(**fields)


def full():
    """Everything that advice can hold."""
    measured = value(
        ci_low=1 / 3,
        ci_high=0.4,
        null_epsilon=0.0,
        p_value=0.001,
        floor=0.1,
        held_out_epsilon=0.1,
        held_out_strict_epsilon=0.2,
        held_out_gain_low=-0.1,
        held_out_gain_high=0.1,
        kappa_low=0.0,
        kappa_high=2.0,
    )
    own = value("own", sigma=None, relative_epsilon=None)
    adaptive = candidate(scenario="dataset_adaptive", values=(measured, own), verdict="not settled")
    return recommendation(
        build=replace(BUILD, evidence="linear pilot", gain_db=0.1, low=-0.02, high=0.2, regret_db=0.02, adapt="p8"),
        candidates=(*recommendation().candidates, adaptive),
        kappa=1.5,
        task="denoising",
        fingerprint="f" * 64,
        directions=(SHARED, replace(MIXED, ci_low=None, ci_high=None, fourth_amplitude=None)),
        linear=linear(p4=SAFE, p1m=SAFE),
        pilot="Undecided after 3 seeds.",
    )


@pytest.mark.parametrize("found", [recommendation(), full()], ids=["least", "full"])
def test_json_round_trip(found, tmp_path):
    text = dump_json({"schema": RECOMMENDATION_SCHEMA, **found.to_dict()})
    assert "NaN" not in text
    assert Recommendation.from_dict(json.loads(text)) == found
    assert Recommendation.from_dict(json.loads(dump_json(found.to_dict()))) == found  # the block of a report
    (tmp_path / RECOMMENDATION_FILE).write_text(text, encoding="utf-8")
    assert Recommendation.load(tmp_path) == found


def test_the_document_begins_with_the_law():
    document = full().to_dict()
    assert list(document)[:2] == ["law", "build"]
    assert document["law"] == {"p8": "refuted"}  # neither p1 nor adaptive ones
    assert document["candidates"][1]["values"][0]["regularizer"] == "tv"
    assert [item["verdict"] for item in document["directions"]] == ["one direction", "undecided"]
    assert [item["verdict"] for item in document["linear"]["gains"]] == ["safe", "safe"]


def test_what_follows_from_the_build():
    found = full()
    assert (found.group, found.build.name, found.scenario) == ("p4", "p4, relaxed", "dataset_strict")
    assert replace(BUILD, relax=None).name == "p4"
    assert found.sentence == "Build p4, relaxed. The choice rests on the prior."
    assert found.candidate("p8").verdict == "refuted"
    assert found.candidate("p8", adaptive=True).verdict == "not settled"
    assert found.candidate("p4") is None


def test_gains_need_a_lower_error_and_an_interval_above_zero():
    blocks = {"held_out_epsilon": 0.1, "held_out_strict_epsilon": 0.2, "held_out_gain_low": 0.01}
    assert value(**blocks).gains
    for change in ({"held_out_epsilon": 0.2}, {"held_out_gain_low": 0.0}, {"held_out_strict_epsilon": None}):
        assert not value(**{**blocks, **change}).gains
    assert not value().held_out
    # a candidate gains where every regularizer that identifies w does
    void = value("laplacian")
    assert candidate(values=(value(**blocks), void)).gains
    assert not candidate(values=(value(**blocks), value("tv2", **{**blocks, "held_out_gain_low": 0.0}))).gains
    assert not candidate(values=(void,)).gains


def test_the_worst_regularizer_is_the_one_whose_interval_reaches_highest():
    assert candidate(values=(value(ci_high=0.08), value("sobel", ci_high=0.2))).worst.regularizer == "sobel"
    assert candidate(values=(value("tv2", ci_high=9.0), value())).worst.regularizer == "tv"  # no interval, no end
    blind = value("tv2", classes=1, ci_high=9.0)
    assert candidate(values=(blind, value(ci_high=0.1))).worst.regularizer == "tv"
    assert candidate(values=(blind,)).worst is None


def test_names():
    assert candidate().name == "p8, strict"
    assert candidate(scenario="dataset_adaptive").name == "p8, adaptive"
    assert candidate("p1", 1).name == "p1"


def test_values_are_frozen():
    for found, name in ((value(), "epsilon"), (BUILD, "group"), (MIXED, "share"), (recommendation(), "build")):
        with pytest.raises(AttributeError):
            setattr(found, name, 0.0)


# --- directions


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.51, 0.9, "one direction"),
        (0.5, 0.9, "undecided"),
        (0.0, 0.5, "mixed directions"),
        (0.0, 0.51, "undecided"),
        (None, 0.2, "mixed directions"),
        (None, None, "undecided"),
    ],
)
def test_a_direction_is_judged_by_its_interval_beside_one_half(low, high, verdict):
    assert replace(OPEN, ci_low=low, ci_high=high).verdict == verdict


def test_directions_of_a_report_at_one_scale():
    def row(regularizer, harmonic, **changes):
        fields = {"share": 0.3, "ci_low": 0.2, "ci_high": 0.4, "amplitude": 0.01 * harmonic, "single_amplitude": 0.2}
        about = {"regularizer": regularizer, "sigma": 1.5, "downscale": 1, "harmonic": harmonic, "floor": 0.001}
        return {**about, **fields, **changes}

    rows = [
        *(row("tv", 2), row("tv", 4)),
        *(row("tv", 2, sigma=3.0, share=0.9), row("tv2", 2, downscale=2)),
        *(row("laplacian", 2, share=None), row("sobel", 2, floor=None), row("sobel", 4, amplitude=None)),
    ]
    tv, sobel = directions_of(rows, (1.5, 1), "degradation")
    assert tv == Direction(
        **{"layer": "degradation", "regularizer": "tv", "share": 0.3, "ci_low": 0.2, "ci_high": 0.4},
        **{"amplitude": 0.02, "single_amplitude": 0.2, "fourth_amplitude": 0.04, "floor": 0.001},
    )
    assert (sobel.regularizer, sobel.fourth_amplitude, sobel.floor) == ("sobel", None, 0.0)
    assert directions_of(rows, (2.0, 1)) == ()


# --- what is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": math.nan}, "epsilon of tv is nan"),
        ({"epsilon": None}, "epsilon of tv is None"),
        ({"relative_epsilon": math.inf}, "relative_epsilon of tv is inf"),
        ({"ci_high": -0.1}, "ci_high of tv is -0.1"),
        ({"floor": "0"}, "floor of tv is '0'"),
        ({"null_epsilon": True}, "null_epsilon of tv is True"),
        ({"p_value": -0.1}, "p_value of tv is -0.1"),
        ({"p_value": 1.1}, "p_value of tv is 1.1"),
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
        ({"verdict": "admissible"}, "verdict on p8 is 'admissible'"),
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


def test_every_verdict_is_possible():
    assert [candidate(verdict=verdict).verdict for verdict in ("", *LAWS)] == ["", *LAWS]


def part(document, *path, **changes):
    """``document`` with fields of the part at ``path`` changed; ... drops a field."""
    target = document
    for step in path:
        target = target[step]
    for name, item in changes.items():
        if item is ...:
            del target[name]
        else:
            target[name] = item
    return document


DAMAGE = {
    "no dict": lambda d: [1],
    "no candidates": lambda d: part(d, candidates=...),
    "candidates a dict": lambda d: part(d, candidates={}),
    "candidates numbers": lambda d: part(d, candidates=[1]),
    "images text": lambda d: part(d, images="12"),
    "tolerance null": lambda d: part(d, tolerance=None),
    "tolerance nan": lambda d: part(d, tolerance=math.nan),
    "kappa nan": lambda d: part(d, kappa=math.nan),
    "no kappa": lambda d: part(d, kappa=...),
    "no margin": lambda d: part(d, margin=...),
    "notes text": lambda d: part(d, notes="none"),
    "sentences text": lambda d: part(d, sentences="none"),
    "task a number": lambda d: part(d, task=5),
    "no build": lambda d: part(d, build=...),
    "build null": lambda d: part(d, build=None),
    "build without evidence": lambda d: part(d, "build", evidence=...),
    "other evidence": lambda d: part(d, "build", evidence="hearsay"),
    "relax text": lambda d: part(d, "build", relax="much"),
    "gain nan": lambda d: part(d, "build", gain_db=math.nan),
    "share text": lambda d: part(d, "directions", 0, share="0.5"),
    "share nan": lambda d: part(d, "directions", 0, share=math.nan),
    "no layer": lambda d: part(d, "directions", 0, layer=...),
    "another layer": lambda d: part(d, "directions", 0, layer="sky"),
    "another verdict on directions": lambda d: part(d, "directions", 0, verdict="mixed directions"),
    "linear a number": lambda d: part(d, linear=1),
    "another verdict of the filter": lambda d: part(d, "linear", "gains", 0, verdict="suspect"),
    "another law": lambda d: part(d, law={"p8": "shown"}),
    "a law of another group": lambda d: part(d, law={"p5": "shown"}),
    "values null": lambda d: part(d, "candidates", 0, values=None),
    "values numbers": lambda d: part(d, "candidates", 0, values=[1]),
    "scenario a list": lambda d: part(d, "candidates", 0, scenario=[]),
    "value without epsilon": lambda d: part(d, "candidates", 0, "values", 0, epsilon=...),
    "candidate without order": lambda d: part(d, "candidates", 0, order=...),
    "needs half an image": lambda d: part(d, "candidates", 0, images_needed=0.5),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_block(case):
    document = json.loads(json.dumps(full().to_dict()))
    assert Recommendation.from_dict(document) == full()
    with pytest.raises(ReportError, match=r"the recommendation (is damaged \(.+\)|has a field .*)") as caught:
        Recommendation.from_dict(DAMAGE[case](document))
    assert "\n" not in str(caught.value)


def test_a_field_of_a_newer_version_is_no_damage():
    document = json.loads(json.dumps(recommendation().to_dict()))
    part(document, "candidates", 0, "values", 0, colour="red")
    expected = r'field "candidates\[0\].values\[0\].colour" that this version does not know: it was written by a newer'
    with pytest.raises(ReportError, match=expected):
        Recommendation.from_dict(document)


@pytest.mark.parametrize("schema", ["symaudit.recommendation/1", "symaudit.report/2", 7])
def test_other_schemas_are_refused(schema):
    with pytest.raises(ReportError, match=r'has schema ".*", expected "symaudit\.recommendation/2"; ') as caught:
        Recommendation.from_dict({"schema": schema, **recommendation().to_dict()})
    assert "\n" not in str(caught.value)


def test_a_newer_schema_is_refused_as_newer():
    with pytest.raises(ReportError, match=r"recommendation/3.* written by a newer symaudit"):
        Recommendation.from_dict({"schema": "symaudit.recommendation/3", **recommendation().to_dict()})


def test_a_missing_file(tmp_path):
    with pytest.raises(ReportError, match=r"cannot read .*recommendation\.json.*run symaudit recommend"):
        Recommendation.load(tmp_path)


def test_tolerance_may_be_a_whole_number():
    assert Recommendation.from_dict(replace(recommendation(), tolerance=0).to_dict()).tolerance == 0


@pytest.mark.parametrize("name", ["share", "amplitude", "single_amplitude", "floor"])
def test_directions_of_a_report_are_numbers(name):
    row = dict.fromkeys(("share", "ci_low", "ci_high", "amplitude", "single_amplitude", "floor"), 0.5)
    row |= {"regularizer": "tv", "sigma": 1.5, "downscale": 1, "harmonic": 2}
    assert directions_of([row], (1.5, 1))[0].share == 0.5
    with pytest.raises(ReportError, match=rf"directions.* of the report is damaged \({name} is 'x', not a number\)"):
        directions_of([row | {name: "x"}], (1.5, 1))
