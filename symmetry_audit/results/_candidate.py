"""The groups that could be built into a network, each with what was measured of it (SPEC 8)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from symmetry_audit.results._documents import Origin
from symmetry_audit.results._scenario import DATASET_ADAPTIVE, DATASET_STRICT, Scenario

__all__ = ["LAWS", "ORIGIN", "Candidate", "CandidateValue"]

ORIGIN = Origin("the recommendation", "measure again with --force")
# whether the distribution of the images has the symmetry of a group (SPEC 8 a); "" before the decision
LAWS = ("shown", "refuted", "not settled", "not tested")
REQUIRED = ("downscale", "classes", "mean_response", "epsilon")  # numbers of a value that are never null
MOST = {"p_value": 1}
LEAST = {"downscale": 1, "classes": 1, "held_out_gain_low": -float("inf"), "held_out_gain_high": -float("inf")}


@dataclass(frozen=True, kw_only=True)
class CandidateValue:
    """The values of one regularizer for one candidate group, at the first sigma and downscale of the run.

    ``epsilon`` (Eq. (8) of [SA]) and ``mean_response``, the mean over the images and the elements of the group, share a
    unit, grey levels of [0, 255] or their squares; everything else is relative, (max - min) / mean over the elements of
    the group (SPEC 8). ``ci_low`` and ``ci_high`` are the confidence interval of ``relative_epsilon``, ``null_epsilon``
    is the one expected by chance and ``floor`` the one that the pixel grid alone produces (both None where unknown,
    which counts as 0). ``classes`` is the number of elements of the group that the regularizer tells apart, the
    identity's class included; 1 means that it sees nothing.

    Only adaptive candidates have ``held_out_epsilon`` with w fitted on one half of the blocks and measured on the
    other, ``held_out_strict_epsilon`` for w = identity on that same half, and the paired bootstrap interval of strict
    minus adaptive. All are None where the regularizer identifies no w, or nothing was held out.

    ``p_value`` is that of the invariance test for strict candidates, None below 10 images and for adaptive ones.

    ``kappa_low`` to ``kappa_high``, in the unit of epsilon, is the range where the group costs least by Eq. (46).
    ``kappa_low`` is None where the group never does, ``kappa_high`` None where the range has no end.

    Raises ReportError where a number is negative or not finite.
    """

    regularizer: str
    sigma: float | None
    downscale: int
    classes: int
    mean_response: float
    epsilon: float
    relative_epsilon: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    null_epsilon: float | None = None
    p_value: float | None = None
    floor: float | None = None
    held_out_epsilon: float | None = None
    held_out_strict_epsilon: float | None = None
    held_out_gain_low: float | None = None
    held_out_gain_high: float | None = None
    kappa_low: float | None = None
    kappa_high: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.regularizer, str):
            raise ORIGIN.damaged(f"regularizer is {self.regularizer!r}")
        for item in fields(self)[1:]:
            value = getattr(self, item.name)
            if value is None and item.name not in REQUIRED:
                continue
            least, most = LEAST.get(item.name, 0), MOST.get(item.name, float("inf"))
            if value is None or not _is_number(value) or not least <= value <= most:
                raise ORIGIN.damaged(f"{item.name} of {self.regularizer} is {value!r}")

    @property
    def tested(self) -> bool:
        """Whether the regularizer sees any element of the group but the identity."""
        return self.classes > 1

    @property
    def held_out(self) -> bool:
        """Whether w was fitted and measured on different blocks."""
        return self.held_out_epsilon is not None and self.held_out_strict_epsilon is not None

    @property
    def gains(self) -> bool:
        """Whether adapting lowers epsilon on held-out blocks: the paired interval is above 0."""
        fitted, strict = self.held_out_epsilon, self.held_out_strict_epsilon
        better = fitted is not None and strict is not None and fitted < strict
        return better and self.held_out_gain_low is not None and self.held_out_gain_low > 0

    @property
    def upper(self) -> float:
        """The upper confidence limit of relative epsilon; infinite without one."""
        return float("inf") if self.ci_high is None else self.ci_high


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One group that could be built into a network, its measured values, and whether the images have this symmetry.

    ``group`` is text such as "p8"; ``scenario`` says whether all images share its transformations ("dataset_strict")
    or each has its own deformed copy ("dataset_adaptive"). ``order`` counts elements, ``tested_order`` those that the
    regularizers of the run, taken together, tell apart. ``verdict`` is one of LAWS, or "" before the decision, and
    ``reason`` a clause that says why. ``images_needed``: the number of images at which a symmetric law of this spread
    would be shown with probability 0.8; None where it is not known. Raises ReportError where a number or the scenario
    is impossible.
    """

    group: str
    scenario: str
    order: int
    tested_order: int
    values: tuple[CandidateValue, ...]
    verdict: str = ""
    reason: str = ""
    images_needed: int | None = None

    def __post_init__(self) -> None:
        if self.scenario not in (DATASET_STRICT.name, DATASET_ADAPTIVE.name):
            raise ORIGIN.damaged(f"scenario of {self.group} is {self.scenario!r}")
        if self.verdict not in ("", *LAWS):
            raise ORIGIN.damaged(f"verdict on {self.group} is {self.verdict!r}")
        if not (isinstance(self.order, int) and isinstance(self.tested_order, int)):
            raise ORIGIN.damaged(f"orders of {self.group} are {self.order!r} and {self.tested_order!r}")
        if not 1 <= self.tested_order <= self.order:
            raise ORIGIN.damaged(f"{self.tested_order} of {self.order} elements of {self.group} are tested")

    @property
    def adaptive(self) -> bool:
        """Whether every image has its own deformed copy of the group."""
        return self.scenario == DATASET_ADAPTIVE.name

    @property
    def name(self) -> str:
        """The group and how it acts, for example "p8, adaptive"; "p1" for the trivial group, which does nothing."""
        return self.group if self.order == 1 else f"{self.group}, {Scenario.named(self.scenario).profile}"

    @property
    def seen(self) -> tuple[CandidateValue, ...]:
        """The values of the regularizers that see any element of the group but the identity."""
        return tuple(value for value in self.values if value.tested)

    @property
    def worst(self) -> CandidateValue | None:
        """The value of the regularizer with the largest upper limit; None where no regularizer sees anything."""
        return max(self.seen, key=lambda value: value.upper, default=None)

    @property
    def gains(self) -> bool:
        """Whether adapting lowers relative epsilon on held-out blocks, for every regularizer that identifies w."""
        held_out = [value for value in self.seen if value.held_out]
        return bool(held_out) and all(value.gains for value in held_out)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {**asdict(self), "values": [asdict(value) for value in self.values]}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
