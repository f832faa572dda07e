"""Size and checksums of one file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

__all__ = ["Digest", "digest_file"]


class Digest(NamedTuple):
    size: int
    md5: str
    sha256: str


def digest_file(path: Path) -> Digest | None:
    """Return size in bytes, md5 and sha256 of a file in one pass, None where it cannot be read."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                md5.update(block)
                sha256.update(block)
                size += len(block)
    except OSError:
        return None
    return Digest(size, md5.hexdigest(), sha256.hexdigest())
