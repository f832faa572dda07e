"""Which network is advised in which situation: one table, to be edited together with ``theory/_build.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.results import Answer, Build, Candidate, Direction, LinearPilot, Pilot, Recommendation
from symmetry_audit.theory import recommend
from symmetry_audit.theory._build import leading, ranked
from tests.theory.situations import (
    MIXED,
    OPEN,
    SAFE,
    SHARED,
    SUSPECT,
    UNDECIDED,
    candidates,
    direction,
    horizon,
    isotropic,
    linear,
    network_pilot,
    text,
)

RELAXED = 0.1
RAIN = direction(0.69, 0.61, 0.77, layer="degradation")
FLAT = replace(MIXED, fourth_amplitude=0.01)  # diagonals count as much as axes
wide = partial(candidates, "p8", spread=1.0)  # intervals that reach from 0 to twice the value, so nothing is settled


@dataclass(frozen=True)
class Situation:
    """What is known of the images (``found``, ``images``, ``directions``) and of the task, and what should be built.

    ``build`` is (group, relaxation, augmentation, evidence), the method is that of ``METHODS`` unless said. ``gain`` is
    (gain, low, high, regret) in dB, None where nothing was measured in dB.
    """

    build: tuple[str, float | None, str | None, str]
    found: Sequence[Candidate] = ()
    images: int = 100
    directions: tuple[Direction, ...] = ()
    linear: LinearPilot | None = None
    pilot: Pilot | None = None
    budget: str = "cpu"
    gain: tuple[float, float, float, float] | None = None
    adapt: str | None = None
    method: str | None = None

    @property
    def advice(self) -> Recommendation:
        return recommend(
            self.found,
            images=self.images,
            directions=self.directions,
            linear=self.linear,
            pilot=self.pilot,
            budget=self.budget,
            task=None if self.linear is None else self.linear.task_text,
        )


METHODS = {"p1": "cnn", "p4": "gcnn", "p8": "fconv"}
SAFE_GAIN, SUSPECT_GAIN, OPEN_GAIN = ((*gain, max(0.0, -gain[1])) for gain in (SAFE, SUSPECT, UNDECIDED))
PHOTO, TEXT, ISOTROPIC = (candidates("p8", kind) for kind in (horizon, text, isotropic))
ADAPTED = candidates("p8", horizon, lambda name, group: 0.3 * horizon(name, group))
DECIDED = network_pilot("decided", "p4", {"p4": (0.12, 0.07, 0.17)})
MIRRORED = network_pilot("decided", "mirrored", {"mirrored": (0.2, 0.1, 0.3)}, better="mirrored")
PLAIN = network_pilot("decided", "plain", {"p4": (-0.8, -1.0, -0.6)}, better="plain", rival="p4")
TIE = network_pilot("tie", "p4", {"p4": (0.01, -0.03, 0.04)})
UNSURE = network_pilot("undecided", None, {"p4": (0.06, -0.1, 0.2)})
EIGHT = network_pilot("decided", "p8", {"p8": (0.15, 0.08, 0.2)}, better="p8")

SITUATIONS = {
    # --- the report alone
    "nothing at all": Situation(("p4", None, None, "prior")),
    "five photographs": Situation(("p4", None, None, "prior"), PHOTO, 5),
    "five photographs of all directions": Situation(("p4", None, None, "common direction"), PHOTO, 5, (MIXED,)),
    "photographs": Situation(("p4", None, None, "common direction"), PHOTO, 100, (MIXED,)),
    "photographs, law not settled": Situation(("p4", None, None, "prior"), wide(horizon), 50, (OPEN,)),
    "photographs without directions": Situation(("p4", RELAXED, None, "prior"), PHOTO),
    "writing": Situation(("p4", RELAXED, "none", "common direction"), TEXT, 100, (SHARED,)),
    "cells": Situation(("p4", None, None, "common direction"), ISOTROPIC, 100, (MIXED,)),
    "an anisotropy of the pixel grid": Situation(
        ("p4", None, None, "prior"), ISOTROPIC, 100, (replace(SHARED, single_amplitude=0.01, floor=0.006),)
    ),
    # --- with a linear pilot
    "BSD100": Situation(("p4", None, None, "linear pilot"), PHOTO, 100, (MIXED,), linear(p4=SAFE), gain=SAFE_GAIN),
    "BSD100, mirrors safe": Situation(
        ("p4", None, "hflip", "linear pilot"), PHOTO, 100, (MIXED,), linear(p1m=SAFE, p4=SAFE), gain=SAFE_GAIN
    ),
    "Urban100": Situation(
        ("p4", None, None, "common direction"),
        wide(horizon),
        80,
        (direction(0.0, 0.0, 0.04),),
        linear(p4=UNDECIDED),
        gain=OPEN_GAIN,
    ),
    "undecided in all": Situation(
        ("p4", None, None, "prior"), wide(horizon), 80, (OPEN,), linear(p4=UNDECIDED), gain=OPEN_GAIN
    ),
    "refuted, undecided in all": Situation(
        ("p4", RELAXED, None, "prior"), PHOTO, 80, (OPEN,), linear(p4=UNDECIDED), gain=OPEN_GAIN
    ),
    "text": Situation(
        ("p4", RELAXED, "none", "linear pilot"), TEXT, 80, (SHARED,), linear(p4=SUSPECT), gain=SUSPECT_GAIN
    ),
    "text with harmless mirrors": Situation(
        ("p4", RELAXED, "none", "linear pilot"), TEXT, 80, (SHARED,), linear(p1m=SAFE, p4=SUSPECT), gain=SUSPECT_GAIN
    ),
    "suspect, all directions": Situation(
        ("p4", RELAXED, None, "linear pilot"), PHOTO, 80, (MIXED,), linear(p4=SUSPECT), gain=SUSPECT_GAIN
    ),
    "suspect, nothing known of directions": Situation(
        ("p4", RELAXED, None, "linear pilot"), PHOTO, 80, (), linear(p4=SUSPECT), gain=SUSPECT_GAIN
    ),
    "one direction, filter undecided": Situation(
        ("p4", RELAXED, "none", "common direction"), TEXT, 80, (SHARED,), linear(p4=UNDECIDED), gain=OPEN_GAIN
    ),
    "one direction, but safe": Situation(
        ("p4", RELAXED, "none", "linear pilot"), TEXT, 80, (SHARED,), linear(p4=SAFE), gain=SAFE_GAIN
    ),
    "rain": Situation(
        ("p1", None, "hflip", "common direction"),
        PHOTO,
        40,
        (MIXED, RAIN),
        linear(p1m=SAFE, p2=SAFE, p4=SUSPECT),
        gain=SUSPECT_GAIN,
    ),
    "rain, filter undecided": Situation(
        ("p1", None, None, "common direction"), PHOTO, 40, (MIXED, RAIN), linear(p4=UNDECIDED), gain=OPEN_GAIN
    ),
    "rain, nothing tried": Situation(("p1", None, None, "common direction"), PHOTO, 40, (MIXED, RAIN)),
    "rain that may have a direction": Situation(
        ("p4", None, None, "common direction"), PHOTO, 40, (MIXED, direction(0.5, 0.3, 0.7, layer="degradation"))
    ),
    "rain, mirrors suspect": Situation(
        ("p1", None, "none", "common direction"),
        PHOTO,
        40,
        (MIXED, RAIN),
        linear(p1m=SUSPECT, p4=SUSPECT),
        gain=SUSPECT_GAIN,
    ),
    "a pilot without p4": Situation(
        ("p4", None, "hflip", "common direction"), ISOTROPIC, 100, (MIXED,), linear(p1m=SAFE)
    ),
    # --- with a network pilot, which overrules the rest once it is decided
    "pilot for p4": Situation(
        ("p4", None, "none", "pilot"), TEXT, 80, (SHARED,), linear(p4=SUSPECT), DECIDED, gain=(0.12, 0.07, 0.17, 0.0)
    ),
    "pilot for the plain network": Situation(
        ("p1", None, "none", "pilot"), ISOTROPIC, 80, (MIXED,), linear(p4=SAFE, p1m=SAFE), PLAIN
    ),
    "pilot for mirrors": Situation(
        ("p1", None, "hflip", "pilot"), PHOTO, 80, (MIXED,), pilot=MIRRORED, gain=(0.2, 0.1, 0.3, 0.0)
    ),
    "pilot for p8": Situation(("p8", None, None, "pilot"), PHOTO, 80, (), pilot=EIGHT, gain=(0.15, 0.08, 0.2, 0.0)),
    "pilot with a tie": Situation(
        ("p4", None, None, "pilot"), PHOTO, 80, (), pilot=TIE, gain=(0.01, -0.03, 0.04, 0.03)
    ),
    "pilot undecided": Situation(
        ("p4", RELAXED, "none", "linear pilot"), TEXT, 80, (SHARED,), linear(p4=SUSPECT), UNSURE, gain=SUSPECT_GAIN
    ),
    # --- where steps are cheap
    "cells on a GPU": Situation(("p8", None, None, "common direction"), ISOTROPIC, 100, (MIXED,), budget="gpu"),
    "photographs on a GPU": Situation(
        ("p4", None, None, "linear pilot"), PHOTO, 100, (MIXED,), linear(p4=SAFE), budget="gpu", gain=SAFE_GAIN
    ),
    "photographs of all diagonals on a GPU": Situation(
        ("p8", None, None, "linear pilot"), PHOTO, 100, (FLAT,), linear(p4=SAFE), budget="gpu", gain=SAFE_GAIN
    ),
    "the same, p8 suspect": Situation(
        ("p4", None, None, "linear pilot"),
        PHOTO,
        100,
        (FLAT,),
        linear(p4=SAFE, p8=SUSPECT),
        budget="gpu",
        gain=SAFE_GAIN,
    ),
    "adapting gains, on a GPU": Situation(
        ("p4", None, None, "common direction"), ADAPTED, 100, (MIXED,), budget="gpu", adapt="p8"
    ),
    "adapting gains, on a processor": Situation(("p4", None, None, "common direction"), ADAPTED, 100, (MIXED,)),
    "pilot for the plain network, though adapting gains": Situation(
        ("p1", None, "none", "pilot"), ADAPTED, 100, (MIXED,), None, PLAIN, budget="gpu"
    ),
    "a fourth harmonic that the run does not see": Situation(
        ("p4", None, None, "common direction"),
        PHOTO,
        100,
        (replace(MIXED, fourth_amplitude=None),),
        budget="gpu",
    ),
    "text that adapts": Situation(
        ("p4", RELAXED, "none", "linear pilot"),
        candidates("p8", text, lambda name, group: 0.1 * text(name, group)),
        80,
        (SHARED,),
        linear(p4=SUSPECT),
        budget="gpu",
        gain=SUSPECT_GAIN,
        adapt="p8",
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_built(name: str) -> None:
    situation = SITUATIONS[name]
    build = situation.advice.build
    group, relax, augment, evidence = situation.build
    assert (build.group, build.relax, build.augment, build.evidence) == (group, relax, augment, evidence)
    assert build.method == METHODS[group]
    assert build.adapt == situation.adapt
    assert build.name == (f"{group}, relaxed" if relax else group)
    if situation.pilot is not PLAIN:  # no network is compared with itself
        assert (build.gain_db, build.low, build.high, build.regret_db) == (situation.gain or (None,) * 4)


def test_a_plain_network_is_never_advised_for_want_of_evidence() -> None:
    for situation in SITUATIONS.values():
        if situation.build[0] == "p1":
            seen = situation.pilot is not None or RAIN in situation.directions
            assert seen and situation.advice.build.evidence != "prior"


def test_the_largest_share_leads_whatever_the_order_and_the_layer() -> None:
    small = direction(0.9, 0.8, 0.95, floor=0.1)  # single images have 0.2, no more than twice the floor
    for listed in ((MIXED, RAIN, small), (small, RAIN, MIXED)):
        assert leading(listed) == RAIN
        assert ranked(listed) == [RAIN, MIXED]
    assert leading((small,)) is None
    assert leading(()) is None


def test_the_fourth_harmonic_is_that_of_the_images() -> None:
    rain = replace(RAIN, share=0.1, ci_low=0.0, ci_high=0.2, fourth_amplitude=0.01)
    asked = {"images": 100, "linear": linear(p4=SAFE), "budget": "gpu"}
    assert recommend(PHOTO, directions=(rain,), **asked).group == "p4"
    assert recommend(PHOTO, directions=(rain, FLAT), **asked).group == "p8"
    # of several regularizers the largest counts
    assert recommend(PHOTO, directions=(FLAT, replace(MIXED, regularizer="tv2")), **asked).group == "p4"


def test_evidence_has_a_name() -> None:
    with pytest.raises(ReportError, match="evidence is 'hearsay'"):
        Build(group="p4", method="gcnn", relax=None, augment="none", evidence="hearsay")


def flips(across: str, over: str) -> tuple[Answer, ...]:
    """The answers about flips left-right and upside down."""
    named = zip(("flip left-right", "flip upside down"), (across, over), strict=True)
    return tuple(Answer(transformation=name, verdict=verdict, reason="because") for name, verdict in named)


@pytest.mark.parametrize(
    ("across", "over", "law", "directions", "augment"),
    [
        ("does not fit", "fits", isotropic, (MIXED,), "none"),
        ("fits", "fits", isotropic, (MIXED,), "flips+turns"),
        ("fits", "fits", text, (MIXED,), "flips"),  # quarter turns are refuted
        ("fits", "not settled", isotropic, (MIXED,), None),
        ("fits", "does not fit", isotropic, (MIXED,), "hflip"),
        ("not settled", "does not fit", isotropic, (MIXED,), "hflip"),
        ("not settled", "not settled", text, (MIXED,), "hflip"),
        ("not settled", "not settled", isotropic, (MIXED,), None),
        ("not settled", "does not fit", text, (SHARED,), "none"),
        ("fits", "does not fit", text, (SHARED,), "hflip"),
    ],
)
def test_augmentation_follows_the_answers(across, over, law, directions, augment) -> None:
    advice = recommend(candidates("p8", law), images=100, directions=directions, answers=flips(across, over))
    assert advice.build.augment == augment
