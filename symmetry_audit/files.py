"""Writing files completely or not at all."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from symmetry_audit.errors import ReportError, SymmetryAuditError

__all__ = ["locked", "replacing", "write_atomically"]

LEFTOVER = re.compile(r"\..+\.[a-z]+\.([0-9]+)")  # the temporary names of ``replacing``
OLD = 86_400  # seconds after which no file is still being written


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; the file is renamed to ``path`` when the block ends.

    After an exception the temporary file is removed and ``path`` is unchanged. Raises OSError where the
    folder cannot be written to.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield partial
        _to_disk(partial)  # else a power loss can leave the new name with no content
        os.replace(partial, path)
        if os.name == "posix":  # elsewhere a folder cannot be opened
            _to_disk(path.parent)
    finally:
        with suppress(OSError):  # already gone, or its folder is missing or read-only
            partial.unlink()


@contextmanager
def locked(
    folder: Path,
    *,
    error: type[SymmetryAuditError] = ReportError,
    busy: str = "another run is writing to",
    option: str = "--out",
) -> Iterator[None]:
    """Make ``folder`` and keep other processes from writing to it; what killed ones left unfinished goes.

    Raises ``error`` where one writes to it, ``busy``, or nobody can; it says to choose another ``option``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(folder / ".lock").acquire(timeout=0)
        _remove_leftovers(folder)
    except Timeout:
        raise error(f"{busy} {folder}; wait for it or choose another {option}") from None
    except FileExistsError:
        raise error(f"{folder} is a file; choose another {option}") from None
    except OSError as reason:
        raise error(f"cannot write to {folder}: {reason.strerror}; choose another {option}") from None
    with held:  # later errors have nothing to do with the lock
        yield


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of killed writers from ``folder``: of processes that are gone, and old ones."""
    for path in folder.iterdir():
        found = LEFTOVER.fullmatch(path.name)
        if found and path.is_file() and (_gone(int(found[1])) or time.time() - path.stat().st_mtime > OLD):
            path.unlink(missing_ok=True)


def _gone(process: int) -> bool:
    """Whether no such process runs here; where that cannot be asked without harm, False."""
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # another user's
        pass
    return False


def _to_disk(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(
    path: Path,
    content: bytes | str,
    *,
    error: type[SymmetryAuditError] = ReportError,
    hint: str = "give a folder you can write to",
) -> Path:
    """Write ``content`` (text as UTF-8) under a temporary name, then rename it to ``path``; return ``path``.

    A missing folder is created. Raises ``error``, whose message ends in ``hint``, where writing fails.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as reason:
        raise error(f"cannot write {path}: {reason.strerror}; {hint}") from None
    return path
