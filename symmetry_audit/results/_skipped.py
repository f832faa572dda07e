"""Images that were skipped: one, and what a report says of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["SKIPPED_FILE", "SkippedImage", "SkippedSummary"]

SKIPPED_FILE = "skipped.parquet"  # names all, where a report names some
NAMED = 1000  # in a report
REASONS = 100  # counted apart
OTHER_REASONS = "other reasons"


@dataclass(frozen=True)
class SkippedImage:
    """One ``image`` that was skipped, and the ``reason``."""

    image: str
    reason: str


@dataclass
class SkippedSummary:
    """The ``first`` skipped images, their ``count``, and how many were skipped for each of the first ``reasons``."""

    first: list[SkippedImage] = field(default_factory=list)
    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, skipped: Iterable[SkippedImage]) -> SkippedSummary:
        """Read once, in constant memory."""
        found = cls()
        for item in skipped:
            found.count += 1
            if len(found.first) < NAMED:
                found.first.append(item)
            known = item.reason in found.reasons or len(found.reasons) < REASONS
            found.reasons[item.reason if known else OTHER_REASONS] += 1
        return found
