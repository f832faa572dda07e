"""Writing files so that they are whole or not there at all."""

from __future__ import annotations

import os
from pathlib import Path

from symmetry_audit.errors import ReportError

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes | str) -> Path:
    """Write ``content`` (text as UTF-8) under a temporary name, then give it its own. Raises ReportError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(partial, path)
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror}; give a folder you can write to") from None
    finally:
        partial.unlink(missing_ok=True)
    return path
