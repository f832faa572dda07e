"""Is the network equivariant? Yes, no or cannot tell, with the numbers behind it (SPEC 15)."""

from __future__ import annotations

from math import sqrt

from symmetry_audit.actions import is_exact
from symmetry_audit.alignment._words import WHERE, grey_levels, percent
from symmetry_audit.groups import Group
from symmetry_audit.results import DATASET_STRICT, Alignment, MeanAlignment, ScenarioAlignment

__all__ = ["CANNOT_TELL", "answer", "answered"]

YES, NO, CANNOT_TELL = "yes", "no", "cannot tell"
ROUNDING = 1e-4  # relative error that rounding in float32 explains
CLEAR = 1e-3  # the floor is an estimate: less above it is no evidence


def answer(item: ScenarioAlignment) -> str:
    """Whether the network is equivariant under the elements of ``item``: "yes", "no" or "cannot tell".

    No where the error of an element is clearly above its floor, yes where no error is above rounding. Otherwise a floor
    may hide an error, or the output is constant.
    """
    means = item.elements[1:]
    if any(mean.relative is None for mean in means):
        return CANNOT_TELL
    if any(mean.excess is not None and mean.excess > (CLEAR if mean.floor else ROUNDING) for mean in means):
        return NO
    small = all(mean.relative is not None and mean.relative <= ROUNDING for mean in means)
    return YES if small else CANNOT_TELL


def answered(item: ScenarioAlignment, alignment: Alignment) -> str:
    """The answer in a sentence, in grey levels and in percent, beside the error of the restoration."""
    means, found = item.elements, answer(item)
    others = range(1, len(means))
    if any(means[index].relative is None for index in others):
        return f"Cannot tell: under {WHERE[item.scenario]} the output is constant, so there is no relative error."
    worst = item.worst(others)
    if found == NO:
        clear = max(others, key=lambda index: means[index].excess or 0.0)
        largest = "" if clear == worst else f"; {_angle(alignment, worst)}: {_share(means[worst])}"
        return f"No: {_size(item, alignment, clear, '' if largest else ' at worst')}{_grid(means[clear])}{largest}."
    if found == YES:
        return f"Yes: {_size(item, alignment, worst)}, which is rounding."
    exact = "; quarter turns and mirrors alone, which need no resampling: yes" if _exact(item, alignment) else ""
    return f"Cannot tell: {_size(item, alignment, worst)}{_grid(means[worst])}{exact}."


def _size(item: ScenarioAlignment, alignment: Alignment, index: int, worst: str = " at worst") -> str:
    """The error of element ``index``."""
    mean, loss = item.elements[index], item.restoration_rms
    rms = sqrt(mean.error)
    beside = f", and {percent(rms / loss)} of its error to the clean image ({grey_levels(loss)} RMS)" if loss else ""
    return (
        f"under {WHERE[item.scenario]} the output differs by {grey_levels(rms)} RMS{worst} "
        f"({alignment.group}, {_angle(alignment, index)}), {percent(mean.relative)} of its contrast{beside}"
    )


def _angle(alignment: Alignment, index: int) -> str:
    mirror = " after the mirror" if alignment.mirrored[index] else ""
    return f"{alignment.elements[index]}, {alignment.angles_deg[index]:g} degrees{mirror}"


def _grid(mean: MeanAlignment) -> str:
    if not mean.floor:
        return ""
    if not mean.excess:
        return f", hardly more than the pixel grid alone causes ({percent(mean.relative_floor)})"
    return f"; the pixel grid alone causes {percent(mean.relative_floor)}"


def _share(mean: MeanAlignment) -> str:
    return f"{percent(mean.relative)}, of which the pixel grid alone causes up to {percent(mean.relative_floor)}"


def _exact(item: ScenarioAlignment, alignment: Alignment) -> bool:
    """Whether there are elements that only move pixels, and the error is rounding at all of them."""
    elements = Group.parse(alignment.group).elements
    moves = [mean.relative for mean, one in zip(item.elements, elements, strict=True) if is_exact(one.matrix())][1:]
    small = all(value is not None and value <= ROUNDING for value in moves)
    return item.scenario == DATASET_STRICT.name and bool(moves) and small
