"""How closely a recomputed report has to agree, by what run.json says of the arithmetic of both runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from symmetry_audit.results import DATASET_ADAPTIVE

__all__ = ["OTHER", "SAME", "UNRECORDED", "Tolerance", "tolerance_between"]


@dataclass(frozen=True)
class Tolerance:
    """How much the numbers of two runs may differ.

    ``strict`` and ``fitted`` are shares of the mean response, in rows under rotations and where a fitted w decides:
    minima are flat, so w itself agrees less well. ``single`` is the share for one image under its own w, of which a
    mean over n images keeps 1/n. ``w`` is of (a, b) and the ratio, ``p_value`` of p-values, of whose 999 draws a few
    are within rounding of epsilon. ``flips`` is the share of images whose w may be at its limit in one run alone,
    ``needed`` the share of a number of images, which has two digits. ``relative`` is a share of the number itself,
    beside the others; where it is above 0, ties have to come out alike too.
    """

    strict: float
    fitted: float
    single: float
    w: float = 0.02
    p_value: float = 0.02
    flips: float = 0.01
    needed: float = 0.1
    relative: float = 0.0

    @property
    def same(self) -> bool:
        """Whether both runs have the same arithmetic, so that their numbers are the same bits."""
        return self.relative > 0

    def over(self, images: int) -> Tolerance:
        """The tolerance of means over so few ``images`` that one of them may decide."""
        return replace(self, fitted=max(self.fitted, self.single / images))

    def of(self, scenario: str) -> float:
        """How much rows of ``scenario`` may differ, as a share of the mean response."""
        return self.fitted if scenario == DATASET_ADAPTIVE.name else self.strict

    def allows(self, old: Any, new: Any, limit: float | None) -> bool:
        """Whether numbers, or lists of numbers, differ by at most ``limit``; all else, and without limit, is equal."""
        if limit is None:
            return old == new
        if isinstance(old, list) and isinstance(new, list):
            return len(old) == len(new) and all(self.allows(a, b, limit) for a, b in zip(old, new, strict=True))
        if not all(isinstance(value, int | float) for value in (old, new)):
            return old == new
        return abs(old - new) <= limit + self.relative * abs(new)


SAME = Tolerance(1e-13, 1e-13, 1e-13, w=1e-13, p_value=1e-13, flips=0, needed=0, relative=1e-9)
OTHER = Tolerance(1e-5, 3e-4, 5e-3)  # what processors agree to
UNRECORDED = Tolerance(1e-4, 5e-3, 5e-3)  # the same of older versions, whose numbers depended on the cores, and of GPUs


def tolerance_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Tolerance, str]:
    """The tolerance between two runs, by their run.json, and in words which it is and why."""
    if not isinstance(old.get("arithmetic"), Mapping):
        return UNRECORDED, f"{_shares(UNRECORDED)}: run.json does not record the arithmetic of the report"
    if "cuda" in (old.get("device"), new.get("device")):
        return UNRECORDED, f"{_shares(UNRECORDED)}: a GPU rounds otherwise"
    if changed := "; ".join(_changed(old, new)):
        return OTHER, f"{_shares(OTHER)}, as between processors: {changed}"
    return SAME, f"numbers may differ by {SAME.relative:g} of themselves: same processor capability and versions"


def _shares(tolerance: Tolerance) -> str:
    return f"strict numbers may differ by {tolerance.strict:g} of the mean response, adaptive by {tolerance.fitted:g}"


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What differs between the runs, as far as both say it: torch is silent where it was not in use."""
    if old.get("engines") != new.get("engines"):
        yield "responses are computed in another way"
    for part in ("arithmetic", "versions"):
        before, now = old.get(part), new[part]
        if not isinstance(before, Mapping):
            yield f"{part} are not recorded"
            continue
        for name in now:
            if name in before and before[name] != now[name]:
                yield f"{name} is {_text(now[name])}, was {_text(before[name])}"


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
