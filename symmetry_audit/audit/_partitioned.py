"""A run in partitions: each is measured here or on a cluster and kept as one part, until all are there (SPEC 16)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from itertools import chain
from typing import Any

import numpy as np

from symmetry_audit.audit._arithmetic import joint_arithmetic
from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._journal import Journal
from symmetry_audit.audit._masks import Masks
from symmetry_audit.audit._measure_partition import (
    Job,
    Measure,
    MeasuredPart,
    PartitionTask,
    Pool,
    measure_partition,
)
from symmetry_audit.audit._measurements import Measurements
from symmetry_audit.audit._memory import SHARE, Room, free_memory, memory_of
from symmetry_audit.audit._partition import NAMES, Partition, partition_count, partitions
from symmetry_audit.audit._plan import StrictBank
from symmetry_audit.audit._pool import pooled, single_threaded
from symmetry_audit.audit._run import image_plans, nothing_measured
from symmetry_audit.audit._running import RunningEpsilon
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._skipped import skipped_images
from symmetry_audit.audit._spread import measured_apart, measured_there
from symmetry_audit.audit._store import PartEntry, Store
from symmetry_audit.audit._units import check_unit
from symmetry_audit.data import Beside, ImageSource, ShardedSource, pixel_count
from symmetry_audit.results import SkippedImage

__all__ = ["WHOLE", "Share", "Spread", "measure_parts"]

# runs tasks somewhere: the first function measures one, the second does it where an image ends processes
Worker = Callable[[PartitionTask], MeasuredPart]
Spread = Callable[[Worker, Iterator[PartitionTask], Worker], Iterator[MeasuredPart]]
Share = tuple[int, int]
WHOLE = (1, 1)
Progress = Callable[[int, int], None]  # images done, images in all as far as known


@dataclass(frozen=True)
class _Run:
    """A run that is under way, with what its tasks have in common."""

    source: ImageSource | ShardedSource
    settings: AuditSettings
    journal: Journal
    store: Store
    common: Mapping[str, Any]  # fields of a task
    share: Share

    def missing(self) -> Iterator[PartitionTask]:
        """The tasks of the run's share that are not done, in order."""
        for partition in partitions(self.source, self.settings):
            stamp = self.stamps.get(partition.number)
            if stamp is not None and not self.store.has(partition.number, stamp):
                known = self._known(partition)
                yield PartitionTask(partition.anywhere(), self.settings, stamp, known=known, **self.common)

    @cached_property
    def stamps(self) -> dict[int, str]:
        """Those of the partitions of the run's share, by number: taken once, before anything is measured."""
        mine = filter(self._is_mine, partitions(self.source, self.settings))
        return {partition.number: partition.stamp() for partition in mine}

    @property
    def done(self) -> list[PartEntry]:
        """The parts of the run's share that are there, with images as they were."""
        entries = ((self.store.entry(number), stamp) for number, stamp in self.stamps.items())
        return [entry for entry, stamp in entries if entry is not None and self.store.has(entry.number, stamp)]

    def _is_mine(self, partition: Partition) -> bool:
        k, n = self.share
        return partition.number % n == k - 1

    def _known(self, partition: Partition) -> dict[str, ImageRecord]:
        """What the journal and older parts hold of the images of a partition."""
        if partition.shard is not None:  # the journal holds images of one shard, which was in work
            known, names = self.store.known_shard(partition.names()), list(self.journal.images)
        else:
            known = self.store.known(partition.refs[0].key, partition.refs[-1].key)
            names = [ref.key for ref in partition.refs if ref.key in self.journal.images]
        return known | {name: self.journal.read(name) for name in names}

    def keep(self, part: MeasuredPart) -> None:
        """Store a part; what the journal holds of its images is then dropped."""
        self.store.put(part.entry, part.data)
        first, last = part.entry.first, part.entry.last
        if first is not None and last is not None:
            self.journal.drop([name for name in self.journal.images if first <= name <= last])


