"""What it proves that a network's average over a group restores better, or worse, than the network."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.inference._restore import exact_group
from symmetry_audit.results import Symmetrization, SymmetrizedScore
from symmetry_audit.statistics import student_interval

__all__ = ["asked_group", "symmetrization"]

# grey levels: of two outputs that differ by less, one with an error of 10 levels has at most 0.009 dB more or less
ROUNDING = 0.01


def asked_group(symmetrize: Group | str | None, model: object, *, self_ensemble: bool) -> Group | None:
    """The group to average ``model`` over, a network or the name of a baseline; None where that was not asked.

    Raises SettingError for a group that does not map pixels to pixels, for a baseline and with the self-ensemble.
    """
    if symmetrize is None:
        return None
    group = exact_group(symmetrize)
    if isinstance(model, str):
        raise SettingError(f"--symmetrize compares a network with its average, and {model} is none; remove that option")
    if self_ensemble:
        raise SettingError(
            "--self-ensemble is an average already, over p4m; give --symmetrize p4m alone to see what it gains"
        )
    return group


def symmetrization(group: Group, images: Sequence[SymmetrizedScore]) -> Symmetrization:
    """The verdict on ``images``, one or more, and the sentence that says what it proves (see Symmetrization)."""
    values = [item.difference for item in images]
    known = len(values) > 1 and all(map(isfinite, values))
    interval = student_interval(values) if known else None
    deviation = max(item.deviation for item in images)
    if deviation <= ROUNDING:
        verdict = "symmetric"
    elif interval is None or interval[0] <= 0 <= interval[1]:
        verdict = "undecided"
    else:
        verdict = "gain" if interval[0] > 0 else "loss"
    sentence = _sentence(verdict, str(group), values, interval, deviation)
    return Symmetrization(group=str(group), verdict=verdict, sentence=sentence, interval=interval, images=tuple(images))


def _sentence(
    verdict: str, group: str, values: Sequence[float], interval: tuple[float, float] | None, deviation: float
) -> str:
    if verdict == "symmetric":
        return (
            f"The network already has this symmetry: its outputs differ from their average over {group} by at most "
            f"{deviation:.1g} grey levels (root mean square of an image), so averaging cannot help."
        )
    if interval is None:
        why = "one image has no interval; give more" if len(values) < 2 else "an image is restored without any error"
        return f"Undecided: {why}."
    mean, (low, high) = sum(values) / len(values), interval
    size = f"{abs(mean):.3f} dB (95 % interval {low:+.3f} to {high:+.3f})"
    if verdict == "gain":
        return (
            f"Some {group}-equivariant restorer is better than this network on such images: the network's own average "
            f"over {group} is one, and gains {size}."
        )
    if verdict == "loss":
        return (
            f"Nothing follows: the average over {group} loses {size}, but a network that is {group}-equivariant by "
            "construction may still be better. With noise constant along columns, the average of a plain network lost "
            "1.2 dB, while p4-equivariant networks were level with it."
        )
    return (
        f"Undecided: the average over {group} {'gains' if mean > 0 else 'loses'} {size}; more images would narrow the "
        f"interval. A {group}-equivariant network may be better or not."
    )
