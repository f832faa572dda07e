"""Eq. (46) of [SA]: the cost of a group at a given kappa, and the range of kappa where each group costs least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isfinite, sqrt

from symmetry_audit.errors import SettingError
from symmetry_audit.results import Candidate, CandidateValue
from symmetry_audit.theory._candidates import is_trivial, preference

__all__ = ["error_terms", "kappa_intervals", "with_intervals"]

TIE = 1e-9  # relative; errors this close are rounding apart, as in Eq. (8)


def kappa_intervals(epsilons: Sequence[float], orders: Sequence[int]) -> list[tuple[float, float] | None]:
    """The interval (low, high) of kappa >= 0 in which each group costs least; None where it never does.

    A group of order t with error epsilon costs kappa / sqrt(t) + epsilon, a line in kappa whose slope falls as t
    grows: it pays, against the trivial group (t = 1, epsilon = 0), where epsilon < kappa (1 - 1 / sqrt(t)), Eq. (46)
    of [SA]. The intervals are those of the lower envelope of the lines: they cover kappa >= 0 without overlap, and
    the last interval ends at infinity. ``epsilons`` and kappa share a unit. Of equal lines the first has the interval.
    Raises SettingError where the two lists differ in length, are empty, or hold an impossible number.

    >>> kappa_intervals([0.0, 1.0, 5.0], [1, 4, 16])
    [(0.0, 2.0), (2.0, 16.0), (16.0, inf)]
    """
    count = len(epsilons)
    if not count or count != len(orders):
        raise SettingError(f"kappa_intervals needs an order for each epsilon, got {len(orders)} for {count}")
    if not all(isfinite(epsilon) and epsilon >= 0 for epsilon in epsilons) or min(orders) < 1:
        raise SettingError("kappa_intervals needs finite epsilons of at least 0 and orders of at least 1")
    slopes = [1 / sqrt(order) for order in orders]
    intervals: list[tuple[float, float] | None] = [None] * count
    low, best = 0.0, min(range(count), key=lambda at: (epsilons[at], slopes[at]))
    while best is not None:
        flatter = [at for at in range(count) if slopes[at] < slopes[best]]
        crossings = [((epsilons[at] - epsilons[best]) / (slopes[best] - slopes[at]), slopes[at], at) for at in flatter]
        high, _, following = min(crossings, default=(inf, 0.0, None))
        if high > low:
            intervals[best] = (low, high)
        low, best = max(low, high), following
    return intervals


def error_terms(value: CandidateValue) -> float:
    """epsilon_G plus the fitting and grid terms of Eq. (46), in the unit of epsilon.

    The grid term is the floor. The fitting term of an adaptive group is the growth of relative epsilon on blocks that w
    was not fitted on, where blocks were held out; both are fractions of the mean response. Any further cost of fitting
    w in a network is not known.
    """
    growth = max((value.held_out_epsilon or 0.0) - (value.relative_epsilon or 0.0), 0.0)
    return value.epsilon + (growth + (value.floor or 0.0)) * value.mean_response


def with_intervals(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with ``kappa_low`` and ``kappa_high`` of every value filled in, regularizer by regularizer.

    Refuted groups compete, since a large kappa outweighs any error. Groups that nothing could have refuted do not, and
    neither do adaptive groups without a gain on held-out blocks. t of Eq. (46) counts the elements this regularizer
    tells apart. Of several groups with the same t the cheapest competes; ties go by ``preference``.
    """
    found: dict[tuple[int, str], tuple[float, float]] = {}
    for name in dict.fromkeys(value.regularizer for candidate in candidates for value in candidate.values):
        lines = _lines(candidates, name)
        intervals = kappa_intervals([cost for cost, _ in lines.values()], list(lines))
        for (_, at), interval in zip(lines.values(), intervals, strict=True):
            if interval is not None:
                found[at, name] = interval
    return [
        replace(
            candidate, values=tuple(_filled(value, found.get((at, value.regularizer))) for value in candidate.values)
        )
        for at, candidate in enumerate(candidates)
    ]


def _lines(candidates: Sequence[Candidate], name: str) -> dict[int, tuple[float, int]]:
    """t -> (error terms, place among the candidates) of the group that competes with this t."""
    lines = {1: (0.0, next(at for at, candidate in enumerate(candidates) if is_trivial(candidate)))}
    for at in sorted(range(len(candidates)), key=lambda at: preference(candidates[at])):
        for value in candidates[at].values:
            if value.regularizer == name and _competes(candidates[at], value):
                order, cost = value.classes, error_terms(value)
                if order not in lines or cost < lines[order][0] * (1 - TIE):
                    lines[order] = (cost, at)
    return lines


def _competes(candidate: Candidate, value: CandidateValue) -> bool:
    seen = candidate.verdict != "not tested" and value.tested and value.relative_epsilon is not None
    return seen and (value.gains or not candidate.adaptive)


def _filled(value: CandidateValue, interval: tuple[float, float] | None) -> CandidateValue:
    low, high = interval or (None, None)
    return replace(value, kappa_low=low, kappa_high=None if high == inf else high)
