"""The document of a pilot: its sentences, its trends, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.reports import pilot_text
from symmetry_audit.results import (
    AverageGain,
    DatasetInfo,
    Pilot,
    PilotDifference,
    PilotRun,
    PilotVerdict,
    read_pilot,
)


def pilot(verdict: PilotVerdict, gains=(-0.92, -1.48), seeds=3, limits=(-1.7, -1.2), **changes) -> Pilot:
    """A pilot of plain and p4 whose p4 gains so much at 120 and 240 steps."""
    runs = [
        PilotRun(seed, arm, (24.0 + gain[0] + seed, 25.0 + gain[1] + seed), 9.5)
        for seed in range(seeds)
        for arm, gain in (("p4", gains), ("plain", (0.0, 0.0)))
    ]
    whole = Pilot(
        data=DatasetInfo("photos", "photos/", 100, "0" * 64),
        task={"name": "denoise", "sigma": 50.0},
        task_text="denoising, Gaussian noise of sigma 50",
        used=100,
        held_out=16,
        preset="tiny",
        width=32,
        steps=240,
        batch=4,
        patch=32,
        arms=("p4", "plain"),
        margin=0.05,
        looks=(3, 5, 8),
        seed=0,
        runs=tuple(runs),
        differences=(PilotDifference("p4", 120, gains[0], -1.1, -0.7), PilotDifference("p4", 240, gains[1], *limits)),
        average=AverageGain(-1.3, -1.5, -1.1, 16),
        verdict=verdict,
    )
    return replace(whole, **changes)


def verdict(kind="decided", arm="plain", rival="p4", gain=1.48, low=1.2, high=1.7, **changes) -> PilotVerdict:
    better = arm or "plain"
    return PilotVerdict(kind, arm, better, rival, gain, low, high, **{"looks": (3,), **changes})


CLEAR = pilot(verdict())


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (CLEAR, "Build plain: +1.48 dB (+1.20 to +1.70) against p4 on held-out images, 3 seeds."),
        (
            pilot(verdict("tie", "p4", "plain", -0.01, -0.03, 0.02)),
            "Build p4: it is within 0.05 dB of the others (plain: -0.01 dB (-0.03 to +0.02); 3 seeds) and the first "
            "choice where arms are equal.",
        ),
        (
            pilot(verdict("decided", "p4", "plain", 0.03, -0.04, 0.10, looks=(3, 5)), seeds=5),
            "Build p4: it is at most 0.05 dB behind the others (plain: +0.03 dB (-0.04 to +0.10); 5 seeds) and the "
            "first choice where arms are equal.",
        ),
        (
            pilot(verdict("undecided", None, "p4", 0.02, -0.2, 0.3, looks=(3, 5, 8)), limits=(-0.3, 0.2), seeds=8),
            "Undecided after 8 seeds: plain against p4 +0.02 dB (-0.20 to +0.30).",
        ),
        (
            pilot(verdict("undecided", None, "relaxed", 0.1, None, None, looks=())),
            "Undecided after 3 seeds: plain against relaxed +0.10 dB. Against plain, p4 loses 1.48 dB (-1.70 to -1.20)."
            " The same command with more --minutes goes on.",
        ),
    ],
    ids=["decided", "tie", "no worse", "open", "out of time"],
)
def test_a_verdict_in_a_sentence(found, sentence):
    assert found.sentence == sentence
    assert found.to_dict()["sentence"] == sentence
    assert pilot_text(found).splitlines()[0] == sentence


@pytest.mark.parametrize(
    ("gains", "trend"),
    [
        ((-0.92, -1.48), ("after 120 steps p4 is 0.92 dB behind, after 240 1.48: the gap grows",)),
        ((-0.92, -0.60), ("after 120 steps p4 is 0.92 dB behind, after 240 0.60: the gap shrinks",)),
        ((-0.92, -0.46), ("after 120 steps p4 is 0.92 dB behind, after 240 0.46: p4 is catching up",)),
        ((0.40, 0.10), ("after 120 steps p4 is 0.40 dB ahead, after 240 0.10: plain is catching up",)),
        ((0.20, 0.30), ("after 120 steps p4 is 0.20 dB ahead, after 240 0.30: the gap grows",)),
        ((-0.30, 0.20), ("after 120 steps p4 is 0.30 dB behind, after 240 0.20 dB ahead",)),
        ((0.05, -0.03), ()),
    ],
)
def test_a_trend_in_words(gains, trend):
    assert pilot(verdict(), gains=gains).trend == trend


def test_the_text_is_the_sentence_and_at_most_ten_lines():
    first, about, head, p4, plain, trend, average = pilot_text(CLEAR).splitlines()
    assert first == CLEAR.sentence
    assert about == (
        "denoising, Gaussian noise of sigma 50; 100 images of photos, 16 held out; 3 seeds; tiny networks, "
        "batches of 4 patches of 32 px"
    )
    assert head.split() == ["arm", "dB", "at", "120", "dB", "at", "240", "against", "plain", "s", "a", "run"]
    assert p4.split() == ["p4", "24.08", "24.52", "-1.48", "(-1.70", "to", "-1.20)", "9.5"]
    assert plain.split() == ["plain", "25.00", "26.00", "-", "9.5"]
    assert trend == "After 120 steps p4 is 0.92 dB behind, after 240 1.48: the gap grows."
    assert average.startswith("Averaged over quarter turns, the first plain network gains -1.30 (-1.50 to -1.10) dB")


def test_it_is_read_as_it_was_written(tmp_path):
    assert read_pilot(tmp_path) is None
    (tmp_path / "pilot.json").write_text(CLEAR.to_json(), encoding="utf-8")
    assert read_pilot(tmp_path) == Pilot.load(tmp_path) == CLEAR
    assert CLEAR.seconds == pytest.approx(57.0) and CLEAR.seeds == 3 and CLEAR.readings == (120, 240)
    with pytest.raises(ReportError, match="give the folder that `symaudit pilot` wrote"):
        Pilot.load(tmp_path / "nowhere")
    (tmp_path / "pilot.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReportError, match="is not valid JSON; run the pilot again with --force"):
        read_pilot(tmp_path)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": "won"}, "the verdict is 'won'"),
        ({"arm": None}, "the verdict is decided for None"),
        ({"kind": "undecided"}, "the verdict is undecided for 'plain'"),
        ({"arm": "p8"}, "the verdict is decided for 'p8'"),
    ],
)
def test_a_verdict_that_makes_no_sense_is_damage(changes, expected):
    document = json.loads(json.dumps(CLEAR.to_dict()))
    document["verdict"] |= changes
    with pytest.raises(ReportError, match=rf"the pilot is damaged \({expected}\); run the pilot again with --force"):
        Pilot.from_dict(document)


def test_runs_that_do_not_make_up_seeds_are_damage():
    document = json.loads(json.dumps(CLEAR.to_dict()))
    for runs in (document["runs"][:-1], [], document["runs"][:1] * 2):
        with pytest.raises(ReportError, match=r"is damaged \(its seeds do not have one run of each arm\)"):
            Pilot.from_dict({**document, "runs": runs})


def test_an_average_certifies_from_its_lower_limit_on():
    assert AverageGain(0.1, 0.001, 0.2, 16).certified
    assert not AverageGain(0.1, -0.001, 0.2, 16).certified
    assert not AverageGain(0.1, None, None, 1).certified
