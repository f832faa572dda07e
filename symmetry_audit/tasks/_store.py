"""One growing file of decoded pixels and its index, one line per image: a killed run loses one image."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from symmetry_audit.tasks._leaks import Fingerprint

__all__ = ["FILE_NAMES", "Entry", "PixelStore"]

INDEX_NAME, PIXELS_NAME = "index.jsonl", "pixels.bin"
FILE_NAMES = {INDEX_NAME, PIXELS_NAME}


@dataclass(frozen=True)
class Entry:
    """The record of one image: the place of its pixels in the file, and the files that they come from."""

    key: str
    stamps: list[str]  # of its files when they were read
    sha256: str  # hash of the bytes of the clean file
    fingerprint: Fingerprint  # of the decoded clean image
    start: int
    # of the degraded image and the clean one (or a label), or of one image that is both
    shapes: list[list[int]]
    dtypes: list[str]

    @property
    def sizes(self) -> list[int]:
        """The number of bytes of each."""
        return [
            math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
        ]

    @property
    def end(self) -> int:
        """Where the next image may start."""
        return self.start + sum(self.sizes)


class PixelStore:
    """The entries in ``folder``. An image that is added again replaces the old one; pixels are never moved."""

    def __init__(self, folder: Path) -> None:
        """Read the index. A line counts if it is complete and its pixels are there."""
        self._index, self._pixels = folder / INDEX_NAME, folder / PIXELS_NAME
        self.entries: dict[str, Entry] = {}
        self._end = self._index_end = 0
        if self._index.exists() and self._pixels.exists():
            self._load(self._pixels.stat().st_size)

    def _load(self, size: int) -> None:
        with open(self._index, "rb") as file:
            for line in file:
                entry = _parse(line)
                if entry is None or entry.end > size:
                    return
                self.entries[entry.key] = entry
                self._end = entry.end
                self._index_end += len(line)

    def add(
        self,
        key: str,
        images: tuple[np.ndarray, np.ndarray],
        stamps: list[str],
        sha256: str,
        fingerprint: Fingerprint,
    ) -> None:
        """Write degraded and clean image, once if they are one array; then their line in the index."""
        parts = images[:1] if images[0] is images[1] else images
        with open(self._pixels, "r+b" if self._end else "wb") as file:
            file.truncate(self._end)
            file.seek(self._end)
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
        shapes, dtypes = [list(part.shape) for part in parts], [part.dtype.str for part in parts]
        entry = Entry(key, stamps, sha256, fingerprint, self._end, shapes, dtypes)
        line = json.dumps(asdict(entry)).encode() + b"\n"
        with open(self._index, "r+b" if self._index_end else "wb") as file:
            file.truncate(self._index_end)
            file.seek(self._index_end)
            file.write(line)
        self.entries[key] = entry
        self._end, self._index_end = entry.end, self._index_end + len(line)

    def images(self, keys: list[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """(degraded, clean) of each image, as views of the mapped file."""
        pixels = np.asarray(np.memmap(self._pixels, np.uint8, "r"))
        found = []
        for entry in (self.entries[key] for key in keys):
            parts, start = [], entry.start
            for shape, dtype, size in zip(entry.shapes, entry.dtypes, entry.sizes, strict=True):
                parts.append(pixels[start : start + size].view(dtype).reshape(shape))
                start += size
            found.append((parts[0], parts[-1]))
        return found


def _parse(line: bytes) -> Entry | None:
    """The entry of a line, None for an incomplete line."""
    try:
        entry = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return Entry(**entry) if isinstance(entry, dict) and entry.keys() == {item.name for item in fields(Entry)} else None
