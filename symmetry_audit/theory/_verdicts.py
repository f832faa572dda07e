"""Which candidates a report supports, and why not the others (SPEC 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symmetry_audit.results import VERDICTS, Candidate, CandidateValue
from symmetry_audit.theory._candidates import is_trivial, preference, subgroups
from symmetry_audit.theory._kappa import pays
from symmetry_audit.wording import count

__all__ = ["Rule", "judged", "percent", "twin"]

MIN_IMAGES = 10  # below, intervals over images say too little (SPEC 6)
FITTED = 2  # parameters of w_n, each of which can make one more element look like the identity


@dataclass(frozen=True)
class Rule:
    """Conditions on a candidate: ``tolerance`` on relative epsilon, ``kappa`` in ``unit`` or None, enough images."""

    images: int
    tolerance: float
    kappa: float | None
    unit: str


Finding = tuple[str, str] | None  # verdict and reason of a check that failed


def judged(candidates: Sequence[Candidate], rule: Rule) -> list[Candidate]:
    """The candidates with ``verdict`` and ``reason`` filled in, whatever they were before."""
    found = [_verdict(candidate, candidates, rule) for candidate in candidates]
    return [
        replace(candidate, verdict=verdict, reason=reason)
        for candidate, (verdict, reason) in zip(candidates, found, strict=True)
    ]


def twin(candidate: Candidate, candidates: Sequence[Candidate]) -> Candidate | None:
    """The smallest proper subgroup that no regularizer of the run tells from ``candidate``, if there is one."""
    alike = [other for other in subgroups(candidate, candidates) if other.tested_order >= candidate.tested_order]
    return min(alike, key=lambda other: (other.order, preference(other)), default=None)


def _verdict(candidate: Candidate, candidates: Sequence[Candidate], rule: Rule) -> tuple[str, str]:
    """The first check that fails decides."""
    if is_trivial(candidate):
        return "admissible", "claims no symmetry"
    return (
        _untested(candidate, candidates)
        or _unmeasured(candidate, rule)
        or _too_large(candidate, rule)
        or _inherited(candidate, candidates, rule)
        or (_no_gain(candidate) if candidate.adaptive else None)
        or _too_dear(candidate, rule)
        or ("admissible", _measured(_worst(candidate, rule), rule))
    )


def _untested(candidate: Candidate, candidates: Sequence[Candidate]) -> Finding:
    """A group that nothing in the run could have refuted is not claimed."""
    if same := twin(candidate, candidates):
        return "not tested", f"nothing measured tells it from {same.group}"
    if not any(value.tested for value in candidate.values):
        return "not tested", "no regularizer of the run sees any of its elements"
    contrasts = candidate.tested_order - 1
    if candidate.adaptive and contrasts <= FITTED:
        some = f"its {count(contrasts, 'contrast')}"
        return "not tested", f"two fitted parameters can equalize {some}; nothing could have refuted it"
    return None


def _unmeasured(candidate: Candidate, rule: Rule) -> Finding:
    if rule.images < MIN_IMAGES:
        return "not measured", f"needs at least {MIN_IMAGES} images, got {rule.images}"
    for value in candidate.values:
        if value.tested and value.relative_epsilon is None:
            return "not measured", f"no image gives a response to {value.regularizer}"
        if value.tested and value.ci_high is None:
            return "not measured", f"{value.regularizer} has no confidence interval"
    return None


def _too_large(candidate: Candidate, rule: Rule) -> Finding:
    """The upper confidence limit of every regularizer that sees anything must not exceed its limit."""
    value = _worst(candidate, rule)
    if value.excess(rule.tolerance) <= 0:
        return None
    above = value.ci_low is not None and value.ci_low > value.limit(rule.tolerance)
    return "refuted" if above else "not shown", _measured(value, rule)


def _inherited(candidate: Candidate, candidates: Sequence[Candidate], rule: Rule) -> Finding:
    """A group with a rejected subgroup is rejected too; its own limit can miss that, as null levels grow with order."""
    tried = [
        (other, found)
        for other in subgroups(candidate, candidates)
        if not (is_trivial(other) or _untested(other, candidates) or _unmeasured(other, rule))
        and (found := _too_large(other, rule))
    ]
    if not tried:
        return None
    other, (verdict, reason) = min(tried, key=lambda item: (VERDICTS.index(item[1][0]), preference(item[0])))
    return verdict, f"it contains {other.group}, and {reason}"


def _no_gain(candidate: Candidate) -> Finding:
    """Adapting has to help on blocks that w was not fitted on; regularizers that identify no w do not count."""
    values = [value for value in candidate.values if value.tested and value.held_out]
    if not values:
        return "no gain", "not measured on held-out blocks"
    for value in values:
        if not value.gains:
            adaptive, strict = value.held_out_epsilon, value.held_out_strict_epsilon
            assert adaptive is not None and strict is not None
            return "no gain", (
                f"on held-out blocks {value.regularizer} changes by {percent(adaptive)} with fitted transformations "
                f"and by {percent(strict)} with the same rotations for all images, which is no gain beyond chance"
            )
    return None


def _too_dear(candidate: Candidate, rule: Rule) -> Finding:
    if rule.kappa is None:
        return None
    failing = [value.regularizer for value in candidate.values if value.tested and not pays(value, rule.kappa)]
    if not failing:
        return None
    return "does not pay", f"the error of {failing[0]} exceeds the worth of the larger group at this kappa"


def _worst(candidate: Candidate, rule: Rule) -> CandidateValue:
    """The value of the worst regularizer for a candidate that was tested."""
    value = candidate.worst(rule.tolerance)
    assert value is not None
    return value


def _measured(value: CandidateValue, rule: Rule) -> str:
    """The value of one regularizer, as a clause."""
    assert value.relative_epsilon is not None and value.ci_high is not None  # or it is not measured
    low = "" if value.ci_low is None else f"{percent(value.ci_low)} to "
    found = f"{value.regularizer} changes by {percent(value.relative_epsilon)} ({low}{percent(value.ci_high)})"
    return f"{found}, where {percent(value.limit(rule.tolerance))} is accepted"


def percent(fraction: float) -> str:
    """``0.0523`` as "5.23 %".

    >>> percent(0.0523), percent(0.2), percent(0.0), percent(12.5)
    ('5.23 %', '20 %', '0 %', '1250 %')
    """
    digits = 100 * fraction
    return f"{digits:.0f} %" if digits >= 100 else f"{digits:.3g} %"
