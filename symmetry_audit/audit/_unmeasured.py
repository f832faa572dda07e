"""Images that cannot be measured: left out, or the end of a run."""

from __future__ import annotations

from symmetry_audit.data import ImageRef
from symmetry_audit.errors import DataError, ImageError

__all__ = ["reason_to_skip"]


def reason_to_skip(ref: ImageRef, error: ImageError, on_error: str) -> str:
    """Why ``ref`` is left out. Raises DataError where ``on_error`` is "fail", and where its folder is gone or is not on
    this machine, since all others of it would be left out too."""
    if ref.payload is None and not ref.path.parent.exists():
        again = "what was measured is kept: bring it back and run the same command again"
        raise DataError(f"{ref.path.parent} is no longer there; {again}")
    if on_error == "fail":
        raise DataError(f"{ref.key}: {error}; use --on-error skip to skip such images")
    return str(error)
