"""The run's memory: one line per measured image, appended and flushed, so that a killed run loses one image.

Only complete lines are read; a torn last line is cut off before anything is appended.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.errors import ReportError

__all__ = ["JOURNAL_NAME", "Journal"]

JOURNAL_NAME = "journal.jsonl"
JOURNAL_SCHEMA = "symaudit.journal/5"  # raise the number also where the engine's responses change
FIELDS = {item.name for item in fields(ImageRecord)}
REQUIRED = {item.name for item in fields(ImageRecord) if item.default is MISSING}  # an older version wrote these alone


class _Entry(NamedTuple):
    """What stays in memory of a record: whether it has rows under the image's own group and controls, and its place."""

    stamp: str
    fitted: bool
    controlled: bool
    unit: str
    offset: int

    @classmethod
    def of(cls, record: ImageRecord, offset: int) -> _Entry:
        return cls(record.stamp, record.fitted, record.controlled, record.unit, offset)


class Journal:
    """Records by image name, kept in a file; only names, stamps and offsets stay in memory."""

    def __init__(self, folder: Path, source: str, settings: Mapping[str, Any]) -> None:
        """Open or start the journal in ``folder``. Raises ReportError where it belongs to another run."""
        self._path = folder / JOURNAL_NAME
        self._header = {"schema": JOURNAL_SCHEMA, "source": source, "settings": dict(settings)}
        self._entries: dict[str, _Entry] = {}
        self._file: BinaryIO = open(self._path, "a+b")  # noqa: SIM115 - closed by close()
        try:
            self._load()
        except BaseException:
            self._file.close()
            raise

    def _load(self) -> None:
        self._file.seek(0)
        if "settings" in _parse(self._file.readline()) and not self._file.readline().endswith(b"\n"):
            self._file.truncate(0)  # a run in which no image could be measured: any other may take its place
        self._file.seek(0)
        end = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            entry = _parse(line)
            if end == 0:
                self._check(entry)
            elif not {"image", "stamp"} <= entry.keys():
                break
            else:
                record = _record(entry)
                self._entries[record.image] = _Entry.of(record, end)
            end += len(line)
        self._file.truncate(end)
        if end == 0:
            self._write(self._header)

    def _check(self, header: dict) -> None:
        """Raise ReportError for another run; options that an older version did not know had their defaults."""
        with suppress(ReportError, KeyError):
            if {**header, "settings": AuditSettings.from_dict(header["settings"]).to_dict()} == self._header:
                return
        if header.get("schema") != JOURNAL_SCHEMA:
            raise ReportError(f"{self._path} is not a journal of this version; choose another --out, or --force")
        old = {"source": header["source"], **header["settings"]}
        new = {"source": self._header["source"], **self._header["settings"]}
        changed = next(key for key in new | old if old.get(key) != new.get(key))
        raise ReportError(
            f"{self._path.parent} holds a run with other settings ({changed}: {_short(old.get(changed))}, now "
            f"{_short(new.get(changed))}); choose another --out, or --force to start over"
        )

    def has(self, image: str, stamp: str, controlled: bool = False, *, fitted: bool = False) -> bool:
        """Whether ``image`` was measured while its file carried ``stamp``: under its own group where it is to be
        ``fitted``, and then with controls where it is ``controlled`` and without them where it is not."""
        found = self._entries.get(image)
        if found is None or found.stamp != stamp:
            return False
        return not fitted or (found.fitted and found.controlled == controlled)

    def append(self, record: ImageRecord) -> None:
        """Write one record and flush it."""
        entry = asdict(record) | {"arrays": {name: _packed(array) for name, array in record.arrays.items()}}
        self._entries[record.image] = _Entry.of(record, self._write(entry))

    def unit(self, image: str) -> str:
        """The unit in which ``image`` was measured."""
        return self._entries[image].unit

    def read(self, image: str) -> ImageRecord:
        """The record of ``image``."""
        self._file.seek(self._entries[image].offset)
        record = _record(json.loads(self._file.readline()))
        return replace(record, arrays={name: _unpacked(*packed) for name, packed in record.arrays.items()})

    def _write(self, entry: dict) -> int:
        self._file.seek(0, os.SEEK_END)
        offset = self._file.tell()
        try:
            self._file.write(json.dumps(entry).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            hint = "fix that and run the same command again"
            raise ReportError(f"cannot write to {self._path}: {error.strerror}; {hint}") from None
        return offset

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):  # the failed write was already reported
            self._file.close()


def _packed(array: np.ndarray) -> tuple[tuple[int, ...], str]:
    return array.shape, base64.b64encode(np.ascontiguousarray(array, dtype="<f8").data).decode()


def _unpacked(shape: list[int], text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").reshape(shape)


def _parse(line: bytes) -> dict:
    """The entry of a line, empty for a damaged one."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    known = isinstance(entry, dict) and ("settings" in entry or REQUIRED <= entry.keys() <= FIELDS)
    return entry if known else {}


def _record(entry: dict) -> ImageRecord:
    """The record of an entry; its arrays are still packed."""
    return ImageRecord(**entry)


def _short(value: Any) -> str:
    text = ",".join(item["name"] for item in value) if _is_stencils(value) else json.dumps(value)
    return text if isinstance(value, str) or len(text) <= 60 else text[:57] + "..."


def _is_stencils(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
