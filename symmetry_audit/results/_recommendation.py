"""The choice of a group for a dataset, as frozen values, to and from JSON (SPEC 8)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from symmetry_audit.results._documents import Origin, read_value
from symmetry_audit.results._scenario import DATASET_ADAPTIVE, DATASET_STRICT, Scenario

__all__ = ["RECOMMENDATION_SCHEMA", "VERDICTS", "Candidate", "CandidateValue", "Recommendation"]

RECOMMENDATION_SCHEMA = "symaudit.recommendation/1"
ORIGIN = Origin("the recommendation", "measure again with --force")
# the verdict on a candidate: its interval is above its limit (refuted) or reaches above it (not shown), held-out
# blocks do not show that adapting helps (no gain), and so on; "" before the decision
VERDICTS = (
    "admissible",
    "refuted",
    "not shown",
    "no gain",
    "does not pay",
    "not measured",
    "not tested",
)
REQUIRED = ("downscale", "classes", "mean_response", "epsilon")  # numbers of a value that are never null
LEAST = {"downscale": 1, "classes": 1, "held_out_gain_low": -float("inf"), "held_out_gain_high": -float("inf")}


@dataclass(frozen=True, kw_only=True)
class CandidateValue:
    """The values of one regularizer for one candidate group, at the first sigma and downscale of the run.

    ``epsilon`` (Eq. (8) of [SA]) and ``mean_response``, the mean over the images and the elements of the group, share a
    unit, grey levels of [0, 255] or their squares; everything else is relative, (max - min) / mean over the elements of
    the group (SPEC 8; :class:`Recommendation` says of which reports this is not true). ``ci_low`` and ``ci_high`` are
    the confidence interval of ``relative_epsilon``, ``null_epsilon`` is the one expected by chance and ``floor`` the
    one that the pixel grid alone produces (both None where unknown, which counts as 0). ``classes`` is the number of
    elements of the group that the regularizer tells apart, the identity's class included; 1 means that it sees
    nothing.

    Only adaptive candidates have ``held_out_epsilon`` with w fitted on one half of the blocks and measured on the
    other, ``held_out_strict_epsilon`` for w = identity on that same half, and the paired bootstrap interval of strict
    minus adaptive. All are None where the regularizer identifies no w, or nothing was held out.

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
            if not _is_number(value) or value < LEAST.get(item.name, 0):
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

    def limit(self, tolerance: float) -> float:
        """The relative epsilon up to which the group is admissible: max(floor + null, tolerance), SPEC 8."""
        return max((self.floor or 0.0) + (self.null_epsilon or 0.0), tolerance)

    def excess(self, tolerance: float) -> float:
        """How far the upper confidence limit, or epsilon itself without one, is above ``limit`` (negative if below)."""
        upper = self.relative_epsilon if self.ci_high is None else self.ci_high
        return (upper or 0.0) - self.limit(tolerance)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One group that could be built into a network, its measured values, and the verdict on it.

    ``group`` is text such as "p8"; ``scenario`` says whether all images share its transformations ("dataset_strict")
    or each has its own deformed copy ("dataset_adaptive"). ``order`` counts elements, ``tested_order`` those that the
    regularizers of the run, taken together, tell apart. ``verdict`` is one of VERDICTS, or "" before the decision,
    and ``reason`` a clause that says why. Raises ReportError where an order or the scenario is impossible.
    """

    DERIVED = ("admissible",)

    group: str
    scenario: str
    order: int
    tested_order: int
    values: tuple[CandidateValue, ...]
    verdict: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.scenario not in (DATASET_STRICT.name, DATASET_ADAPTIVE.name):
            raise ORIGIN.damaged(f"scenario of {self.group} is {self.scenario!r}")
        if self.verdict not in ("", *VERDICTS):
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
    def admissible(self) -> bool:
        """Whether it may be recommended."""
        return self.verdict == "admissible"

    def worst(self, tolerance: float) -> CandidateValue | None:
        """The value of the regularizer that speaks most against it; None where no regularizer sees anything."""
        return max((value for value in self.values if value.tested), key=lambda v: v.excess(tolerance), default=None)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict, with ``admissible`` for readers of the file."""
        return {**asdict(self), "values": [asdict(value) for value in self.values], "admissible": self.admissible}


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The group that a report supports: ``group`` and ``scenario`` of one of ``candidates``, and ``sentence`` why.

    ``tolerance`` is the relative epsilon that is accepted in any case; ``kappa`` the worth of a larger group by
    Eq. (46) of [SA] in ``unit``, the unit of epsilon, or None where it was not given. ``images`` counts the images
    behind the values. ``notes`` are sentences about evidence that the choice does not use. ``relative_to`` is what the
    relative numbers of the candidates are divided by: "mean", as CandidateValue says, or in reports of the first schema
    "identity", |f_0 - f_t| / f_0, whose ``mean_response`` is that at the identity.
    """

    DERIVED = ("schema",)

    group: str
    scenario: str
    sentence: str
    tolerance: float
    kappa: float | None
    unit: str
    images: int
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()
    relative_to: str = "identity"

    @property
    def chosen(self) -> Candidate:
        """The recommended one of ``candidates``. Raises ReportError where it is none of them."""
        for candidate in self.candidates:
            if (candidate.group, candidate.scenario) == (self.group, self.scenario):
                return candidate
        raise ORIGIN.damaged(f"{self.group} is none of its candidates")

    def to_dict(self) -> dict[str, Any]:
        """The block "recommendation" of report.json."""
        document = {item.name: getattr(self, item.name) for item in fields(self)}
        listed = {"candidates": [candidate.to_dict() for candidate in self.candidates], "notes": list(self.notes)}
        return {**document, **listed}

    @classmethod
    def from_dict(cls, document: Any) -> Recommendation:
        """The inverse of ``to_dict``, also with the schema that `symaudit recommend --json` prints.

        Raises ReportError where it is damaged or of another or a newer schema.
        """
        if isinstance(document, dict) and "schema" in document:
            ORIGIN.check_schema(document, RECOMMENDATION_SCHEMA)
        return read_value(cls, document, ORIGIN)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
