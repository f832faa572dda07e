"""Measuring one partition, on whichever machine: its images are read once, in order, and become one part."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from symmetry_audit.audit._arithmetic import arithmetic
from symmetry_audit.audit._control_images import control_images
from symmetry_audit.audit._image import ImageRecord, measure_image, strict_arrays
from symmetry_audit.audit._masks import Masks
from symmetry_audit.audit._partition import Partition
from symmetry_audit.audit._parts import part_bytes
from symmetry_audit.audit._plan import ImagePlan
from symmetry_audit.audit._same_images import known_hash
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._store import PartEntry
from symmetry_audit.audit._units import check_unit
from symmetry_audit.audit._unmeasured import reason_to_skip
from symmetry_audit.data import BYTES_PER_PIXEL, Found, ImageRef, Listing, read_alike, streamed_refs
from symmetry_audit.errors import DataError, ImageError
from symmetry_audit.results import SkippedImage

__all__ = ["Job", "Measure", "MeasuredPart", "Outcome", "PartitionTask", "Pool", "measure_partition"]


class Job(NamedTuple):
    """One image to measure, with its strict arrays where they are known."""

    ref: ImageRef
    controlled: bool
    strict: Mapping[str, np.ndarray] | None = None

    @property
    def key(self) -> str:
        """The image's name."""
        return self.ref.key

    @property
    def payload(self) -> bytes | None:
        """Its bytes, where they were read."""
        return self.ref.payload


Outcome = tuple[Job, ImageRecord | ImageError]
# measures images, a few at a time or one by one, and gives the outcomes as they come
Pool = Callable[[Iterator[Job]], Generator[Outcome]]


@dataclass(frozen=True)
class PartitionTask:
    """A partition and all that its numbers depend on; ``known`` are records of its images that an earlier run kept."""

    partition: Partition
    settings: AuditSettings
    stamp: str
    device: str = "cpu"
    on_error: str = "skip"
    known: Mapping[str, ImageRecord] = field(default_factory=dict)
    given: Mapping[str, np.ndarray] | None = None
    masks: Masks | None = None


@dataclass(frozen=True)
class MeasuredPart:
    """A part that can be stored: its entry and its file. ``loud`` (m,) is the sum of strict responses at the first
    scale over the images that were measured just now."""

    entry: PartEntry
    data: bytes
    loud: np.ndarray


@dataclass(frozen=True)
class Measure:
    """Measures the images of partitions by ``plans``."""

    settings: AuditSettings
    plans: Sequence[ImagePlan]
    masks: Masks | None

    def __call__(self, job: Job) -> ImageRecord:
        """The record of one image. Raises ImageError and MemoryError."""
        about = {"controlled": job.controlled, "masks": self.masks, "strict": job.strict}
        return measure_image(job.ref, self.settings, self.plans, **about)

    def one_by_one(self, jobs: Iterator[Job]) -> Generator[Outcome]:
        """The pool of a process that measures one image at a time."""
        for job in jobs:
            try:
                yield job, self(job)
            except ImageError as error:
                yield job, error


def measure_partition(
    task: PartitionTask, pool: Pool, each: Callable[[ImageRecord | None], None] = lambda record: None
) -> MeasuredPart:
    """Measure the images of ``task`` in ``pool``; ``each`` is called after every image, with its record if it is new.

    Raises DataError where its files cannot be read or units differ, and for an image that cannot be measured where
    the task says to fail.
    """
    found = _Partition(task, each)
    _measure(found, pool, _all_controlled(task))
    if isinstance(task.partition.controlled, int) and task.partition.controlled:
        _add_controls(found, pool, task.partition.controlled)
    return found.part()


def _all_controlled(task: PartitionTask) -> Callable[[str], bool]:
    """Which images are measured with controls while the partition is read for the first time."""
    chosen = task.partition.controlled
    return chosen.__contains__ if isinstance(chosen, frozenset) else lambda name: chosen == "all"


