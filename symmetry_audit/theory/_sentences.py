"""The advice in words: the law, the network, the evidence, and what would change it (SPEC 8)."""

from __future__ import annotations

from collections.abc import Sequence

from symmetry_audit.groups import Group
from symmetry_audit.results import ADAPTIVE_STEPS, POINTS, Answer, Build, Candidate, Direction, LinearGain, LinearPilot
from symmetry_audit.theory._build import leading
from symmetry_audit.theory._candidates import is_trivial, preference
from symmetry_audit.theory._verdicts import percent
from symmetry_audit.wording import count

__all__ = ["sentences"]

# what a group's elements are, for people
ACTIONS = {"p2": "half turns", "p4": "quarter turns", "p8": "turns by 45 degrees", "p1m": "mirrors"}
BUILDS = {
    "p1": "Build a plain network, without rotations (p1).",
    "relaxed": "Build {group}, relaxed, so that the network can leave the symmetry where the images lack it.",
    "strict": "Build {group}.",
}
PRIOR = (
    "The choice rests on the prior for photographs: networks over p4 were ahead of plain ones in 92 of 100 published "
    "comparisons, most where images are few."
)
FITTING = {"flips": "flips left-right and upside down", "flips+turns": "flips and quarter turns"}
PRIOR_CT = (
    "No published comparison of networks on CT settles the choice, so p4 is taken for want of evidence against it; "
    "patients lie on a table, so slices tend to share one direction."
)
# whether what is degraded or what degrades it has a direction, by layer and verdict
DIRECTIONS = {
    ("images", "one direction"): "the images share one direction",
    ("images", "undecided"): "the images may share a direction",
    ("images", "mixed directions"): "directions differ from image to image",
    ("slices", "one direction"): "the images share one direction, as patients who lie on a table do",
    ("slices", "undecided"): "the images may share a direction, as patients who lie on a table do",
    ("slices", "mixed directions"): "directions differ from image to image",
    ("degradation", "one direction"): "what degrades the images has one direction",
    ("degradation", "undecided"): "what degrades the images may have one direction",
    ("degradation", "mixed directions"): "what degrades the images has no direction in common",
}


def sentences(
    build: Build,
    candidates: Sequence[Candidate],
    directions: Sequence[Direction],
    linear: LinearPilot | None,
    pilot: str | None,
    tolerance: float,
    degradation: Sequence[Candidate] = (),
    answers: Sequence[Answer] = (),
    *,
    ct: bool = False,
) -> tuple[str, ...]:
    """What to build and on what evidence; whether the images are symmetric; what would change the advice. ``ct``: the
    images are CT slices, of which no photograph is evidence."""
    found = [
        _build(build),
        *_evidence(build, directions, linear, pilot, ct=ct),
        _law(candidates, tolerance),
        _law(degradation, tolerance, "what degrades the images is") if degradation else "",
        _adapted(build),
        _augmentation(build, directions, answers),
        _change(build, linear, pilot, ct=ct),
    ]
    return tuple(sentence for sentence in found if sentence)


def _build(build: Build) -> str:
    if build.group == "p1":
        return BUILDS["p1"]
    return BUILDS["strict" if build.relax is None else "relaxed"].format(group=build.group)


def _evidence(
    build: Build, directions: Sequence[Direction], linear: LinearPilot | None, pilot: str | None, *, ct: bool
) -> list[str]:
    """Each by its name, and whether it is decided."""
    if build.evidence == "pilot":
        return [f"Evidence, network pilot: {(pilot or '').partition(': ')[2]}"]  # after "Build p4: "
    told = []
    for layer in ("degradation", "images"):
        if (direction := leading([item for item in directions if item.layer == layer])) is not None:
            told.append(f"{_heading(direction.verdict)}, common direction: {_direction(direction, ct=ct)}.")
    if linear is not None and (gain := linear.gain("p4")) is not None:
        told.append(f"{_heading(gain.verdict)}, linear pilot: {_filter(linear, gain)}.")
    return [*told, PRIOR_CT if ct else PRIOR] if build.evidence == "prior" else told


def _heading(verdict: str) -> str:
    return "Undecided" if verdict == "undecided" else "Evidence"


def _direction(direction: Direction, *, ct: bool) -> str:
    layer = "slices" if ct and direction.layer == "images" else direction.layer
    said = f"{DIRECTIONS[layer, direction.verdict]} (common share R² {max(direction.share, 0):.2f} of 1"
    if direction.ci_low is None or direction.ci_high is None:
        return f"{said})"
    return f"{said}; {direction.ci_low:.2f} to {direction.ci_high:.2f})"