def measure_parts(
    source: ImageSource | ShardedSource,
    settings: AuditSettings,
    journal: Journal,
    *,
    spread: Spread | None = None,
    share: Share = WHOLE,
    device: str = "cpu",
    workers: int = 1,
    on_error: str = "skip",
    given: Mapping[str, np.ndarray] | None = None,
    masks: Masks | None = None,
    progress: Progress = lambda done, total: None,
    estimate: Callable[[float], None] = lambda value: None,
) -> Measurements | None:
    """Measure every partition of ``source`` that has no part yet in the folder of ``journal``: on the workers that
    ``spread`` reaches, or here, ``workers`` images at a time, each kept by the journal until its partition is done.

    With a ``share`` (K, N) only the partitions K, K + N, ... counted from 1 are measured, and None is returned while
    others are missing. The other arguments, and the errors, are those of ``measure_source``.
    """
    common = {"device": device, "on_error": on_error, "given": given, "masks": masks}
    run = _Run(source, settings, journal, Store(journal.folder), common, share)
    # workers make plans of their own: those of a GPU cannot be made on a machine that has none
    banks, plans = image_plans(settings, device if spread is None else "cpu", given)
    count, running = _Count(run, progress), RunningEpsilon(banks[0])
    if spread is None:

        def each(record: ImageRecord | None) -> None:
            if record is not None:
                journal.append(record)
                estimate(running.add(record.arrays["strict"][0]))
            count.add(1)

        pool = _pool(Measure(settings, plans, masks), workers, device)
        with single_threaded():
            for task in run.missing():
                part = measure_partition(task, pool, each)
                run.keep(part)
                count.part(part.entry)
    else:
        for part in spread(measured_there, run.missing(), measured_apart):
            run.keep(part)
            count.part(part.entry)
            if part.entry.images:
                estimate(running.add(part.loud))
            count.add(part.entry.images + part.entry.skipped)
    gpu = spread is not None and device == "cuda"
    engines = ("on the GPUs of a cluster",) * len(plans) if gpu else tuple(str(plan.strict) for plan in plans)
    return _measurements(run, banks, engines)


def _pool(measure: Measure, workers: int, device: str) -> Pool:
    """The threads of this process, with no more images at a time than there is memory for."""
    room = Room(SHARE * free_memory())

    def roomy(job: Job) -> ImageRecord:
        pixels = pixel_count(job.ref, measure.settings.max_pixels)
        with room.taken(memory_of(pixels, controlled=job.controlled)):
            return measure(job)

    return lambda jobs: pooled(roomy, jobs, workers, device)


class _Count:
    """The images that are done, of those in all; of shards that were not read yet the number is a guess."""

    def __init__(self, run: _Run, progress: Progress) -> None:
        self._run, self._progress = run, progress
        self._done = sum(entry.images + entry.skipped for entry in run.done)
        self._in_parts, self._parts = self._done, len(run.done)
        self.add(0)

    def add(self, images: int) -> None:
        """So many more are done."""
        self._done += images
        self._progress(self._done, self._total())

    def part(self, entry: PartEntry) -> None:
        """All images of one more part are done."""
        self._in_parts += entry.images + entry.skipped
        self._parts += 1

    def _total(self) -> int:
        if isinstance(self._run.source, ImageSource) and self._run.share == WHOLE:
            return len(self._run.source.refs)
        each = self._in_parts / self._parts if self._parts else NAMES
        return max(self._done, round(each * len(self._run.stamps)))


def _measurements(run: _Run, banks: tuple[StrictBank, ...], engines: tuple[str, ...]) -> Measurements | None:
    """What all parts hold; None where some are missing. Raises DataError where units differ or there is no image."""
    numbers = range(partition_count(run.source))
    entries = [entry for entry in map(run.store.entry, numbers) if entry is not None]
    if len(entries) < len(numbers):
        return None
    run.store.finish(len(numbers))
    units: dict[str, str] = {}
    for entry in entries:
        if entry.first is not None and entry.unit is not None:
            check_unit(units, entry.first, entry.unit)
    beside = Beside()
    for entry in entries:
        if entry.beside:
            beside.merge(Beside.from_dict(entry.beside))
    if not units:
        raise nothing_measured(list(_Skipped(run, len(numbers))))
    return Measurements(
        banks=banks,
        images=sum(entry.images for entry in entries),
        controlled=sum(entry.controlled for entry in entries),
        skipped=_Skipped(run, len(numbers)),
        unit=next(iter(units)),
        engines=engines,
        arithmetic=joint_arithmetic(entry.arithmetic for entry in entries),
        remarks=beside.remarks(),
        records=lambda: chain.from_iterable(map(run.store.read, numbers)),
    )


@dataclass(frozen=True)
class _Skipped:
    """The skipped images in order, of shards read part by part each time."""

    run: _Run
    parts: int

    def __iter__(self) -> Iterator[SkippedImage]:
        source, found = self.run.source, chain.from_iterable(map(self.run.store.skipped, range(self.parts)))
        if isinstance(source, ImageSource):  # tiles are counted by their picture
            failures = {item.image: item.reason for item in found}
            found = sorted(skipped_images(source.refs, failures), key=_place)
        return merge(sorted(source.skipped, key=_place), found, key=_place)


def _place(item: SkippedImage) -> tuple[str, str]:
    return item.image, item.reason
