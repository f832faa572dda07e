"""What the images of a run respond, wherever their records are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._plan import StrictBank
from symmetry_audit.results import SkippedImage

__all__ = ["Measurements"]


@dataclass(frozen=True)
class Measurements:
    """All records of a run, which are read one by one and may be read several times, and the skipped images."""

    banks: tuple[StrictBank, ...]  # one per sigma
    images: int
    controlled: int  # images that were measured with controls
    skipped: Iterable[SkippedImage]  # in order, and as often as it is asked for
    unit: str  # of the luminance of all images
    engines: tuple[str, ...]  # how strict responses are computed, in words; one per sigma
    records: Callable[[], Iterator[ImageRecord]]  # in the order of the run, which is that of the names
    arithmetic: Mapping[str, Any] = field(default_factory=dict)  # of the processes that measured parts
    remarks: tuple[str, ...] = ()  # what a report should say about files that were found while shards were read