def _measure(found: _Partition, pool: Pool, controlled: Callable[[str], bool]) -> None:
    task = found.task

    def jobs() -> Iterator[Job]:
        for ref in found.images():
            record = found.earlier(ref)
            if record is not None and _complete(record, task.settings, controlled(ref.key)):
                found.add(record, new=record.stamp != task.known[ref.key].stamp)
                continue
            strict = strict_arrays(record) if record is not None and task.settings.adaptive else None
            yield Job(ref, controlled(ref.key), strict)

    # closing: an interrupted run waits for the images in work
    with closing(pool(jobs())) as outcomes:
        for job, outcome in outcomes:
            if isinstance(outcome, ImageRecord):
                found.add(outcome, new=True)
            else:
                found.skip(job.key, reason_to_skip(job.ref, outcome, task.on_error))


def _complete(record: ImageRecord, settings: AuditSettings, controlled: bool) -> bool:
    return not settings.adaptive or (record.fitted and record.controlled == controlled)


def _add_controls(found: _Partition, pool: Pool, count: int) -> None:
    """Measure ``count`` images of a shard again, with controls: which they are is known once all names are."""
    settings = found.task.settings.model_copy(update={"control_images": count})
    again = {name for name in control_images(found.records, settings) if not found.records[name].controlled}

    def jobs() -> Iterator[Job]:
        left = set(again)
        for ref in found.images(again=True) if again else ():
            if ref.key in left:
                left.remove(ref.key)
                yield Job(ref, controlled=True, strict=strict_arrays(found.records[ref.key]))
            if not left:
                return

    with closing(pool(jobs())) as outcomes:
        for job, outcome in outcomes:
            if not isinstance(outcome, ImageRecord):
                raise DataError(f"{job.key} was measured and then could not be ({outcome}); run the same command again")
            found.replace(outcome)


class _Partition:
    """What a partition turned out to hold."""

    def __init__(self, task: PartitionTask, each: Callable[[ImageRecord | None], None]) -> None:
        self.task, self._each = task, each
        self.records: dict[str, ImageRecord] = {}
        self._failures: dict[str, str] = {}
        self._beside = Found()
        self._units: dict[str, str] = {}
        self._loud: np.ndarray = np.zeros(())

    def images(self, again: bool = False) -> Iterator[ImageRef]:
        """Those that are to be measured, with their bytes where they are not files of their own."""
        partition, most = self.task.partition, self.task.settings.max_pixels * BYTES_PER_PIXEL
        if partition.shard is None:
            yield from streamed_refs(partition.refs, most)
            return
        listing = Listing(self.task.settings.plane, self.task.settings.file_names)
        yield from partition.shard.images(most, listing, Found() if again else self._beside)

    def earlier(self, ref: ImageRef) -> ImageRecord | None:
        """The record that an earlier run kept of the same file, wherever it is now; it may lack fits or controls."""
        record = self.task.known.get(ref.key)
        if record is None:
            return None
        stamp = ref.stamp()
        if record.stamp == stamp:
            return record
        same = read_alike(stamp, record.stamp) and known_hash(ref, self.task.settings.max_pixels) == record.sha256
        return replace(record, stamp=stamp) if same else None

    def add(self, record: ImageRecord, *, new: bool) -> None:
        """Take the record of one more image. Raises DataError where its unit is another one."""
        check_unit(self._units, record.image, record.unit)
        self.records[record.image] = record
        self._loud = self._loud + record.arrays["strict"][0]
        self._each(record if new else None)

    def replace(self, record: ImageRecord) -> None:
        """Take a record with controls in place of one without."""
        self.records[record.image] = record

    def skip(self, name: str, reason: str) -> None:
        """Leave an image out."""
        self._failures[name] = reason
        self._each(None)

    def part(self) -> MeasuredPart:
        """The part of the records, sorted by name."""
        records = [self.records[name] for name in sorted(self.records)]
        skipped = [*self._beside.skipped, *(SkippedImage(*pair) for pair in self._failures.items())]
        skipped.sort(key=lambda item: (item.image, item.reason))
        data = part_bytes(records, skipped)
        entry = PartEntry(
            number=self.task.partition.number,
            stamp=self.task.stamp,
            sha256=hashlib.sha256(data).hexdigest(),
            images=len(records),
            controlled=sum(record.controlled for record in records),
            skipped=len(skipped),
            first=records[0].image if records else None,
            last=records[-1].image if records else None,
            unit=next(iter(self._units), None),
            names=self.task.partition.names(),
            arithmetic=arithmetic(),
            beside=self._beside.beside.to_dict(),
        )
        return MeasuredPart(entry, data, self._loud)
