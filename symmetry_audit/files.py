"""Writing files so that they are whole or not there at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from symmetry_audit.errors import ReportError, SymmetryAuditError

__all__ = ["write_atomically"]


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
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(partial, path)
    except OSError as reason:
        raise error(f"cannot write {path}: {reason.strerror}; {hint}") from None
    finally:
        with suppress(OSError):  # gone already, or its folder is none or read-only
            partial.unlink()
    return path
