"""How large an image may be before it is refused."""

from __future__ import annotations

__all__ = ["BYTES_PER_PIXEL", "DEFAULT_MAX_PIXELS"]

DEFAULT_MAX_PIXELS = 200_000_000
BYTES_PER_PIXEL = 8  # caps the bytes read of a file before its size is known: 16-bit RGBA, uncompressed
