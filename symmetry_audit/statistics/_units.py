"""What resampling draws: the images of a set or their clusters, merged into random groups where they are many."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np

__all__ = ["UNITS", "Member", "UnitSums"]

UNITS = 4096  # the most that statistics keep apart, so that their memory does not grow with the images
DIGITS = 16  # of a hash in hexadecimal that number an image: 64 bits


class Member(NamedTuple):
    """How one image is drawn: ``number``, 64 bits of the hash of its pixels, decides its group where images are many;
    ``cluster`` is what it is drawn with, None where it is drawn alone."""

    number: int
    cluster: str | None = None

    @classmethod
    def of(cls, pixel_sha256: str, cluster: str | None = None) -> Member:
        """The image whose pixels have this hash."""
        return cls(int(pixel_sha256[:DIGITS], 16), cluster)


class Statistic(Protocol):
    """Takes sums over some images each."""

    def add(self, table: np.ndarray, images: int = 1, /) -> None: ...


class UnitSums:
    """Sums of named tables over the images of each unit: of each cluster, or of each image, in order of first sight.

    When there are more units than ``limit``, they are merged, once and for all, into groups: a unit goes to group
    hash mod ``limit``, the hash being that of the pixels of an image or of the name of a cluster. So groups are random,
    do not depend on the order, and hold all copies of an image. Up to ``limit`` units every sum is what it would be
    without it; None keeps all units apart.

    With ``single``, clusters are passed over. Sums run in the order of the calls: the same images in the same order
    give the same bits.
    """

    def __init__(self, limit: int | None = UNITS, *, single: bool = False) -> None:
        self.images = 0
        self.grouped = False
        self._limit, self._single = limit, single
        self._places: dict[str, int] = {}  # of clusters
        self._numbers: list[int] = []  # of the units so far, by which they are merged
        self._counts = np.zeros(0, int)
        self._sums: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        """The units that hold an image."""
        return int(np.count_nonzero(self._counts)) if self.grouped else len(self._numbers)

    def add(self, tables: Mapping[str, np.ndarray], member: Member) -> None:
        """Add the tables of one image, each of one shape for all images that have it."""
        at = self._place(member)
        self.images += 1
        self._counts[at] += 1
        for name, table in tables.items():
            if name not in self._sums:
                self._sums[name] = np.zeros((len(self._counts), *table.shape))
            self._sums[name][at] += table

    def rows(self, name: str) -> Iterator[tuple[np.ndarray, int]]:
        """The sum of the table ``name`` over each unit, and the number of its images."""
        for total, images in zip(self._sums[name], self._counts.tolist(), strict=True):
            if images:
                yield total, images

    def feed(self, name: str, *statistics: Statistic) -> None:
        """Hand every unit's sum of the table ``name`` to each of ``statistics``."""
        for total, images in self.rows(name):
            for statistic in statistics:
                statistic.add(total, images)

    def _place(self, member: Member) -> int:
        """The row of an image's unit."""
        cluster = None if self._single else member.cluster
        if not self.grouped:
            if cluster is not None and cluster in self._places:
                return self._places[cluster]
            if self._limit is None or len(self._numbers) < self._limit:
                return self._new(member, cluster)
            self._group()
        assert self._limit is not None
        return _number(member, cluster) % self._limit

    def _new(self, member: Member, cluster: str | None) -> int:
        """The row of a unit that was not seen before."""
        at = len(self._numbers)
        if cluster is not None:
            self._places[cluster] = at
        self._numbers.append(_number(member, cluster))
        if at == len(self._counts):
            room = max(2 * at, 16)
            self._resize(room if self._limit is None else min(room, self._limit))
        return at

    def _resize(self, length: int) -> None:
        def longer(array: np.ndarray) -> np.ndarray:
            return np.concatenate([array, np.zeros((length - len(array), *array.shape[1:]), array.dtype)])

        self._counts = longer(self._counts)
        self._sums = {name: longer(table) for name, table in self._sums.items()}

    def _group(self) -> None:
        """Merge the units into groups; the table is full."""
        places = np.array([number % len(self._counts) for number in self._numbers])

        def merged(array: np.ndarray) -> np.ndarray:
            sums = np.zeros_like(array)
            np.add.at(sums, places, array)
            return sums

        self._counts = merged(self._counts)
        self._sums = {name: merged(table) for name, table in self._sums.items()}
        self._places, self._numbers, self.grouped = {}, [], True


def _number(member: Member, cluster: str | None) -> int:
    """The hash that decides the group of a unit."""
    if cluster is None:
        return member.number
    return int.from_bytes(hashlib.sha256(cluster.encode(errors="surrogateescape")).digest()[: DIGITS // 2])
