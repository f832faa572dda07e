"""Stub until the sources of shards arrive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symmetry_audit.data._ref import ImageRef
from symmetry_audit.results import SkippedImage

__all__ = ["FoundBeside", "Shard", "ShardedSource"]


class FoundBeside:
    def __init__(self) -> None:
        self.skipped: list[SkippedImage] = []

    def remarks(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Shard:
    name: str
    stamp: str

    def images(self, max_bytes: int, found: FoundBeside) -> Iterator[ImageRef]:
        raise NotImplementedError


@dataclass(frozen=True)
class ShardedSource:
    name: str
    text: str
    shards: tuple[Shard, ...]
    skipped: tuple[SkippedImage, ...] = ()
    note: str | None = None
    remarks: tuple[str, ...] = ()
    short_name: str | None = None
