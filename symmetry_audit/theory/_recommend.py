"""One group out of the candidates, and the sentences that say why (SPEC 8)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from symmetry_audit.errors import SettingError
from symmetry_audit.results import Candidate, Recommendation
from symmetry_audit.theory._candidates import check, is_trivial, preference, with_trivial
from symmetry_audit.theory._kappa import with_intervals
from symmetry_audit.theory._verdicts import Rule, judged, percent, twin

__all__ = ["recommend"]

# why the trivial group is recommended, the most telling verdict first
AGAINST = {
    "does not pay": "No group that the images support pays at kappa = {kappa}. For {name}",
    "refuted": "Most clearly refuted is {name}",
    "not shown": "The images do not settle {name}",
    "no gain": "The images do not support {name}",
    "not measured": "No larger group is supported",
    "not tested": "No larger group was tested. For {name}",
}


def recommend(
    candidates: Sequence[Candidate],
    *,
    images: int,
    tolerance: float = 0.05,
    kappa: float | None = None,
    unit: str = "grey levels",
    relative_to: str = "mean",
) -> Recommendation:
    """Decide on every candidate and recommend the largest group that the measured values support (SPEC 8).

    ``candidates`` hold measured values; their verdicts are decided anew. A group is admissible if a measured value
    could have refuted it, and if for every regularizer that sees any of its elements the upper confidence limit of
    relative epsilon is at most max(floor + null, ``tolerance``), also in its subgroups. An adaptive group must also
    lower epsilon on held-out blocks, for every regularizer that identifies w. With ``kappa``, in ``unit``, the unit of
    epsilon, the group must also pay by Eq. (46) of [SA], for every regularizer that sees it. Of the admissible groups
    the one of largest tested order wins. Ties go to strict, then to unmirrored, then to fewer elements. The trivial
    group p1 is always admissible, and a candidate even if it is not among ``candidates``.

    ``images`` counts the images behind the values, ``relative_to`` is handed on. Raises SettingError for a tolerance or
    kappa that is negative or not finite, ReportError where the candidates contradict themselves.
    """
    for name, value in (("tolerance", tolerance), ("kappa", kappa)):
        if value is not None and not (isfinite(value) and value >= 0):
            raise SettingError(f"{name} must be a finite number of at least 0, got {value:g}")
    check(candidates)
    rule = Rule(images, tolerance, kappa, unit)
    decided = with_intervals(judged(with_trivial(candidates), rule))
    chosen = min(
        (candidate for candidate in decided if candidate.admissible),
        key=lambda candidate: (-candidate.tested_order, preference(candidate)),
    )
    return Recommendation(
        group=chosen.group,
        scenario=chosen.scenario,
        sentence=_trivial_sentence(decided, rule) if is_trivial(chosen) else _sentence(chosen, rule),
        tolerance=tolerance,
        kappa=kappa,
        unit=unit,
        images=images,
        candidates=tuple(decided),
        notes=tuple(_notes(chosen, decided, rule)),
        relative_to=relative_to,
    )


def _sentence(chosen: Candidate, rule: Rule) -> str:
    how = "each image under its own deformed copy" if chosen.adaptive else "the same transformations for all images"
    gain = ", and on held-out blocks it does better than the same rotations for all images" * chosen.adaptive
    worth = "" if rule.kappa is None else f", and it pays at kappa = {rule.kappa:g} {rule.unit}"
    return (
        f"Recommended: {chosen.name} ({how}). It is the largest group that the images support: at worst "
        f"{chosen.reason}{gain}{worth}."
    )


def _trivial_sentence(decided: Sequence[Candidate], rule: Rule) -> str:
    """The trivial group, and the strongest verdict against the others."""
    others = [candidate for candidate in decided if not is_trivial(candidate)]
    if not others:
        return "Recommended: p1, the trivial group. There was no other candidate."
    rank = {verdict: place for place, verdict in enumerate(AGAINST)}
    plainest = min(
        others, key=lambda other: (rank[other.verdict], -_excess(other, rule), other.order, preference(other))
    )
    why = AGAINST[plainest.verdict].format(name=plainest.name, kappa=f"{rule.kappa or 0:g} {rule.unit}")
    return f"Recommended: p1, the trivial group, which claims no symmetry. {why}: {plainest.reason}."


def _excess(candidate: Candidate, rule: Rule) -> float:
    value = candidate.worst(rule.tolerance)
    return 0.0 if value is None else value.excess(rule.tolerance)


def _notes(chosen: Candidate, decided: Sequence[Candidate], rule: Rule) -> list[str]:
    """Evidence that the choice does not use."""
    notes = []
    alike = {other.group: same.group for other in decided if (same := twin(other, decided)) and not other.adaptive}
    if alike:
        pairs = ", ".join(f"{group} from {same}" for group, same in alike.items())
        names = {value.regularizer for candidate in decided for value in candidate.values}
        hint = "" if "chiral" in names else "; --reg chiral sees half turns and mirrors"
        notes.append(f"Not tested: no regularizer of the run tells {pairs}{hint}.")
    small = [other for other in decided if other.adaptive and other.verdict == "not tested" and other.order > 1]
    if small := [other.group for other in small if other.group not in alike]:
        notes.append(
            f"Not tested as adaptive: {', '.join(small)}; fitting two parameters to each image makes so few elements "
            "look alike, whatever the images are."
        )
    worst = chosen.worst(rule.tolerance)
    if worst is not None and worst.ci_high is not None and worst.ci_high > rule.tolerance:
        notes.append(
            f"The limit for {chosen.name} is {percent(worst.limit(rule.tolerance))} and not the tolerance of "
            f"{percent(rule.tolerance)}, because with {rule.images} images chance and the pixel grid alone can produce "
            "that much. More images would lower the limit."
        )
    return notes
