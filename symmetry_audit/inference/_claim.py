"""Whose results a folder holds, and which of them are done: by the content of inputs and results, not by names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from symmetry_audit.checked_lines import append, checked_line, read_line
from symmetry_audit.data import ImageRef
from symmetry_audit.errors import DataError
from symmetry_audit.files import locked, write_atomically

__all__ = ["RECORD", "RESULTS", "Results", "claimed"]

RECORD = "restoration.json"
RESULTS = "restoration.jsonl"  # a line per result


class Results:
    """The results of a folder: SHA-256 of each input and of the file that was made of it.

    ``replaced`` lists the files that were written over although somebody, or a failing disk, had changed them.
    """

    def __init__(self, folder: Path, file: BinaryIO) -> None:
        """Read what ``file``, RESULTS of ``folder``, holds. A damaged line counts for nothing."""
        self._folder, self._file = folder, file
        self.replaced: list[Path] = []
        self._known: dict[str, tuple[str, str]] = {}
        self._made: dict[str, set[str]] = {}  # all that was ever noted of a file: a kill may leave an older result
        self._file.seek(0)
        for line in self._file:
            try:
                entry, checked = read_line(line)
            except ValueError:
                continue
            if checked:
                self._known[entry["file"]] = entry["input"], entry["result"]
                self._made.setdefault(entry["file"], set()).add(entry["result"])

    def knows(self, target: Path) -> bool:
        """Whether ``target`` was ever made, of whatever input."""
        return self._name(target) in self._known

    def has(self, target: Path, data: bytes) -> bool:
        """Whether ``target`` is, byte for byte, what was made of the input ``data``."""
        made_of, made = self._known.get(self._name(target), ("", ""))
        return made_of == _digest(data) and target.is_file() and made == _digest(target.read_bytes())

    def write(self, target: Path, content: bytes, made_of: str) -> None:
        """Write ``content`` to ``target``, made of the input with the SHA-256 ``made_of``. Raises DataError."""
        name = self._name(target)
        if name in self._made and target.is_file() and _digest(target.read_bytes()) not in self._made[name]:
            self.replaced.append(target)
        line = checked_line({"file": name, "input": made_of, "result": _digest(content)})
        try:
            append(self._file, self._folder / RESULTS, line)
        except OSError as error:
            path = self._folder / RESULTS
            raise DataError(f"cannot write {path}: {error.strerror}; fix that and run the same command again") from None
        write_atomically(target, content, error=DataError)

    def _name(self, target: Path) -> str:
        return target.relative_to(self._folder).as_posix()


@contextmanager
def claimed(
    folder: Path, targets: Mapping[ImageRef, Path], record: Mapping[str, Any], *, force: bool, maker: str = "network"
) -> Iterator[Results]:
    """Claim ``folder`` for images of the network, or other ``maker``, and settings in ``record``, written to RECORD.

    Inside, no other process can claim it. Yields the results that this maker wrote before; with ``force``, none.
    Raises DataError if it holds ``targets`` that another one wrote, unless ``force`` takes it over.
    """
    path = folder / RECORD
    with locked(folder, error=DataError, busy="another process writes images into", option="-o"):
        known = _known(path)
        there = next((target for target in targets.values() if target.exists()), None)
        if known != record and there is not None and not force:
            whose = f"there is no record of which {maker} wrote it"
            if known is not None:
                whose = f"another {maker}, or the same one with other settings, wrote it"
            raise DataError(f"{there} already exists, and {whose}; choose another -o, or --force to overwrite")
        if known != record or force:
            write_atomically(folder / RESULTS, b"", error=DataError)  # first: results of another must not count
            write_atomically(path, json.dumps(record, indent=2) + "\n", error=DataError)
        with open(folder / RESULTS, "a+b") as file:
            yield Results(folder, file)


def _known(path: Path) -> Any:
    """The record at ``path``, None where there is none that can be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # the last: nested without end
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
