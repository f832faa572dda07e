"""One hash for a set of image files, independent of their folder and of the decoder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["SetFingerprint", "set_fingerprint"]


class SetFingerprint:
    """SHA-256 of the lines "sha256, two spaces, name, newline" of files that come one by one, in name order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, sha256: str, name: str) -> None:
        """Add the next file by the hash of its bytes, in hexadecimal."""
        self._digest.update(f"{sha256}  {name}\n".encode())

    def hexdigest(self) -> str:
        """Of the files so far."""
        return self._digest.hexdigest()


def set_fingerprint(files: Iterable[tuple[str, str]]) -> str:
    """The SetFingerprint of ``files``, pairs (sha256, name) in name order."""
    found = SetFingerprint()
    for sha256, name in files:
        found.add(sha256, name)
    return found.hexdigest()
