"""Questions (b) and (c) of SPEC 8: which group to build into a network, and how, by the strongest evidence there is."""

from __future__ import annotations

from collections.abc import Sequence

from symmetry_audit.catalogue import find_arm
from symmetry_audit.results import Build, Candidate, Direction, LinearGain, LinearPilot, Pilot

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
    *,
    budget: str = "cpu",
) -> Build:
    """The network that SPEC 8 (b) and (c) advise.

    A decided ``pilot`` is followed. Else the rest speaks together. The linear pilot calls p4 safe or suspect, and the
    images, or what degrades them, share a direction or do not. Safe and not one direction: strict p4, or p8 where
    ``budget`` is "gpu" and no fourth harmonic stands against it. Suspect and one direction: no rotations. Everything
    else: p4, strict where neither pilot nor law speaks against it, else relaxed. Mirrors left-right augment where the
    linear pilot calls them safe and the images themselves share no direction: letters have their own order.
    """
    if pilot is not None and pilot.verdict.arm is not None:
        return _piloted(pilot, candidates, directions, linear, budget)
    gain = None if linear is None else linear.gain(PRIOR)
    direction = leading(directions)
    augment = _augment(directions, linear)
    if (
        gain is not None
        and gain.verdict == "suspect"
        and direction is not None
        and direction.verdict == "one direction"
    ):
        return Build(group="p1", method="cnn", relax=None, augment=augment, evidence="linear pilot", **_gains(gain))
    group = _finer(candidates, directions, linear, gain, budget)
    relax = RELAX if _doubtful(candidates, direction, gain, group) else None
    return Build(
        group=group,
        method="fconv" if group == "p8" else "gcnn",
        relax=relax,
        augment=augment,
        evidence=_evidence(direction, gain),
        adapt=_adapt(candidates, budget),
    )


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
    budget: str,
) -> Build:
    """What the network pilot decided, with its gain over the plain network at the last reading."""
    arm = find_arm(pilot.verdict.arm or "plain")
    last = [item for item in pilot.differences if item.arm == arm.name and item.step == pilot.steps]
    gain, low, high = (last[0].mean, last[0].low, last[0].high) if last else (None, None, None)
    if not last and pilot.average is not None and arm.name != "plain":
        gain, low, high = pilot.average.gain_db, pilot.average.low, pilot.average.high
    return Build(
        group=arm.group or "p1",
        method=arm.method,
        relax=arm.relax,
        augment=_augment(directions, linear) if arm.group else arm.augment,
        evidence="pilot",
        gain_db=gain,
        low=low,
        high=high,
        regret_db=None if low is None else max(0.0, -low),
        adapt=_adapt(candidates, budget),
    )


def _gains(found: LinearGain) -> dict[str, float]:
    return {"gain_db": found.gain_db, "low": found.low, "high": found.high, "regret_db": max(0.0, -found.low)}


def _evidence(direction: Direction | None, gain: LinearGain | None) -> str:
    """The strongest that is decided."""
    if gain is not None and gain.verdict != "undecided":
        return "linear pilot"
    return "common direction" if direction is not None and direction.verdict != "undecided" else "prior"


def _doubtful(
    candidates: Sequence[Candidate], direction: Direction | None, gain: LinearGain | None, group: str
) -> bool:
    """Whether anything speaks against the group, so that the network should be able to leave it."""
    if direction is not None and direction.verdict == "one direction":
        return True
    if gain is not None and gain.verdict != "undecided":
        return gain.verdict == "suspect"
    return any(item.group == group and not item.adaptive and item.verdict == "refuted" for item in candidates)


def _finer(
    candidates: Sequence[Candidate],
    directions: Sequence[Direction],
    linear: LinearPilot | None,
    gain: LinearGain | None,
    budget: str,
) -> str:
    """p8 where steps are cheap and nothing speaks against it, else p4."""
    eighth = None if linear is None else linear.gain("p8")
    fourth = [
        item.fourth_amplitude for item in directions if item.layer == "images" and item.fourth_amplitude is not None
    ]
    shown = any(item.group == "p8" and not item.adaptive and item.verdict == "shown" for item in candidates)
    free = bool(fourth) and max(fourth) < FOURTH and gain is not None and gain.verdict == "safe"
    spoken = eighth is not None and eighth.verdict == "suspect"
    return "p8" if budget == "gpu" and (shown or free) and not spoken else PRIOR


def _augment(directions: Sequence[Direction], linear: LinearPilot | None) -> str:
    """ "hflip" where mirrors are safe and the images share no direction of their own, else "none"."""
    own = leading([item for item in directions if item.layer == "images"])
    mirrors = None if linear is None else linear.gain("p1m")
    safe = mirrors is not None and mirrors.verdict == "safe" and own is not None and own.verdict == "mixed directions"
    return "hflip" if safe else "none"


def _adapt(candidates: Sequence[Candidate], budget: str) -> str | None:
    """p8 where steps are cheap and adapting it to each image gains on held-out blocks."""
    gains = any(item.group == ADAPTED and item.adaptive and item.gains for item in candidates)
    return ADAPTED if gains and budget == "gpu" else None
