"""How large an image may be before it is refused."""

from __future__ import annotations

from symmetry_audit.errors import ImageError

__all__ = ["BYTES_PER_PIXEL", "DEFAULT_MAX_PIXELS", "check_size", "too_large"]

DEFAULT_MAX_PIXELS = 200_000_000
BYTES_PER_PIXEL = 8  # caps the bytes read of a file before its size is known: 16-bit RGBA, uncompressed


def check_size(width: int, height: int, frames: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise ImageError(f"holds no pixels ({width} x {height} px)")
    if width * height > max_pixels:
        raise too_large(f"{width} x {height} px", max_pixels)
    if frames > 1:
        raise ImageError(f"has {frames} frames or pages; split it into single images")


def too_large(size: str, max_pixels: int) -> ImageError:
    return ImageError(f"too large ({size}, the limit is {max_pixels}); raise --max-pixels if you trust the file")
