"""Questions (b) and (c) of SPEC 8: which group to build into a network, and how, by the strongest evidence there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from symmetry_audit.catalogue import find_arm
from symmetry_audit.results import Answer, Build, Candidate, Direction, LinearGain, LinearPilot, Pilot

__all__ = ["RELAX", "decide", "leading", "ranked"]

RELAX = 0.1  # weight of the free filters of a relaxed network
FOURTH = 0.05  # relative amplitude of the fourth harmonic; below it diagonals count as much as axes
SEEN = 2.0  # times the floor: an amplitude below it may be the pixel grid's
LEAST = 0.01  # relative amplitude of single images; with less they have no direction to share
PRIOR = "p4"
ADAPTED = "p8"  # the group of SA-Conv as published


def decide(
    candidates: Sequence[Candidate],
    directions: Sequence[Direction] = (),
    linear: LinearPilot | None = None,
    pilot: Pilot | None = None,
    answers: Sequence[Answer] = (),
    *,
    budget: str = "cpu",
) -> Build:
    """The network that SPEC 8 (b) and (c) advise.

    A decided ``pilot`` is followed. Else a direction that what degrades the images has in common calls for a network
    without rotations: it has to tell the degradation from the images by that direction. Everything else calls for p4,
    or for p8 where ``budget`` is "gpu" and the directions of the images differ. The network is relaxed where something
    speaks against the group: the images share a direction, the linear pilot calls p4 suspect, or the law is refuted
    and it is open whether they share one.
    """
    if pilot is not None and pilot.verdict.arm is not None:
        return _piloted(pilot, candidates, directions, linear, answers, budget)
    gain = None if linear is None else linear.gain(PRIOR)
    own, layer = (leading([item for item in directions if item.layer == name]) for name in ("images", "degradation"))
    augment = _augment(candidates, directions, linear, answers)
    if layer is not None and layer.verdict == "one direction":
        build = Build(group="p1", method="cnn", relax=None, augment=augment, evidence="common direction")
        return build if gain is None else replace(build, **_gains(gain))
    group = _finer(candidates, directions, linear, own, budget)
    build = Build(
        group=group,
        method="fconv" if group == "p8" else "gcnn",
        relax=RELAX if _doubtful(candidates, own, gain, group) else None,
        augment=augment,
        evidence=_evidence(own, gain),
        adapt=_adapt(candidates, budget),
    )
    return build if gain is None else replace(build, **_gains(gain))


def leading(directions: Sequence[Direction]) -> Direction | None:
    """The direction that decides: the largest share over layers and regularizers, see ``ranked``."""
    return next(iter(ranked(directions)), None)


def ranked(directions: Sequence[Direction]) -> list[Direction]:
    """Those whose amplitude is not the floor's, the largest share first."""
    seen = [item for item in directions if item.single_amplitude > max(SEEN * item.floor, LEAST)]
    return sorted(seen, key=lambda item: -item.share)


def _piloted(
    pilot: Pilot,
    candidates: Sequence[Candidate],
    directions: Sequence[Direction],
    linear: LinearPilot | None,
    answers: Sequence[Answer],
    budget: str,
) -> Build:
    """What the network pilot decided, with its gain over the plain network at the last reading."""
    arm = find_arm(pilot.verdict.arm or "plain")
    last = [item for item in pilot.differences if item.arm == arm.name and item.step == pilot.steps]
    gain, low, high = (last[0].mean, last[0].low, last[0].high) if last else (None, None, None)
    return Build(
        group=arm.group or "p1",
        method=arm.method,
        relax=arm.relax,
        augment=_augment(candidates, directions, linear, answers) if arm.group else arm.augment,
        evidence="pilot",
        gain_db=gain,
        low=low,
        high=high,
        regret_db=None if low is None else max(0.0, -low),
        adapt=_adapt(candidates, budget) if arm.group else None,
    )


def _gains(found: LinearGain) -> dict[str, Any]:
    return {"gain_db": found.gain_db, "low": found.low, "high": found.high, "regret_db": max(0.0, -found.low)}


def _evidence(own: Direction | None, gain: LinearGain | None) -> str:
    """The strongest that is decided."""
    if gain is not None and gain.verdict != "undecided":
        return "linear pilot"
    return "common direction" if own is not None and own.verdict != "undecided" else "prior"


def _doubtful(candidates: Sequence[Candidate], own: Direction | None, gain: LinearGain | None, group: str) -> bool:
    """Whether anything speaks against the group, so that the network should be able to leave it."""
    verdict = None if own is None else own.verdict
    if verdict == "one direction" or (gain is not None and gain.verdict == "suspect"):
        return True
    if verdict == "mixed directions" or (gain is not None and gain.verdict == "safe"):
        return False
    return any(item.group == group and not item.adaptive and item.verdict == "refuted" for item in candidates)


def _finer(
    candidates: Sequence[Candidate],
    directions: Sequence[Direction],
    linear: LinearPilot | None,
    own: Direction | None,
    budget: str,
) -> str:
    """p8 where steps are cheap and nothing speaks against it, else p4."""
    eighth = None if linear is None else linear.gain("p8")
    if budget != "gpu" or (eighth is not None and eighth.verdict == "suspect"):
        return PRIOR
    amplitudes = (item.fourth_amplitude for item in directions if item.layer == "images")
    fourth = [amplitude for amplitude in amplitudes if amplitude is not None]  # p4 does not see it
    mixed = own is not None and own.verdict == "mixed directions" and bool(fourth) and max(fourth) < FOURTH
    shown = any(item.group == "p8" and not item.adaptive and item.verdict == "shown" for item in candidates)
    return "p8" if mixed or shown else PRIOR


def _augment(
    candidates: Sequence[Candidate],
    directions: Sequence[Direction],
    linear: LinearPilot | None,
    answers: Sequence[Answer],
) -> str | None:
    """How to augment: "none" where flipping left-right does not fit the images or hurts a linear filter, and where the
    images share a direction unless it is shown to fit; what fits, where both flips do; "hflip" where flipping upside
    down or quarter turns do not fit, or mirrors are safe for the filter; None, which leaves it to the recipe, where
    nothing is decided."""
    flips = {answer.transformation: answer.verdict for answer in answers}
    across, over = flips.get("flip left-right"), flips.get("flip upside down")
    own = leading([item for item in directions if item.layer == "images"])
    mirrors = None if linear is None else linear.gain("p1m")
    hurts = mirrors is not None and mirrors.verdict == "suspect"
    if across == "does not fit" or hurts:
        return "none"
    if own is not None and own.verdict == "one direction":
        return "hflip" if across == "fits" else "none"
    quarter = any(item.group == "p4" and not item.adaptive and item.verdict == "refuted" for item in candidates)
    if across == over == "fits":
        turns = any(item.group == "p4" and not item.adaptive and item.verdict == "shown" for item in candidates)
        return "flips+turns" if turns else "flips"
    if across is not None and (over == "does not fit" or quarter):
        return "hflip"
    if mirrors is None or mirrors.verdict == "undecided":
        return None
    return "hflip" if own is not None and own.verdict == "mixed directions" else "none"


def _adapt(candidates: Sequence[Candidate], budget: str) -> str | None:
    """p8 where steps are cheap and adapting it to each image gains on held-out blocks."""
    gains = any(item.group == ADAPTED and item.adaptive and item.gains for item in candidates)
    return ADAPTED if gains and budget == "gpu" else None
