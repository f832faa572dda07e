"""The bounds of the theorems for a measured symmetry, as frozen values, to and from JSON (SPEC 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

from symmetry_audit.results._documents import Origin, read_value

__all__ = ["AS_PRINTED", "BOUNDS_SCHEMA", "Bound", "BoundRow", "RunBounds", "Smoothness"]

BOUNDS_SCHEMA = "symaudit.bounds/1"
ORIGIN = Origin("the bounds document", "compute them again with `symaudit bounds`")
AS_PRINTED = "3.7 as printed"  # the theorem with the constants of [SA]


@dataclass(frozen=True, kw_only=True)
class Smoothness:
    """Bounds F, G, H on a function's size, its gradient's length and its Hessian's operator norm, over its domain.

    Of images: values in [0, 1], G per unit of length and H per squared unit, where the unit is a px in RunBounds and
    half the side of the square [-1, 1]^2 in the theorems. ``estimator`` says where the three come from.
    Raises ReportError where one is negative or no finite number.
    """

    value: float
    gradient: float
    hessian: float
    estimator: str = "given"

    def __post_init__(self) -> None:
        for name in ("value", "gradient", "hessian"):
            _check_number(getattr(self, name), f"the smoothness's {name}")


@dataclass(frozen=True, kw_only=True)
class Bound:
    """An upper bound on a squared equivariance error: the sum of the named ``terms``.

    The unit is that of an integral of squared intensities in [0, 1] over the domain. ``trivial`` is the bound that
    holds for any operator whose output is in the same range; a bound above it says nothing and is ``vacuous``.
    Raises ReportError where a term is negative or no finite number.
    """

    DERIVED = ("total", "vacuous")

    theorem: str
    terms: Mapping[str, float]
    trivial: float

    def __post_init__(self) -> None:
        for name, value in (*self.terms.items(), ("trivial", self.trivial)):
            _check_number(value, f"{name} of {self.theorem}")

    @property
    def total(self) -> float:
        """The bound itself, the sum of its terms."""
        return sum(self.terms.values())

    @property
    def vacuous(self) -> bool:
        """Whether the bound is above the trivial one."""
        return self.total > self.trivial

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict, with ``total`` and ``vacuous`` for readers of the file."""
        return {**asdict(self), "terms": dict(self.terms), "total": self.total, "vacuous": self.vacuous}


@dataclass(frozen=True, kw_only=True)
class BoundRow:
    """The bounds for one regularizer and scenario of a run; ``epsilon`` is Eq. (8) in the run's unit.

    ``bounds`` are those of Theorems 3.3 and 3.7, of Theorem 3.7 as printed where RunBounds has ``points``, and of
    Theorem 4.2 where a fitting error was given. Where kappa was given, ``allowed_epsilon`` is the largest epsilon at
    which a group of this order pays by Eq. (46), in the run's unit (negative where nothing pays), and ``pays`` says
    whether this group does.
    """

    regularizer: str
    scenario: str
    group: str
    sigma: float | None
    downscale: int
    epsilon: float
    bounds: tuple[Bound, ...]
    allowed_epsilon: float | None = None
    pays: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {**_shallow(self), "bounds": [bound.to_dict() for bound in self.bounds]}


@dataclass(frozen=True, kw_only=True)
class RunBounds:
    """The bounds for every row of a run, and the values that they are computed from.

    ``mu`` is the strong convexity of the energy whose regularizer has weight 1, ``area`` that of the square around
    the domain of radius 1, ``unit`` that of epsilon, ``loss`` the fitting error L of Theorem 4.2, ``kappa`` that of
    Eq. (46) in the unit of epsilon; None where they were not given. ``smoothness`` is per px: on the domain, where
    h = 2/m, G and H are divided by h and h^2, and C h^2 is the same for every m. The printed C h^2 depends on m:
    ``points`` is that m, None where the printed bound was not computed.
    """

    DERIVED = ("schema",)

    dataset: str
    images: int
    unit: str
    mu: float
    area: float
    smoothness: Smoothness
    rows: tuple[BoundRow, ...]
    loss: float | None = None
    kappa: float | None = None
    points: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first."""
        nested = {"smoothness": asdict(self.smoothness), "rows": [row.to_dict() for row in self.rows]}
        return {"schema": BOUNDS_SCHEMA, **_shallow(self), **nested}

    @classmethod
    def from_dict(cls, document: Any) -> RunBounds:
        """The inverse of ``to_dict``. Raises ReportError where it is damaged or of another or a newer schema."""
        ORIGIN.check_schema(document, BOUNDS_SCHEMA)
        return read_value(cls, document, ORIGIN)


def _shallow(value: Any) -> dict[str, Any]:
    return {item.name: getattr(value, item.name) for item in fields(value)}


def _check_number(value: Any, name: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and isfinite(value) and value >= 0):
        raise ORIGIN.damaged(f"{name} is {value!r}")
