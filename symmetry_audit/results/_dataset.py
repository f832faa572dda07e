"""The images behind a result."""

from __future__ import annotations

from dataclasses import dataclass

from symmetry_audit.wording import GREY_LEVELS

__all__ = ["DatasetInfo"]


@dataclass(frozen=True)
class DatasetInfo:
    """The images that were measured; ``fingerprint`` is the SHA-256 of their sorted "sha256  name" lines.

    ``name`` is that of results, ``source`` what the user gave, and ``images`` the number of images.
    ``unit`` is that of their luminance: grey levels of [0, 255], HU, or grey levels of a window of HU.
    """

    name: str
    source: str
    images: int
    fingerprint: str
    unit: str = GREY_LEVELS
