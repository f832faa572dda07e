"""Is the law of the images symmetric (SPEC 8 a)? A verdict from the numbers of several regularizers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np

__all__ = ["FEWEST_IMAGES", "LawEvidence", "holm", "images_to_show", "law"]

FEWEST_IMAGES = 10  # below it neither the interval nor the test says anything (SPEC 6)
LEVEL = 0.01  # of the test over all regularizers
OUTER = 200  # draws that stand for datasets; the others stand for their resamples


@dataclass(frozen=True, kw_only=True)
class LawEvidence:
    """What one regularizer that sees a group found: fractions of its mean response over the group.

    ``p_value`` is that of the invariance test, ``ci_low`` to ``ci_high`` the 95 % interval of relative epsilon, and
    ``floor`` the relative epsilon that the pixel grid alone produces. None where there is none.
    """

    regularizer: str
    p_value: float | None
    ci_low: float | None
    ci_high: float | None
    floor: float = 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values (n,) adjusted for n tests, in their order: at most alpha for any true hypothesis with probability
    alpha, whatever the dependence (Holm, Scandinavian Journal of Statistics 1979).

    The k-th smallest is multiplied by n - k + 1, and raised to that of every smaller one.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        largest = min(max(largest, (len(p_values) - rank) * p_values[at]), 1.0)
        adjusted[at] = largest
    return adjusted


def law(found: Sequence[LawEvidence], *, images: int, tolerance: float = 0.05) -> tuple[str, LawEvidence | None]:
    """The verdict on a group and the evidence that decides it; ``found`` are the regularizers that see the group.

    The verdict is "refuted", "shown", "not settled" or "not tested". A regularizer whose upper limit is at most
    ``tolerance`` shows the group symmetric up to that: "shown" where all do. "refuted" where one that does not has an
    adjusted p-value of at most 0.01 and a lower limit above twice its floor. So with ever more images a group whose
    true relative epsilon is below the tolerance ends as shown, and one above it as refuted. "not tested" where nothing
    sees the group, or for fewer than 10 images.

    B random shifts give no p-value below 1 / (B + 1), so that 999 of them can refute with ten regularizers at most.
    """
    if not found or images < FEWEST_IMAGES:
        return "not tested", None
    worst = max(found, key=lambda one: float("inf") if one.ci_high is None else one.ci_high)
    if worst.ci_high is not None and worst.ci_high <= tolerance:
        return "shown", worst
    against = [one for one in _refuting(found) if one.ci_high is not None and one.ci_high > tolerance]
    if against:
        return "refuted", max(against, key=lambda one: one.ci_low or 0.0)
    return "not settled", worst


def _refuting(found: Sequence[LawEvidence]) -> Iterable[LawEvidence]:
    """Those whose effect is neither chance nor the pixel grid. A regularizer without a test counts as p = 1."""
    adjusted = holm([1.0 if one.p_value is None else one.p_value for one in found])
    for one, p in zip(found, adjusted, strict=True):
        if p <= LEVEL and one.ci_low is not None and one.ci_low > 2 * one.floor:
            yield one


def images_to_show(
    means: np.ndarray, images: int, *, tolerance: float = 0.05, floors: np.ndarray | None = None, power: float = 0.8
) -> int | None:
    """The number of images at which a symmetric law of this spread would be shown with probability ``power``.

    ``means`` (B, R, E) are ``InvarianceDraws.means()`` of ``images`` images, cut to the R regularizers that see the
    group: mean profiles of datasets that are symmetric in law. Deviations d from flat fall with the square root of the
    number. A resample of dataset b deviates by d_b + d_b', so the upper limit is the 97.5 % quantile over b' of
    the range of d_b + d_b'; the worst regularizer decides, and the ``power`` quantile over b is brought down to
    ``tolerance``, less ``floors`` (R,), the relative epsilons of the pixel grid.
    Two significant digits, rounded up; at least 10. None where a floor leaves nothing of the tolerance, or where some
    regularizer does not respond.
    """
    middle = means.mean(-1, keepdims=True)
    room = tolerance - (np.zeros(means.shape[1]) if floors is None else np.asarray(floors))
    if not means.size or not (middle > 0).all() or not (room > 0).all():
        return None
    gaps = means / middle - 1
    outer = min(OUTER, len(gaps) // 2)
    inner = np.ascontiguousarray(np.moveaxis(gaps[outer:], 0, -1))  # (R, E, B'): the quantile runs over the last axis
    worst = []
    for own in gaps[:outer]:
        moved = inner + own[..., None]
        spread = moved.max(1) - moved.min(1)
        worst.append((np.quantile(spread, 0.975, axis=-1) / room).max())
    return _two_digits(max(images * float(np.quantile(worst, power)) ** 2, FEWEST_IMAGES))


def _two_digits(number: float) -> int:
    """``number`` of at least 10 rounded up to two significant digits."""
    unit = 10 ** max(floor(log10(number)) - 1, 0)
    return ceil(number / unit * (1 - 1e-12)) * unit
