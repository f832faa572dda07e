"""What the linear pilot found: which groups a least-squares filter gains or loses by, to and from JSON (SPEC 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from symmetry_audit.results._dataset import DatasetInfo
from symmetry_audit.results._documents import Origin, check_agreement, read_value
from symmetry_audit.results._skipped import SkippedImage

__all__ = ["LINEAR_MARGIN", "LINEAR_VERDICTS", "POINTS", "POINTS_MARGIN", "GainAt", "LinearGain", "LinearPilot"]

LINEAR_MARGIN = 0.02  # dB; a smaller loss is no reason against a group
POINTS, POINTS_MARGIN = "points", 1.0  # percentage points of accuracy; the loss that is no reason against a group
LINEAR_VERDICTS = ("safe", "suspect", "undecided")


@dataclass(frozen=True)
class GainAt:
    """The mean gain in dB of filters from ``images`` training images."""

    images: int
    gain_db: float


@dataclass(frozen=True, kw_only=True)
class LinearGain:
    """How much better the filter symmetrised over ``group`` restores held-out images than the plain one, in dB.

    For classification ``unit`` is "points" instead: the gain in accuracy, in percentage points, of a linear classifier
    that is invariant under the group.

    ``low`` and ``high`` are the ends of the 95 % interval. ``pixels`` is the number of weights of both filters: fewer
    than the window has where turns are interpolated. ``interpolation_db`` is what interpolation alone costs images
    without any direction: 0 for exact turns, None where it is not known. ``curve`` has the gain from fewer training
    images.
    """

    DERIVED = ("verdict",)

    group: str
    pixels: int
    gain_db: float
    low: float
    high: float
    interpolation_db: float | None = 0.0
    curve: tuple[GainAt, ...] = ()
    unit: str = "dB"

    @property
    def verdict(self) -> str:
        """One of ``LINEAR_VERDICTS``: "safe" where the interval is above -0.02 dB or -1 point, "suspect" where below.

        What interpolation costs is no reason against a group, and where that is not known nothing is decided.
        """
        if self.interpolation_db is None:
            return "undecided"
        least = self.interpolation_db - (POINTS_MARGIN if self.unit == POINTS else LINEAR_MARGIN)
        if self.low > least:
            return "safe"
        return "suspect" if self.high < least else "undecided"


@dataclass(frozen=True, kw_only=True)
class LinearPilot:
    """The gains of all groups that were tested, for one task on one set of images.

    ``task`` holds the settings of the task by name, ``task_text`` describes it. ``data`` are the images that were used:
    all of the source, or as many as the limit, drawn with ``seed``. ``window`` is the side of the filter in px. The
    gains are for the images outside one of ``folds`` parts. ``noise`` says how the noise of the task entered: "none",
    "exact" or "drawn". ``accuracy`` is that of the plain classifier; None for tasks that restore images.
    """

    task: Mapping[str, Any]
    task_text: str
    data: DatasetInfo
    window: int
    folds: int
    noise: str
    seed: int
    gains: tuple[LinearGain, ...]
    skipped: tuple[SkippedImage, ...] = ()
    accuracy: float | None = None

    def gain(self, group: str) -> LinearGain | None:
        """The gain of the group called ``group``; None where it was not tested."""
        return next((gain for gain in self.gains if gain.group == group), None)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict, with the verdicts for readers of the file."""
        document = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            **document,
            "task": dict(self.task),
            "data": asdict(self.data),
            "gains": [_gain_document(gain) for gain in self.gains],
            "skipped": [asdict(item) for item in self.skipped],
        }

    @classmethod
    def from_dict(cls, document: Any, where: str = "the linear pilot") -> LinearPilot:
        """The inverse of ``to_dict``. Raises ReportError where it is damaged, or has a field of a newer version."""
        origin = Origin(where, "run the pilot again")
        found = read_value(cls, document, origin)
        check_agreement(document, found.to_dict(), origin)
        return found


def _gain_document(gain: LinearGain) -> dict[str, Any]:
    return {**asdict(gain), "curve": [asdict(point) for point in gain.curve], "verdict": gain.verdict}
