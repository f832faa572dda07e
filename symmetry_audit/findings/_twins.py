"""Equal hashes among any number of images: found by sorting, in parts that are kept in a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

__all__ = ["TwinGroups", "Twins"]

HELD = 2**17  # hashes that are held in memory
PARTS = 256  # one for each first byte of a hash
HALF = 16  # digits of a hash in hexadecimal in one number; two numbers, 128 bits, are compared
FIRST_BYTE = 56  # bits after it in the first number


@dataclass
class TwinGroups:
    """Images that are equal: ``groups`` of them, ``extra`` images more than groups, and the ``first`` few groups, each
    with the places of its first few images."""

    shown: int
    groups: int = 0
    extra: int = 0
    first: list[list[int]] = field(default_factory=list)

    def update(self, counts: np.ndarray, members: list[list[int]]) -> None:
        """Add groups of ``counts`` (n,) images, with ``members`` of those that come first."""
        self.groups += len(counts)
        self.extra += int(counts.sum()) - len(counts)
        self.first = sorted(self.first + members)[: self.shown]


class Twins:
    """Takes the hashes of the images in order, and finds those that are equal.

    Above HELD of them they go to a temporary file for each first byte of the hash, 40 bytes an image.
    """

    def __init__(self, held: int = HELD) -> None:
        self._rows = np.empty((held, 5), np.uint64)  # two numbers of each hash, and the place
        self._filled = self._count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def add(self, sha256: str, other: str = "") -> None:
        """Add the hash of the next image; ``other`` is a hash of its own that may tell equal images apart."""
        if self._filled == len(self._rows):
            self._spill()
        numbers = [int(text[part : part + HALF] or "0", 16) for text in (sha256, other) for part in (0, HALF)]
        self._rows[self._filled] = (*numbers, self._count)
        self._filled += 1
        self._count += 1

    def found(self, shown: int, *, differing: bool = False) -> TwinGroups:
        """The equal images, with the first ``shown`` groups and images of each; with ``differing`` only those groups
        whose images are not all equal in the other hash too."""
        found = TwinGroups(shown)
        for rows in self._parts():
            _find(rows[np.lexsort(rows.T[::-1])], found, differing)
        return found

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="symaudit-")
        rows = self._rows[: self._filled]
        first = rows[:, 0] >> np.uint64(FIRST_BYTE)
        order = np.argsort(first, kind="stable")
        ends = np.searchsorted(first[order], np.arange(PARTS + 1))
        for part in range(PARTS):
            chosen = rows[order[ends[part] : ends[part + 1]]]
            if len(chosen):
                with (Path(self._folder.name) / f"{part:02x}").open("ab") as file:
                    file.write(chosen.tobytes())
        self._filled = 0

    def _parts(self) -> Iterator[np.ndarray]:
        if self._folder is None:
            yield self._rows[: self._filled]
            return
        self._spill()
        for path in sorted(Path(self._folder.name).iterdir()):
            yield np.fromfile(path, np.uint64).reshape(-1, self._rows.shape[1])
        self._folder.cleanup()
        self._folder = None


def _find(rows: np.ndarray, found: TwinGroups, differing: bool) -> None:
    """Add the groups of equal hashes in sorted ``rows`` (n, 5)."""
    if not len(rows):
        return
    starts = np.flatnonzero(np.append(True, (rows[1:, :2] != rows[:-1, :2]).any(1)))
    counts = np.diff(np.append(starts, len(rows)))
    lowest = np.minimum.reduceat(rows[:, 4], starts)
    chosen = counts > 1
    if differing:
        chosen &= (rows[starts, 2:4] != rows[starts + counts - 1, 2:4]).any(1)
    starts, counts, lowest = starts[chosen], counts[chosen], lowest[chosen]
    first = np.argsort(lowest)[: found.shown]
    members = [np.sort(rows[starts[at] : starts[at] + counts[at], 4])[: found.shown].tolist() for at in first]
    found.update(counts, members)
