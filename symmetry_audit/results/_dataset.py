"""The images behind a result."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DatasetInfo"]


@dataclass(frozen=True)
class DatasetInfo:
    """The images that were measured; ``fingerprint`` is the SHA-256 of their sorted "sha256  name" lines."""

    name: str
    source: str
    images: int
    fingerprint: str
