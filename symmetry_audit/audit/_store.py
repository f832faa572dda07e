"""The parts of a run: one file of records for each partition that was measured, and a list of these files."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._parts import read_records, read_skipped
from symmetry_audit.checked_lines import append, checked_line, read_line
from symmetry_audit.errors import ReportError
from symmetry_audit.files import replacing
from symmetry_audit.results import SkippedImage
from symmetry_audit.wording import count

__all__ = ["PARTS_NAME", "RECORDS_FOLDER", "PartEntry", "Store"]

PARTS_NAME, RECORDS_FOLDER = "parts.jsonl", "records"
AGAIN = "fix that and run the same command again"


@dataclass(frozen=True)
class PartEntry:
    """What the list says of the part of partition ``number``, whose images were as ``stamp`` says."""

    number: int
    stamp: str
    sha256: str  # of the file
    images: int
    controlled: int
    skipped: int
    first: str | None  # names; None where no image could be measured
    last: str | None
    unit: str | None
    names: str  # SHA-256 of the names that were listed, or of that of the shard
    arithmetic: Mapping[str, Any] = field(default_factory=dict)  # of the process that measured it
    beside: Mapping[str, Any] = field(default_factory=dict)  # other files in a shard, as Beside tells them

    @property
    def file(self) -> str:
        """The name of its file, which tells contents apart: an older part stays until nothing needs it."""
        return f"part-{self.number:08d}-{self.sha256[:12]}.parquet"


class Store:
    """Parts in ``folder``, by the number of their partition. One process writes; a kill loses the parts in work."""

    def __init__(self, folder: Path) -> None:
        """Open or start the store. Raises ReportError once where lines of its list are damaged, which it mends."""
        self._records, self._list = folder / RECORDS_FOLDER, folder / PARTS_NAME
        self._entries: dict[int, PartEntry] = {}
        lines = self._load() if self._list.exists() else 0
        # a damaged file was removed: its images are measured again
        with_images = (entry for entry in self._entries.values() if entry.images and self._path(entry).exists())
        self._before = sorted(with_images, key=lambda entry: str(entry.first))
        self._superseded = lines > len(self._entries)

    def _load(self) -> int:
        lines, damaged = self._list.read_bytes().splitlines(keepends=True), 0
        for line in lines:
            try:
                entry = _entry(line)
            except (ValueError, TypeError):
                damaged += 1
                continue
            self._entries[entry.number] = entry
        torn = bool(lines) and not lines[-1].endswith(b"\n")
        if damaged:
            self._rewrite()
        if damaged > torn:
            raise ReportError(
                f"{self._list} was damaged: {count(damaged, 'line')} did not agree with its checksum and was dropped, "
                f"{count(len(self._entries), 'part')} stayed; is the disk failing? The same command again measures "
                "what is missing"
            )
        return len(lines)

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, number: int) -> PartEntry | None:
        """What is listed of partition ``number``."""
        return self._entries.get(number)

    def entries(self) -> Iterable[PartEntry]:
        """All that is listed."""
        return self._entries.values()

    def has(self, number: int, stamp: str) -> bool:
        """Whether partition ``number`` was measured while its images were as ``stamp`` says."""
        found = self._entries.get(number)
        return found is not None and found.stamp == stamp and self._path(found).exists()

    def put(self, entry: PartEntry, data: bytes) -> None:
        """Keep ``data``, the file of ``entry``, and then list it. Raises ReportError where it cannot be written."""
        try:
            self._records.mkdir(exist_ok=True)
            with replacing(self._path(entry)) as partial:
                partial.write_bytes(data)
            with open(self._list, "a+b") as file:
                append(file, self._list, checked_line(asdict(entry)))
        except OSError as error:
            raise ReportError(f"cannot write to {self._records}: {error.strerror}; {AGAIN}") from None
        self._superseded |= entry.number in self._entries
        self._entries[entry.number] = entry

    def data(self, number: int) -> bytes:
        """The file of partition ``number``. Raises ReportError where it is damaged."""
        return self._bytes(self._entries[number])

    def read(self, number: int) -> Iterator[ImageRecord]:
        """The records of partition ``number``, in name order. Raises ReportError where its file is damaged."""
        return read_records(self.data(number))

    def skipped(self, number: int) -> list[SkippedImage]:
        """The images of partition ``number`` that could not be measured. Raises ReportError for a damaged file."""
        return read_skipped(self.data(number)) if self._entries[number].skipped else []

    def known(self, first: str, last: str) -> dict[str, ImageRecord]:
        """By name, the records that were there when the store was opened, of names from ``first`` to ``last``."""
        at = bisect_left(self._before, first, key=lambda entry: str(entry.last))
        found = {}
        for entry in self._before[at:]:
            if str(entry.first) > last:
                break
            found |= {record.image: record for record in read_records(self._bytes(entry))}
        return found

    def known_shard(self, names: str) -> dict[str, ImageRecord]:
        """By name, the records that were there of the shard whose name has this hash."""
        same = (entry for entry in self._before if entry.names == names)
        return {record.image: record for entry in same for record in read_records(self._bytes(entry))}

    def images(self) -> Iterator[tuple[str, str, str]]:
        """Name, stamp and SHA-256 of the file of every image, in any order."""
        for entry in self._before:
            for record in read_records(self._bytes(entry)):
                yield record.image, record.stamp, record.sha256

    def finish(self, partitions: int) -> None:
        """All ``partitions`` are measured: what was superseded goes, and parts of partitions that are no more."""
        extra = [number for number in self._entries if number >= partitions]
        for number in extra:
            del self._entries[number]
        if extra or self._superseded:
            self._rewrite()
            self._before, self._superseded = [], False
        self._remove_files()

    def _remove_files(self) -> None:
        """Remove the files that are not listed."""
        listed = {entry.file for entry in self._entries.values()}
        for path in self._records.glob("*part-*.parquet*") if self._records.is_dir() else ():
            if path.name not in listed:
                path.unlink(missing_ok=True)

    def _rewrite(self) -> None:
        with replacing(self._list) as partial:
            partial.write_bytes(b"".join(checked_line(asdict(entry)) for entry in self._entries.values()))

    def _path(self, entry: PartEntry) -> Path:
        return self._records / entry.file

    def _bytes(self, entry: PartEntry) -> bytes:
        path = self._path(entry)
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            path.unlink(missing_ok=True)
            raise ReportError(f"{path} was damaged, and was removed; the same command again measures its images")
        return data


def _entry(line: bytes) -> PartEntry:
    """Raises ValueError or TypeError for a damaged line."""
    found, checked = read_line(line)
    if not checked or not isinstance(found, dict):
        raise ValueError
    return PartEntry(**found)
