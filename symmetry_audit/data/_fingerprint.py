"""One hash for a set of image files, independent of their folder and of the decoder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["set_fingerprint"]


def set_fingerprint(files: Iterable[tuple[str, str]]) -> str:
    """SHA-256 of the lines "sha256, two spaces, name, newline" of ``files``, pairs (sha256, name) in name order."""
    digest = hashlib.sha256()
    for sha256, name in files:
        digest.update(f"{sha256}  {name}\n".encode())
    return digest.hexdigest()