def _filter(linear: LinearPilot, gain: LinearGain) -> str:
    how = "better" if gain.gain_db >= 0 else "worse"
    if gain.unit == POINTS:
        return (
            f"the best linear classifier of simple features recognizes {abs(gain.gain_db):.1f} percentage points {how} "
            f"with quarter turns built in ({gain.low:+.1f} to {gain.high:+.1f}; {count(linear.data.images, 'image')}; "
            f"{linear.task_text})"
        )
    return (
        f"the best linear filter restores held-out images {abs(gain.gain_db):.3f} dB {how} with quarter turns built in "
        f"({gain.low:+.3f} to {gain.high:+.3f}; {count(linear.data.images, 'image')}; {linear.task_text})"
    )


def _law(candidates: Sequence[Candidate], tolerance: float, subject: str = "the images are") -> str:
    """The largest group that is shown, and the smallest that is refuted or open."""
    first = subject[0].upper() + subject[1:]
    strict = [item for item in candidates if not item.adaptive and not is_trivial(item)]
    strict.sort(key=lambda item: (item.tested_order, preference(item)))
    tested = [item for item in strict if item.seen and item.verdict != "not tested"]  # flips have answers of their own
    if not strict:
        return f"Whether {subject} symmetric was not tested: the run measured no group."
    if not tested:
        largest = strict[-1]
        return f"Whether {subject} symmetric under {_named(largest.group)} was not tested: {largest.reason}."
    shown = [item for item in tested if item.verdict == "shown"]
    told = []
    if shown:
        told.append(
            f"{first} symmetric under {_named(shown[-1].group)} up to {percent(tolerance)}: {shown[-1].reason}."
        )
    for item in tested:
        if item.verdict == "refuted":
            told.append(f"{first} not symmetric under {_named(item.group)}: {item.reason}.")
            break
        if item.verdict == "not settled" and not shown:
            needed = f"; about {item.images_needed:,} images would settle it" if item.images_needed else ""
            told.append(
                f"Whether {subject} symmetric under {_named(item.group)} is not settled: {item.reason}{needed}."
            )
            break
    return " ".join(told)


def _adapted(build: Build) -> str:
    if build.adapt is None:
        return ""
    return (
        f"For {ADAPTIVE_STEPS:,} steps or more build {build.adapt} with SA-Conv: adapting it to each image gains on "
        "held-out blocks."
    )


def _augmentation(build: Build, directions: Sequence[Direction], answers: Sequence[Answer]) -> str:
    """How to augment, and the answers that say so."""
    refuted = [answer.transformation for answer in answers if answer.verdict == "does not fit"]
    if build.augment == "hflip":
        if build.evidence == "pilot" and build.group == "p1":
            why = "as in the pilot"
        elif "flip upside down" in refuted:
            why = "and with nothing else: upside down the images would be others"
        else:
            why = "which nothing here speaks against" if answers else "which cost a filter nothing"
        return f"Augment with left-right mirrors, {why}."
    if build.augment in FITTING:
        return f"Augment with {FITTING[build.augment]}, which fit these images."
    if build.augment == "none" and "flip left-right" in refuted:
        return "Do not augment with turns or mirrors: flipped left-right the images would be others."
    own = leading([item for item in directions if item.layer == "images"])
    if build.augment == "none" and own is not None and own.verdict == "one direction":
        return "Do not augment with turns or mirrors: it would teach the network what the images do not show."
    return ""


def _change(build: Build, linear: LinearPilot | None, pilot: str | None, *, ct: bool) -> str:
    """What would change the advice."""
    if build.evidence == "pilot":
        return ""
    if pilot:
        return f"The network pilot is {pilot[:1].lower()}{pilot[1:]}"  # "undecided after 3 seeds: ..."
    if build.relax is None and build.evidence == "linear pilot" and build.group != "p1":
        return ""
    if linear is None and ct:
        return (
            "Trying it on your task tells more: symaudit train --task mar, once with --method cnn and once with gcnn, "
            "and symaudit evaluate on slices of other patients."
        )
    if linear is None:
        return (
            "Trying it on your task tells more: symaudit recommend with --task in seconds (linear pilot), and with "
            "--pilot in minutes (small networks)."
        )
    return "A pilot with small networks would settle it in minutes (--pilot)."


def _named(group: str) -> str:
    """ "quarter turns (p4)"."""
    plain = str(Group.parse(group))
    return f"{ACTIONS[plain]} ({plain})" if plain in ACTIONS else plain
