"""An image that was skipped."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SkippedImage"]


@dataclass(frozen=True)
class SkippedImage:
    """One ``image`` that was skipped, and the ``reason``."""

    image: str
    reason: str
