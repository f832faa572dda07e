"""The run's memory: one line per measured image, appended and flushed, so that a killed run loses one image.

Every line ends with a checksum of its own. A torn last line is cut off before anything is appended; a whole line that
does not agree with its checksum is dropped, and the run stops once to say so.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._store import PARTS_NAME
from symmetry_audit.checked_lines import Damage, append, checked_line, read_line
from symmetry_audit.errors import ReportError
from symmetry_audit.files import replacing
from symmetry_audit.wording import count

__all__ = ["JOURNAL_NAME", "Journal"]

JOURNAL_NAME = "journal.jsonl"
JOURNAL_SCHEMA = "symaudit.journal/5"  # raise the number also where the engine's responses change
FIELDS = {item.name for item in fields(ImageRecord)}
REQUIRED = {item.name for item in fields(ImageRecord) if item.default is MISSING}  # an older version wrote these alone
AGAIN = "fix that and run the same command again"


class _Entry(NamedTuple):
    """What stays in memory of a record: whether it has rows under the image's own group and controls, and its place."""

    stamp: str
    sha256: str
    fitted: bool
    controlled: bool
    unit: str
    offset: int
    length: int

    @classmethod
    def of(cls, record: ImageRecord, offset: int, length: int) -> _Entry:
        return cls(record.stamp, record.sha256, record.fitted, record.controlled, record.unit, offset, length)


