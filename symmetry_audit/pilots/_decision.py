"""Which arm to build, from a table of PSNR values by arm and seed: a sequential test, as pure functions.

The rule. Arms come in order of preference: of two that are equal, the earlier one is built. Arm a *holds against* arm b
if the lower limit of the paired difference a - b is above -margin where a is the earlier one, and above 0 where it is
the later one. The first arm that holds against all others is built. With enough seeds there is one: the first arm whose
true mean is within the margin of the best.

Why at most 5 % of pilots build a wrong arm, whatever the true means are. A wrong arm a has a rival b against which it
must not hold: a later one that is better by the margin or more, or an earlier one that is as good. For a to be built,
the lower limit of this one difference has to exceed the difference itself, which at one look happens with probability
ALPHA / (looks x (arms - 1)). There are at most arms - 1 wrong arms, and len(LOOKS) looks; so the sum is at most ALPHA.
Hence neither all pairs of arms nor both sides of an interval need a correction. The limits are Student's, exact for
normal differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import stdtrit

__all__ = ["ALPHA", "LOOKS", "Decision", "Limits", "decide", "paired", "reached", "student"]

ALPHA = 0.05
LOOKS = (3, 5, 8)  # seeds at which the numbers are looked at


@dataclass(frozen=True)
class Limits:
    """The mean of some differences in dB and its limits, None with fewer than two of them."""

    mean: float
    low: float | None = None
    high: float | None = None

    def above(self, value: float) -> bool:
        """Whether the mean is shown to be above ``value``."""
        return self.low is not None and self.low > value

    def inside(self, margin: float) -> bool:
        """Whether the mean is shown to be within ``margin`` of 0."""
        return self.low is not None and self.high is not None and -margin < self.low and self.high < margin


@dataclass(frozen=True)
class Decision:
    """The ``arm`` to build, None if that is not settled, and whether all others are within the margin of it (``tie``).

    ``lead`` is the paired difference of ``better`` and ``rival``: the arm, or the leading one, and the best other one.
    """

    arm: str | None
    tie: bool
    better: str
    rival: str
    lead: Limits


def student(values: Sequence[float], error: float) -> Limits:
    """The mean of independent normal ``values``; it lies beyond each limit with probability ``error`` (of a side)."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Limits(mean)
    half = float(stdtrit(len(values) - 1, 1 - error) * np.std(values, ddof=1) / sqrt(len(values)))
    return Limits(mean, mean - half, mean + half)


def paired(scores: Mapping[str, Sequence[float]], one: str, other: str) -> Limits:
    """PSNR of arm ``one`` minus that of ``other``, paired by seed; limits for a choice among all ``scores``.

    There are none before the first look: those of two seeds are wide enough to say nothing.
    """
    error = ALPHA / (len(LOOKS) * max(len(scores) - 1, 1))
    differences = [a - b for a, b in zip(scores[one], scores[other], strict=True)]
    return student(differences, error) if len(differences) >= LOOKS[0] else Limits(float(np.mean(differences)))


def decide(scores: Mapping[str, Sequence[float]], margin: float) -> Decision:
    """The decision among two or more arms, in order of preference, each with its PSNR in dB for the same seeds."""
    names = list(scores)
    for place, arm in enumerate(names):
        leads = {other: paired(scores, arm, other) for other in names if other != arm}
        if all(lead.above(0 if names.index(other) < place else -margin) for other, lead in leads.items()):
            tie = all(lead.inside(margin) for lead in leads.values())
            return _decision(scores, arm, arm, tie)
    return _decision(scores, None, max(names, key=lambda name: float(np.mean(scores[name]))), tie=False)


def reached(scores: Mapping[str, Sequence[float]], margin: float) -> tuple[Decision, tuple[int, ...]]:
    """The decision of the first look that settles it, and the looks so far; seeds after that look are not used.

    If no look settles it, the decision is None about an arm, and shows all seeds.
    """
    seeds = min(map(len, scores.values()))
    looks = tuple(look for look in LOOKS if look <= seeds)
    for number, look in enumerate(looks, 1):
        found = decide({arm: values[:look] for arm, values in scores.items()}, margin)
        if found.arm is not None:
            return found, looks[:number]
    names = {arm: values[:seeds] for arm, values in scores.items()}
    return _decision(names, None, max(names, key=lambda name: float(np.mean(names[name]))), tie=False), looks


def _decision(scores: Mapping[str, Sequence[float]], arm: str | None, better: str, tie: bool) -> Decision:
    rival = max((name for name in scores if name != better), key=lambda name: float(np.mean(scores[name])))
    return Decision(arm, tie, better, rival, paired(scores, better, rival))
