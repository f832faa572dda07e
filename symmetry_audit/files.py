"""Writing files completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from symmetry_audit.errors import ReportError, SymmetryAuditError

__all__ = ["replacing", "write_atomically"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; the file is renamed to ``path`` when the block ends.

    After an exception the temporary file is removed and ``path`` is unchanged. Raises OSError where the
    folder cannot be written to.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with suppress(OSError):  # already gone, or its folder is missing or read-only
            partial.unlink()


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
