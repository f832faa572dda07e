"""Partitions: the images of a source in pieces that are measured anywhere and kept one file each (SPEC 16)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from symmetry_audit.audit._control_images import control_images, controls_of_shards
from symmetry_audit.audit._costs import MANY
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._store import PARTS_NAME
from symmetry_audit.data import ImageRef, ImageSource, Shard, ShardedSource

__all__ = ["NAMES", "Partition", "in_partitions", "partition_count", "partitions"]

NAMES = 512  # images of a listed source in one partition: the source decides, never the machines


@dataclass(frozen=True)
class Partition:
    """Images in name order: ``refs`` of a source that is listed, or one ``shard``.

    Of refs those named in ``controlled`` are measured with controls, of a shard so many, or all.
    """

    number: int
    refs: tuple[ImageRef, ...] = ()
    shard: Shard | None = None
    controlled: frozenset[str] | int | Literal["all"] = frozenset()

    @property
    def name(self) -> str:
        """For messages."""
        if self.shard is not None:
            return self.shard.name
        return f"{self.refs[0].key} to {self.refs[-1].key}"

    def anywhere(self) -> Partition:
        """The same partition for a process with another working folder."""
        return replace(self, refs=tuple(ref.anywhere() for ref in self.refs))

    def names(self) -> str:
        """SHA-256 of the names of its images, or of that of its shard."""
        listed = [ref.key for ref in self.refs] if self.shard is None else [self.shard.name]
        return hashlib.sha256("\n".join(listed).encode()).hexdigest()

    def stamp(self) -> str:
        """Changes when its images, their files, or which of them have controls do: SHA-256 of all of these."""
        digest = hashlib.sha256()
        if self.shard is not None:
            digest.update(f"{self.shard.name} {self.shard.stamp} {self.controlled}".encode())
        for ref in self.refs:
            assert isinstance(self.controlled, frozenset)
            digest.update(f"{ref.key} {ref.stamp()} {ref.key in self.controlled}\n".encode())
        return digest.hexdigest()


def in_partitions(source: ImageSource, folder: Path) -> bool:
    """Whether a run of one process is kept in parts: one of MANY images, so that the journal and what is known of it
    stay small, and one that was begun so."""
    return len(source.refs) > MANY or (folder / PARTS_NAME).exists()


def partition_count(source: ImageSource | ShardedSource) -> int:
    """How many partitions ``source`` has: each shard, or each run of NAMES names."""
    return len(source.shards) if isinstance(source, ShardedSource) else -(-len(source.refs) // NAMES)


def partitions(source: ImageSource | ShardedSource, settings: AuditSettings) -> Iterator[Partition]:
    """The partitions of ``source`` in their order, which is that of the images' names."""
    if isinstance(source, ShardedSource):
        quotas = controls_of_shards([shard.name for shard in source.shards], settings)
        for number, shard in enumerate(source.shards):
            yield Partition(number, shard=shard, controlled=quotas[number])
        return
    controlled = control_images((ref.key for ref in source.refs), settings)
    for number in range(partition_count(source)):
        refs = source.refs[NAMES * number : NAMES * (number + 1)]
        yield Partition(number, refs, controlled=controlled & {ref.key for ref in refs})
