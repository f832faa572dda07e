"""May the images be flipped, may they be turned? An answer for each transformation, from measured values (SPEC 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symmetry_audit.groups import Group
from symmetry_audit.results import Answer, Candidate
from symmetry_audit.statistics import FEWEST_IMAGES, LawEvidence, holm, law
from symmetry_audit.theory._verdicts import decisive, sized, too_few

__all__ = ["FlipValue", "flip_answer", "flip_laws", "turn_answers"]

VERDICTS = {"shown": "fits", "refuted": "does not fit", "not settled": "not settled", "not tested": "not tested"}
LAWS = {answer: verdict for verdict, answer in VERDICTS.items()}
CHANCE = 0.05  # adjusted p-value
# the groups that a regularizer without a sign cannot see, and the transformations that each consists of
FLIPPED = {
    "p2": ("half turn",),
    "p1m": ("flip left-right",),
    "p2m": ("flip left-right", "flip upside down", "half turn"),
}


@dataclass(frozen=True, kw_only=True)
class FlipValue:
    """What one pair of opposite directions says of a transformation, as fractions of the pair's mean response.

    As :class:`symmetry_audit.results.CandidateValue` has them of a regularizer.
    """

    relative_epsilon: float
    ci_low: float | None
    ci_high: float | None
    null_epsilon: float | None
    p_value: float | None


def flip_answer(
    transformation: str,
    values: Sequence[FlipValue],
    *,
    images: int,
    needed: int | None,
    tolerance: float,
    regularizer: str,
    response: str,
) -> Answer:
    """The answer for a flip or the half turn from the ``values`` of every pair of directions that it exchanges.

    The pairs are judged as regularizers are (``statistics.law``); the pixel grid adds nothing to them. One difference
    is made: edges of writing differ by little from those of its mirror image, so that what fits must not only be
    within the tolerance but may also be chance, by an adjusted p-value above 0.05. The numbers of the answer are those
    of the pair that decides, its p-value adjusted for the number of pairs.
    """
    if images < FEWEST_IMAGES:
        return Answer(transformation=transformation, verdict="not tested", reason=too_few(images))
    if not values:
        return Answer(transformation=transformation, verdict="not tested", reason="nothing responds in these images")
    found = [
        LawEvidence(regularizer=str(at), p_value=value.p_value, ci_low=value.ci_low, ci_high=value.ci_high)
        for at, value in enumerate(values)
    ]
    verdict, evidence = law(found, images=images, tolerance=tolerance)
    assert evidence is not None  # there are values, of enough images
    at = int(evidence.regularizer)
    adjusted = holm([1.0 if value.p_value is None else value.p_value for value in values])
    value = replace(values[at], p_value=adjusted[at])
    reason = f"rising and falling edges differ by {sized(value.relative_epsilon, value)}"
    if verdict == "shown" and min(adjusted) <= CHANCE:
        verdict, needed, reason = "not settled", None, f"{reason}: by little, but not by chance"
    return Answer(
        transformation=transformation,
        verdict=VERDICTS[verdict],
        reason=reason,
        regularizer=regularizer,
        response=response,
        relative_epsilon=value.relative_epsilon,
        ci_low=value.ci_low,
        ci_high=value.ci_high,
        null_epsilon=value.null_epsilon,
        floor=0.0,
        p_value=value.p_value,
        images_needed=needed,
    )


def flip_laws(answers: Sequence[Answer]) -> dict[str, tuple[str, str]]:
    """Verdict (``results.LAWS``) and reason by group, for the groups that consist of flips and half turns alone.

    The gravest answer decides: one that is refuted, then one that is not settled.
    """
    known = {answer.transformation: answer for answer in answers}
    found = {}
    for group, parts in FLIPPED.items():
        if all(part in known for part in parts):
            gravest = min((known[part] for part in parts), key=_gravity)
            reason = gravest.reason if len(parts) == 1 else f"{gravest.transformation}: {gravest.reason}"
            found[group] = LAWS[gravest.verdict], reason
    return found


def _gravity(answer: Answer) -> int:
    return ("does not fit", "not tested", "not settled", "fits").index(answer.verdict)


def turn_answers(
    candidates: Sequence[Candidate], *, images: int, tolerance: float, response: str
) -> tuple[Answer, Answer]:
    """The answers for quarter turns and for any angle, from decided strict ``candidates``: those of p4 and of the
    largest pT with 8 rotations or more. "not tested" where the run has no such group."""
    strict = {Group.parse(item.group): item for item in candidates if not item.adaptive}
    turning = [group for group in strict if not group.mirrored and group.rotations >= 8]
    fine = max(turning, key=lambda group: group.rotations, default=None)
    about = {"images": images, "tolerance": tolerance, "response": response}
    return (
        _turn_answer("quarter turns", strict.get(Group(4)), "p4", **about),
        _turn_answer("any angle", None if fine is None else strict[fine], "p32", **about),
    )


def _turn_answer(
    transformation: str, candidate: Candidate | None, option: str, *, images: int, tolerance: float, response: str
) -> Answer:
    if candidate is None:
        reason = f"not in the group of this run; use --group {option}"
        return Answer(transformation=transformation, verdict="not tested", reason=reason)
    about = Answer(transformation=transformation, verdict=VERDICTS[candidate.verdict], reason=candidate.reason)
    _, value = decisive(candidate, images, tolerance)
    if value is None or candidate.verdict == "not tested":
        return about
    return replace(
        about,
        regularizer=value.regularizer,
        response=response,
        relative_epsilon=value.relative_epsilon,
        ci_low=value.ci_low,
        ci_high=value.ci_high,
        null_epsilon=value.null_epsilon,
        floor=value.floor,
        p_value=value.p_value,
        images_needed=candidate.images_needed,
    )
