"""Writing files so that they are whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from symmetry_audit.errors import ReportError, SymmetryAuditError

__all__ = ["replacing", "write_atomically"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; the file takes its own name when the block ends well.

    After an exception nothing is left behind. Raises OSError where the folder cannot be written to.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with suppress(OSError):  # gone already, or its folder is none or read-only
            partial.unlink()


def write_atomically(
    path: Path,
    content: bytes | str,
    *,
    error: type[SymmetryAuditError] = ReportError,
    hint: str = "give a folder you can write to",
) -> Path:
    """Write ``content`` (text as UTF-8) under a temporary name, then give it its own; return ``path``.

    The folder is made where there is none. Raises ``error``, which ends in ``hint``, where that fails.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as reason:
        raise error(f"cannot write {path}: {reason.strerror}; {hint}") from None
    return path