class Journal:
    """Records by image name, kept in a file; only names, stamps, hashes and offsets stay in memory."""

    def __init__(self, folder: Path, source: str, place: str, settings: Mapping[str, Any]) -> None:
        """Open or start the journal in ``folder``, of the images that ``source`` names, at ``place``.

        Raises ReportError where it belongs to a run with other settings, and once where records of it are damaged.
        """
        self._path = folder / JOURNAL_NAME
        self._header = {"schema": JOURNAL_SCHEMA, "source": source, "place": place, "settings": dict(settings)}
        self._found = self._header
        self._checked = True
        self._entries: dict[str, _Entry] = {}
        self._file: BinaryIO = open(self._path, "a+b")  # noqa: SIM115 - closed by close()
        try:
            self._load()
        except BaseException:
            self._file.close()
            raise

    @staticmethod
    def header(folder: Path) -> tuple[str, AuditSettings]:
        """The source and the settings of the run in ``folder``. Raises ReportError where there is none."""
        path = folder / JOURNAL_NAME
        try:
            with open(path, "rb") as file:
                header = read_line(file.readline())[0]
            if header["schema"] == JOURNAL_SCHEMA:
                return str(header["source"]), AuditSettings.from_dict(header["settings"])
        except OSError:
            raise ReportError(f"{folder} holds no run of `symaudit measure`; give folders of its parts") from None
        except (ValueError, KeyError, TypeError):
            pass
        raise ReportError(f"{path} is not a journal of this version, or is damaged; measure its part again")

    def _load(self) -> None:
        self._file.seek(0)
        kept = (self.folder / PARTS_NAME).exists()  # records that were in this journal
        header = _parse(self._file.readline()) or {}
        if "settings" in header and not kept and not self._file.readline().endswith(b"\n"):
            self._file.truncate(0)  # a run in which no image could be measured: any other may take its place
        self._file.seek(0)
        end = damaged = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            if end == 0:
                self._read_header(line)
            elif record := self._record(line):
                self._entries[record.image] = _Entry.of(record, end, len(line))
            else:
                damaged += 1
            end += len(line)
        self._file.truncate(end)
        if end == 0:
            self._write(self._header)
        elif damaged:
            self._rewrite(self._found, {})
            raise ReportError(
                f"{self._path} was damaged: {count(damaged, 'line')} did not agree with its checksum and was dropped, "
                f"{count(len(self._entries), 'image')} stayed; is the disk failing? The same command again measures "
                "what is missing"
            )

    def _read_header(self, line: bytes) -> None:
        try:
            header, self._checked = read_line(line)
        except Damage:
            raise ReportError(
                f"{self._path} is damaged: its first line does not agree with its checksum; choose another --out, or "
                "--force to start over"
            ) from None
        except ValueError:
            header = {}
        self._check(header if isinstance(header, dict) else {})
        self._found = header

    def _record(self, line: bytes) -> ImageRecord | None:
        """The record of a line, its arrays still packed; None for a damaged one."""
        entry = _parse(line, checked=self._checked)
        return None if entry is None or "settings" in entry else ImageRecord(**entry)

    def _check(self, header: dict) -> None:
        """Raise ReportError for another run; options that an older version did not know had their defaults."""
        settings, new = header.get("settings"), self._header["settings"]
        with suppress(ReportError, KeyError):
            settings = AuditSettings.from_dict(header["settings"]).to_dict()
        if header.get("schema") != JOURNAL_SCHEMA or not isinstance(settings, dict):
            raise ReportError(f"{self._path} is not a journal of this version; choose another --out, or --force")
        old = settings | {name: _raised(settings.get(name), new.get(name)) for name in ("limit", "sample")}
        if changed := [key for key in new | old if old.get(key) != new.get(key)]:
            raise ReportError(
                f"{self._path.parent} holds a run with other settings ({changed[0]}: {_short(settings.get(changed[0]))}"
                f", now {_short(new.get(changed[0]))}); choose another --out, or --force to start over"
            )

    @property
    def folder(self) -> Path:
        """Where the journal lies."""
        return self._path.parent

    @property
    def place(self) -> str:
        """Where the images of the run that was found here were; the source itself where an older version wrote it."""
        return self._found.get("place", self._found["source"])

    @property
    def elsewhere(self) -> bool:
        """Whether the run that was found here read another folder; an older version kept only its name."""
        kept = "place" if "place" in self._found else "source"
        return self._found[kept] != self._header[kept]

    @property
    def images(self) -> Mapping[str, tuple[str, str]]:
        """Stamp and SHA-256 of the file of every image, by name."""
        return {name: (entry.stamp, entry.sha256) for name, entry in self._entries.items()}

    def continued(self, stamps: Mapping[str, str]) -> None:
        """Take the run for this one: images have these new ``stamps``. What is superseded goes when that pays."""
        held = sum(entry.length for entry in self._entries.values())
        if stamps or self._found != self._header or not self._checked or self._size() > 2 * held + (1 << 16):
            self._rewrite(self._header, stamps)

    def has(self, image: str, stamp: str, controlled: bool = False, *, fitted: bool = False) -> bool:
        """Whether ``image`` was measured while its file carried ``stamp``: under its own group where it is to be
        ``fitted``, and then with controls where it is ``controlled`` and without them where it is not."""
        found = self._entries.get(image)
        if found is None or found.stamp != stamp:
            return False
        return not fitted or (found.fitted and found.controlled == controlled)

    def append(self, record: ImageRecord) -> None:
        """Write one record and flush it. Raises ReportError, also where the file is no longer at its place."""
        entry = asdict(record) | {"arrays": {name: _packed(array) for name, array in record.arrays.items()}}
        self._entries[record.image] = _Entry.of(record, *self._write(entry))

    def drop(self, images: Iterable[str]) -> None:
        """Forget records that are kept elsewhere by now; where none is left, the file shrinks to its header."""
        for image in images:
            self._entries.pop(image, None)
        if not self._entries:
            self._rewrite(self._header, {})

    def unit(self, image: str) -> str:
        """The unit in which ``image`` was measured."""
        return self._entries[image].unit

    def read(self, image: str) -> ImageRecord:
        """The record of ``image``."""
        record = ImageRecord(**self._entry(image))
        return replace(record, arrays={name: _unpacked(*packed) for name, packed in record.arrays.items()})

    def _entry(self, image: str) -> dict:
        self._file.seek(self._entries[image].offset)
        try:
            return read_line(self._file.readline())[0]
        except ValueError:  # it was read before: the file changed under the run
            raise ReportError(f"{self._path} was damaged while it was in use; run the same command again") from None

    def _write(self, entry: dict) -> tuple[int, int]:
        """The offset and the length of the new line."""
        line = checked_line(entry)
        try:
            offset = append(self._file, self._path, line)
        except OSError as error:
            raise ReportError(f"cannot write to {self._path}: {error.strerror}; {AGAIN}") from None
        return offset, len(line)

    def _rewrite(self, header: dict, stamps: Mapping[str, str]) -> None:
        """Write the file anew: ``header``, then one record per image, with new ``stamps``."""
        lines, entries, offset = self._lines(header, stamps), {}, 0
        with replacing(self._path) as partial, open(partial, "wb") as file:
            for name, line in lines:
                file.write(line)
                if name is not None:
                    entry = self._entries[name]
                    entries[name] = entry._replace(stamp=stamps.get(name, entry.stamp), offset=offset, length=len(line))
                offset += len(line)
        self._file.close()
        self._file = open(self._path, "a+b")  # noqa: SIM115 - closed by close()
        self._entries, self._found, self._checked = entries, header, True

    def _lines(self, header: dict, stamps: Mapping[str, str]) -> Iterator[tuple[str | None, bytes]]:
        yield None, checked_line(header)
        for name, entry in self._entries.items():
            yield name, checked_line(self._entry(name) | {"stamp": stamps.get(name, entry.stamp)})

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):  # the failed write was already reported
            self._file.close()


def _raised(old: int | None, new: int | None) -> int | None:
    """``new`` where it lets in all images that ``old`` let in, otherwise ``old``."""
    return new if old is not None and (new is None or new >= old) else old


def _packed(array: np.ndarray) -> tuple[tuple[int, ...], str]:
    return array.shape, base64.b64encode(np.ascontiguousarray(array, dtype="<f8").data).decode()


def _unpacked(shape: list[int], text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").reshape(shape)


def _parse(line: bytes, checked: bool = False) -> dict | None:
    """The entry of a line, None for a damaged one, and where it must be ``checked`` for one without a checksum."""
    try:
        entry, has_checksum = read_line(line)
    except ValueError:
        return None
    known = isinstance(entry, dict) and ("settings" in entry or REQUIRED <= entry.keys() <= FIELDS)
    return entry if known and has_checksum >= checked else None


def _short(value: Any) -> str:
    text = ",".join(item["name"] for item in value) if _is_stencils(value) else json.dumps(value, ensure_ascii=False)
    return text if isinstance(value, str) or len(text) <= 60 else text[:57] + "..."


def _is_stencils(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
