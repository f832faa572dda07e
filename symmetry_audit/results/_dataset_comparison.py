"""Several audits side by side: how much each set of images differs in symmetry from the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from symmetry_audit.results._documents import dump_json

__all__ = [
    "DATASET_COMPARISON_SCHEMA",
    "DIFFERENCE_VERDICTS",
    "RESTORATION_VERDICTS",
    "ROLES",
    "ComparedDataset",
    "ComparedRow",
    "DatasetComparison",
    "DatasetVerdict",
]

DATASET_COMPARISON_SCHEMA = "symaudit.datasetcomparison/1"
ROLES = ("clean", "degraded", "restored")
DIFFERENCE_VERDICTS = ("differs", "does not differ", "not settled")
RESTORATION_VERDICTS = (
    *("restored", "partly restored", "overshot", "not restored"),
    *("nothing to restore", "not settled"),
)


@dataclass(frozen=True, kw_only=True)
class ComparedDataset:
    """One audit of the comparison. ``name`` tells it from the others, ``report`` is its folder.

    ``role`` is one of ROLES in a degradation audit. Of its ``images``, ``shared`` are also in the first set, by the key
    that pairs images.
    """

    name: str
    role: str | None
    report: str
    source: str
    images: int
    shared: int


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """One set of images under one group, scenario, regularizer and scale.

    ``relative_epsilon`` (SPEC 8) with its 95 % bootstrap interval; ``mean_response``, the mean over the images and the
    elements of the group, in the unit of the images; ``response_ratio``, that divided by the first set's.

    All sets but the first have ``difference``, their relative epsilon minus the first's, with its 95 % interval; a
    two-sided bootstrap ``p_value`` of "no difference"; and a ``verdict``, one of DIFFERENCE_VERDICTS. "does
    not differ": the interval lies within the tolerance on both sides of 0. "differs": it does not, and the p-value is
    at most 0.05 after Holm's adjustment for the regularizers of the same set, group, scenario and scale.

    Restored sets of a degradation audit have ``undone``, the share (degraded - restored) / (degraded - clean) of the
    change of relative epsilon that the network undoes, with its 95 % interval, where degraded and clean differ; and
    ``restoration``, one of RESTORATION_VERDICTS. A null value is explained in ``reasons``, by field.
    """

    dataset: str
    role: str | None
    group: str
    scenario: str
    regularizer: str
    sigma: float | None
    downscale: int
    relative_epsilon: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    mean_response: float
    response_ratio: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p_value: float | None = None
    verdict: str | None = None
    undone: float | None = None
    undone_low: float | None = None
    undone_high: float | None = None
    restoration: str | None = None
    reasons: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class DatasetVerdict:
    """The answer for one set beside the first, over all regularizers under one group and scenario, at the first scale.

    ``verdict`` is one of RESTORATION_VERDICTS for a restored set (never "overshot"), of DIFFERENCE_VERDICTS for others.
    """

    dataset: str
    role: str | None
    group: str
    scenario: str
    verdict: str


@dataclass(frozen=True, kw_only=True)
class DatasetComparison:
    """Audits of several sets of images with the same settings; differences are to the first.

    ``key`` says how images are paired, ``paired`` whether every set has the same images by that key. ``settings`` are
    the common ones, ``unit`` is that of mean responses, ``tolerance`` the difference in relative epsilon that does
    not matter. ``group`` and ``scenario`` are what the first sentence is about.
    """

    datasets: tuple[ComparedDataset, ...]
    key: str
    paired: bool
    settings: Mapping[str, Any]
    unit: str
    tolerance: float
    group: str
    scenario: str
    verdicts: tuple[DatasetVerdict, ...]
    rows: tuple[ComparedRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def degradation(self) -> bool:
        """Whether the sets are clean, degraded and restored versions of the same images."""
        return self.datasets[0].role is not None

    def verdict(self, dataset: str) -> DatasetVerdict:
        """The answer for ``dataset`` under ``group`` and ``scenario``."""
        found = (item for item in self.verdicts if item.dataset == dataset)
        return next(item for item in found if (item.group, item.scenario) == (self.group, self.scenario))

    def selected(self, group: str, scenario: str, *, dataset: str | None = None) -> list[ComparedRow]:
        """The rows of one group and scenario at the first scale, of one ``dataset`` or of all."""
        scale = self.rows[0].sigma, self.rows[0].downscale
        chosen = [
            row for row in self.rows if (row.group, row.scenario, row.sigma, row.downscale) == (group, scenario, *scale)
        ]
        return [row for row in chosen if dataset in (None, row.dataset)]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first."""
        return {"schema": DATASET_COMPARISON_SCHEMA, **asdict(self)}

    def to_json(self) -> str:
        """``to_dict`` as text, without NaN or Infinity."""
        return dump_json(self.to_dict())
