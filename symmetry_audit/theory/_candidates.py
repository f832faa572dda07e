"""Conditions on the candidates, and which of them contain each other."""

from __future__ import annotations

from collections.abc import Sequence

from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.groups import Group
from symmetry_audit.results import DATASET_STRICT, Candidate, CandidateValue

__all__ = ["check", "is_trivial", "preference", "subgroups", "with_trivial"]


def is_trivial(candidate: Candidate) -> bool:
    """Whether it is p1 for all images: no symmetry at all, which can always be chosen."""
    return candidate.order == 1 and not candidate.adaptive


def with_trivial(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates, p1 first: it needs no measurement, and a run of adaptive rows alone lacks it."""
    if any(map(is_trivial, candidates)):
        return tuple(candidates)
    known = {value.regularizer: value for candidate in candidates for value in candidate.values}
    values = tuple(
        CandidateValue(
            regularizer=name,
            sigma=value.sigma,
            downscale=value.downscale,
            classes=1,
            mean_response=value.mean_response,
            epsilon=0.0,
            relative_epsilon=0.0,
        )
        for name, value in known.items()
    )
    return (Candidate(group="p1", scenario=DATASET_STRICT.name, order=1, tested_order=1, values=values), *candidates)


def subgroups(candidate: Candidate, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The proper subgroups of ``candidate`` among ``candidates``: of the same scenario, and the trivial group."""
    inside = Group.parse(candidate.group).subgroups()
    return [
        other
        for other in candidates
        if other.order < candidate.order
        and (other.scenario == candidate.scenario or other.order == 1)
        and Group.parse(other.group) in inside
    ]


def preference(candidate: Candidate) -> tuple[bool, bool, int]:
    """Sorts candidates of equal tested order: strict, then without mirrors, then of few elements first (SPEC 8)."""
    return candidate.adaptive, Group.parse(candidate.group).mirrored, candidate.order


def check(candidates: Sequence[Candidate]) -> None:
    """Raise ReportError unless each candidate is a group of its order, is unique, and has one value per regularizer."""
    seen = set()
    for candidate in candidates:
        try:
            group = Group.parse(candidate.group)
        except SettingError as error:
            raise _wrong(str(error)) from None
        if group.order != candidate.order:
            raise _wrong(f"{group} has {group.order} elements, not {candidate.order}")
        if (group, candidate.scenario) in seen:
            raise _wrong(f"{candidate.name} occurs twice")
        seen.add((group, candidate.scenario))
        names = [value.regularizer for value in candidate.values]
        if len(set(names)) < len(names):
            raise _wrong(f"{candidate.name} has two values of one regularizer")


def _wrong(reason: str) -> ReportError:
    return ReportError(f"cannot choose among these candidates ({reason}); measure again with --force")
