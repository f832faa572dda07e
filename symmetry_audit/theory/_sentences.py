"""The advice in words: the law, the network, the evidence, and what would change it (SPEC 8)."""

from __future__ import annotations

from collections.abc import Sequence

from symmetry_audit.groups import Group
from symmetry_audit.results import Build, Candidate, Direction, LinearPilot
from symmetry_audit.theory._build import leading
from symmetry_audit.theory._candidates import is_trivial, preference
from symmetry_audit.theory._verdicts import percent
from symmetry_audit.wording import count

__all__ = ["sentences"]

# what a group's elements are, for people
ACTIONS = {"p2": "half turns", "p4": "quarter turns", "p8": "turns by 45 degrees", "p1m": "mirrors"}
BUILDS = {
    "p1": "Build no rotation in (p1, a plain network)",
    "relaxed": "Build {group}, relaxed, so that the network can leave the symmetry where the images lack it",
    "strict": "Build {group}",
}


def sentences(
    build: Build,
    candidates: Sequence[Candidate],
    directions: Sequence[Direction],
    linear: LinearPilot | None,
    pilot: str | None,
    images: int,
    tolerance: float,
) -> tuple[str, ...]:
    """What to build and on what evidence; whether the images are symmetric; what would change the advice."""
    found = [
        f"{_build(build)}. {_because(build, directions, linear, pilot)}",
        _law(candidates, images, tolerance),
        _augmentation(build, directions, linear),
        _change(build, directions, linear, pilot),
    ]
    return tuple(sentence for sentence in found if sentence)


def _build(build: Build) -> str:
    if build.group == "p1":
        return BUILDS["p1"]
    return BUILDS["strict" if build.relax is None else "relaxed"].format(group=build.group)


def _because(build: Build, directions: Sequence[Direction], linear: LinearPilot | None, pilot: str | None) -> str:
    """The evidence, named."""
    if build.evidence == "pilot":
        return pilot or ""
    parts = [_direction(leading(directions)), _filter(linear)]
    told = "; ".join(part for part in parts if part)
    if build.evidence == "prior":
        return (
            (f"{_upper(told)}, so this " if told else "This ")
            + "rests on the prior for photographs: networks over p4 were ahead of plain ones in 92 of 100 published "
            "comparisons, most where images are few."
        )
    return f"Evidence: {told}."


def _direction(direction: Direction | None) -> str:
    if direction is None:
        return ""
    what = "what degrades them" if direction.layer == "degradation" else "the images"
    limits = (
        ""
        if direction.ci_high is None or direction.ci_low is None
        else f", {_span(direction.ci_low, direction.ci_high)}"
    )
    said = {
        "one direction": f"{what} share one direction",
        "mixed directions": "directions differ from image to image",
        "undecided": f"whether {what} share a direction is open",
    }[direction.verdict]
    return f"{said} (R² {direction.share:.2f}{limits})"


def _filter(linear: LinearPilot | None) -> str:
    gain = None if linear is None else linear.gain("p4")
    if gain is None or linear is None:
        return ""
    how = "better" if gain.gain_db >= 0 else "worse"
    return (
        f"on held-out images the best linear filter is {abs(gain.gain_db):.3f} dB {how} with quarter turns built in "
        f"({gain.low:+.3f} to {gain.high:+.3f}; {count(linear.data.images, 'image')}, {linear.task_text})"
    )


def _law(candidates: Sequence[Candidate], images: int, tolerance: float) -> str:
    """The largest group that is shown, and the smallest that is refuted or open."""
    strict = [item for item in candidates if not item.adaptive and not is_trivial(item)]
    strict.sort(key=lambda item: (item.tested_order, preference(item)))
    tested = [item for item in strict if item.verdict != "not tested"]
    if not tested:
        reason = strict[0].reason if strict else "the run has one element alone"
        return f"Whether the images are symmetric was not tested: {reason}."
    shown = [item for item in tested if item.verdict == "shown"]
    told = []
    if shown:
        told.append(
            f"The images are symmetric under {_named(shown[-1].group)} up to {percent(tolerance)}: {shown[-1].reason}."
        )
    for item in tested:
        if item.verdict == "refuted":
            told.append(f"The images are not symmetric under {_named(item.group)}: {item.reason}.")
            break
        if item.verdict == "not settled" and not shown:
            needed = f"; about {item.images_needed:,} images would settle it" if item.images_needed else ""
            told.append(
                f"Whether the images are symmetric under {_named(item.group)} is not settled: {item.reason}{needed}."
            )
            break
    return " ".join(told)


def _augmentation(build: Build, directions: Sequence[Direction], linear: LinearPilot | None) -> str:
    if build.augment == "hflip":
        return "Augment with left-right mirrors, which cost a linear filter nothing." if build.group == "p1" else ""
    own = leading([item for item in directions if item.layer == "images"])
    if own is not None and own.verdict == "one direction":
        return "Do not augment with turns or mirrors: it would teach the network what the images do not show."
    return ""


def _change(build: Build, directions: Sequence[Direction], linear: LinearPilot | None, pilot: str | None) -> str:
    """What would change the advice."""
    if build.evidence == "pilot":
        return ""
    if pilot:
        return f"The network pilot was undecided: {pilot}"
    if build.relax is None and build.evidence == "linear pilot" and build.group != "p1":
        return ""
    if linear is None:
        return (
            "symaudit recommend --task asks the task itself, in seconds (linear pilot); --pilot in minutes (networks)."
        )
    return "A pilot with small networks would settle it in minutes (--pilot)."


def _named(group: str) -> str:
    """ "quarter turns (p4)"."""
    plain = str(Group.parse(group))
    return f"{ACTIONS[plain]} ({plain})" if plain in ACTIONS else plain


def _span(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
