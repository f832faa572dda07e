"""Question (a) of SPEC 8 for every candidate: do the images have this symmetry?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

from symmetry_audit.results import DATASET_STRICT, Candidate, CandidateValue
from symmetry_audit.statistics import FEWEST_IMAGES, LawEvidence, law
from symmetry_audit.theory._candidates import is_trivial, preference, subgroups
from symmetry_audit.wording import count

__all__ = ["changes", "decisive", "equalizable", "judged", "percent", "sized", "too_few", "twin"]

FITTED = 2  # parameters of w_n, each of which can make one more element look like the identity


class Measured(Protocol):
    """What a relative epsilon is known by."""

    @property
    def ci_low(self) -> float | None: ...

    @property
    def ci_high(self) -> float | None: ...

    @property
    def p_value(self) -> float | None: ...


def judged(
    candidates: Sequence[Candidate],
    images: int,
    tolerance: float,
    flips: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> list[Candidate]:
    """The candidates with ``verdict`` and ``reason`` filled in, whatever they were before.

    A group with a refuted subgroup is refuted, also where nothing tests what it has beyond it. One with a subgroup that
    is not settled is not shown: the test of the larger group can miss what that of the smaller one sees. ``flips`` has
    verdict and reason of strict groups that the candidates' regularizers do not see, by group (``flip_laws``); these
    refute larger groups and do no more to them.
    """
    own = {_key(candidate): _verdict(candidate, candidates, images, tolerance) for candidate in candidates}
    seen = {(group, DATASET_STRICT.name): found for group, found in flips.items()}
    told = own | {key: seen[key] for key, (verdict, _) in own.items() if verdict == "not tested" and key in seen}
    grave = own | {key: found for key, found in told.items() if found[0] == "refuted"}
    decided = []
    for candidate in candidates:
        verdict, reason = _inherited(grave, candidate, candidates) or told[_key(candidate)]
        decided.append(replace(candidate, verdict=verdict, reason=reason))
    return decided


def _key(candidate: Candidate) -> tuple[str, str]:
    return candidate.group, candidate.scenario


def _inherited(
    own: Mapping[tuple[str, str], tuple[str, str]], candidate: Candidate, candidates: Sequence[Candidate]
) -> tuple[str, str] | None:
    """The verdict that follows from the smallest subgroup with a graver one, with the reason; else None."""
    verdict, _ = own[_key(candidate)]
    graver = {"refuted": (), "shown": ("refuted", "not settled")}.get(verdict, ("refuted",))
    for worse in graver:
        for other in sorted(subgroups(candidate, candidates), key=preference):
            found, why = own[_key(other)]
            if found == worse:
                return worse, f"it contains {other.group}: {why}"
    return None


def twin(candidate: Candidate, candidates: Sequence[Candidate]) -> Candidate | None:
    """The smallest proper subgroup that no regularizer of the run tells from ``candidate``, if there is one."""
    alike = [other for other in subgroups(candidate, candidates) if other.tested_order >= candidate.tested_order]
    return min(alike, key=lambda other: (other.order, preference(other)), default=None)


def equalizable(candidate: Candidate) -> bool:
    """Whether the parameters fitted to each image can make all elements of an adaptive group look alike."""
    return candidate.adaptive and candidate.tested_order - 1 <= FITTED


def _verdict(candidate: Candidate, candidates: Sequence[Candidate], images: int, tolerance: float) -> tuple[str, str]:
    if is_trivial(candidate):
        return "shown", "claims no symmetry"
    if reason := _untested(candidate, candidates, images):
        return "not tested", reason
    verdict, value = decisive(candidate, images, tolerance)
    assert value is not None  # something sees the group, in enough images
    return verdict, changes(value)


def decisive(candidate: Candidate, images: int, tolerance: float) -> tuple[str, CandidateValue | None]:
    """The verdict by the candidate's own values, and the value that decides; None where nothing does."""
    verdict, evidence = law([_evidence(value) for value in candidate.seen], images=images, tolerance=tolerance)
    name = None if evidence is None else evidence.regularizer
    return verdict, next((value for value in candidate.seen if value.regularizer == name), None)


def _untested(candidate: Candidate, candidates: Sequence[Candidate], images: int) -> str | None:
    """Why nothing in the run could have refuted the group."""
    if images < FEWEST_IMAGES:
        return too_few(images)
    if same := twin(candidate, candidates):
        return f"nothing measured tells it from {same.group}"
    if not candidate.seen:
        return "no regularizer of the run sees any of its elements"
    if equalizable(candidate):
        some = f"its {count(candidate.tested_order - 1, 'contrast')}"
        return f"two fitted parameters can equalize {some}; nothing could have refuted it"
    return None


def too_few(images: int) -> str:
    """Why so few ``images`` test nothing."""
    return f"it takes {FEWEST_IMAGES} images, and there {'is' if images == 1 else 'are'} {images}"


def _evidence(value: CandidateValue) -> LawEvidence:
    return LawEvidence(
        regularizer=value.regularizer,
        p_value=value.p_value,
        ci_low=value.ci_low,
        ci_high=value.ci_high,
        floor=value.floor or 0.0,
    )


def changes(value: CandidateValue) -> str:
    """What one regularizer found, as a clause: "tv changes by 12 % (8 to 16 %), p = 0.001"."""
    if value.relative_epsilon is None:
        return f"{value.regularizer} does not respond"
    return f"{value.regularizer} changes by {sized(value.relative_epsilon, value)}"


def sized(relative: float, value: Measured) -> str:
    """A ``relative`` epsilon with the interval and the p-value of ``value``: "12 % (8 to 16 %), p = 0.001"."""
    found = percent(relative)
    if value.ci_low is not None and value.ci_high is not None:
        found += f" ({percent(value.ci_low)[:-2]} to {percent(value.ci_high)})"
    return found if value.p_value is None else f"{found}, p = {value.p_value:.2g}"


def percent(fraction: float) -> str:
    """``0.0523`` with two significant digits, as "5.2 %".

    >>> percent(0.0523), percent(0.2), percent(0.0), percent(12.5), percent(0.00123)
    ('5.2 %', '20 %', '0 %', '1250 %', '0.12 %')
    """
    digits = 100 * fraction
    return f"{digits:.0f} %" if digits >= 10 else f"{digits:.2g} %"
