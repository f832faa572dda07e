"""The advice of SPEC 8 from measured values: the law of the images, the network to build, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from symmetry_audit.errors import SettingError
from symmetry_audit.results import Answer, Candidate, Direction, LinearPilot, Pilot, Recommendation
from symmetry_audit.theory._answers import flip_laws
from symmetry_audit.theory._build import decide, ranked
from symmetry_audit.theory._candidates import check, with_trivial
from symmetry_audit.theory._kappa import with_intervals
from symmetry_audit.theory._sentences import sentences
from symmetry_audit.theory._verdicts import equalizable, judged, twin
from symmetry_audit.wording import HU, WINDOWED

__all__ = ["MARGIN", "TOLERANCE", "recommend"]

TOLERANCE, MARGIN = 0.05, 0.05  # relative epsilon of a law that counts as symmetric; dB


def recommend(
    candidates: Sequence[Candidate],
    *,
    images: int,
    directions: Sequence[Direction] = (),
    linear: LinearPilot | None = None,
    pilot: Pilot | None = None,
    tolerance: float = TOLERANCE,
    margin: float = MARGIN,
    budget: str = "cpu",
    kappa: float | None = None,
    unit: str = "grey levels",
    task: str | None = None,
    degradation: Sequence[Candidate] = (),
    answers: Sequence[Answer] = (),
) -> Recommendation:
    """Answer the three questions of SPEC 8: is the law symmetric, which group to build, and how.

    ``candidates`` hold measured values; their verdicts are decided anew. A group is refuted where the invariance test
    is significant (Holm over the regularizers, 0.01) and the lower limit is above twice the floor, shown where the
    upper limit of relative epsilon is at most ``tolerance`` for every regularizer that sees it. What to build follows
    from the strongest evidence: ``pilot``, ``linear``, ``directions``, or the prior, see ``decide``. Each candidate has
    the range of ``kappa``, in ``unit``, where it costs least by Eq. (46) of [SA]; that decides nothing. ``images``
    counts the images behind the values, ``task`` describes the task. ``degradation`` are the candidates of the layer
    degraded minus clean, of as many images. ``answers`` are those about flips and the half turn, which
    decide the groups that consist of these alone, refute larger ones, and say how to augment.

    Raises SettingError for a tolerance, margin or kappa that is negative or not finite, ReportError where the
    candidates contradict themselves.
    """
    for name, value in (("tolerance", tolerance), ("margin", margin), ("kappa", kappa)):
        if value is not None and not (isfinite(value) and value >= 0):
            raise SettingError(f"{name} must be a finite number of at least 0, got {value:g}")
    check(candidates)
    if tolerance != TOLERANCE:  # the numbers of images were computed for that
        candidates = [replace(candidate, images_needed=None) for candidate in candidates]
    decided = with_intervals(judged(with_trivial(candidates), images, tolerance, flip_laws(answers)))
    layer = judged(with_trivial(degradation), images, tolerance) if degradation else []
    build = decide(decided, directions, linear, pilot, answers, budget=budget)
    told = None if pilot is None else pilot.sentence
    return Recommendation(
        build=build,
        sentences=sentences(
            build, decided, directions, linear, told, tolerance, layer, answers, ct=HU in unit or WINDOWED in unit
        ),
        candidates=tuple(decided),
        images=images,
        tolerance=tolerance,
        margin=margin,
        kappa=kappa,
        unit=unit,
        task=task,
        directions=tuple(ranked(directions)),
        linear=linear,
        pilot=told,
        notes=tuple(_notes(decided)),
        degradation=tuple(layer),
    )


def _notes(decided: Sequence[Candidate]) -> list[str]:
    """What the run cannot see."""
    notes = []
    untested = [other for other in decided if other.verdict == "not tested"]
    twins = [(other, same) for other in untested if (same := twin(other, decided))]
    if pairs := ", ".join(f"{other.group} from {same.group}" for other, same in twins if not other.adaptive):
        names = {value.regularizer for candidate in decided for value in candidate.values}
        hint = "" if "chiral" in names else "; --response rectified sees half turns and mirrors"
        notes.append(f"Not tested: no regularizer of the run tells {pairs}{hint}.")
    alike = [other for other, _ in twins]
    if small := [other.group for other in untested if equalizable(other) and other not in alike]:
        notes.append(
            f"Not tested as adaptive: {', '.join(small)}; fitting two parameters to each image makes so few elements "
            "look alike, whatever the images are."
        )
    return notes
