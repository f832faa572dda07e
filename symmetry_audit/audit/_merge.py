"""Parts that several runs measured of one source, in one folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from symmetry_audit.audit._journal import Journal
from symmetry_audit.audit._partition import Partition, partition_count, partitions
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._store import PartEntry, Store
from symmetry_audit.data import ImageSource, ShardedSource
from symmetry_audit.errors import DataError, ReportError

__all__ = ["PartialRun", "merge_parts", "partial_run"]

SHOWN = 5  # partitions that a message names


@dataclass(frozen=True)
class PartialRun:
    """The run in ``folder``: what it measures, and how much is there."""

    folder: Path
    source: str
    settings: AuditSettings
    partitions: int
    images: int
    skipped: int


def partial_run(folder: Path) -> PartialRun:
    """What ``folder`` holds. Raises ReportError where that is no run in partitions."""
    source, settings = Journal.header(folder)
    store = Store(folder)
    if not len(store):
        raise ReportError(f"{folder} holds no parts; `symaudit measure --part` and `--cluster` write them")
    entries = list(store.entries())
    images, skipped = sum(entry.images for entry in entries), sum(entry.skipped for entry in entries)
    return PartialRun(folder, source, settings, len(entries), images, skipped)


def merge_parts(
    runs: Sequence[PartialRun], source: ImageSource | ShardedSource, settings: AuditSettings, folder: Path
) -> None:
    """Take the parts of ``runs``, which have the same ``settings``, into ``folder``, as parts of ``source`` as it is.

    Of a partition that several runs measured the first is taken. Raises DataError where a partition is in none of
    them, or its part has other images.
    """
    stores, whole = [Store(run.folder) for run in runs], Store(folder)
    missing = []
    for partition in partitions(source, settings):
        found = next(_parts(partition, stores), None)
        if found is None:
            missing.append(partition.number + 1)
            continue
        store, entry = found
        whole.put(replace(entry, stamp=partition.stamp()), store.data(entry.number))
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        named = ", ".join(map(str, missing[:SHOWN])) + more
        raise DataError(
            f"of the {partition_count(source)} partitions of {source.name}, {named} are in none of these folders, or "
            f"have other images there; `symaudit measure {source.text} --part K/N` measures them"
        )


def _parts(partition: Partition, stores: Sequence[Store]) -> Iterator[tuple[Store, PartEntry]]:
    """The parts that hold the images of ``partition``."""
    names = partition.names()
    for store in stores:
        entry = store.entry(partition.number)
        if entry is not None and entry.names == names:
            yield store, entry
