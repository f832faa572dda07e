"""How large an image may be, in pixels, pages and passes over its pixels, before it is refused."""

from __future__ import annotations

from symmetry_audit.errors import ImageError

__all__ = ["BYTES_PER_PIXEL", "DEFAULT_MAX_PIXELS", "MAX_PAGES", "MAX_SCANS", "check_frames", "check_size", "too_large"]

DEFAULT_MAX_PIXELS = 200_000_000
BYTES_PER_PIXEL = 8  # caps the bytes read of a file before its size is known: 16-bit RGBA, uncompressed
MAX_PAGES = 500  # of a TIFF: directories that are read to tell pictures from smaller copies and masks, 0.1 ms each
MAX_SCANS = 64  # of a JPEG: programs write up to 20, and each costs a pass over all pixels


def check_size(width: int, height: int, frames: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise ImageError(f"holds no pixels ({width} x {height} px)")
    if width * height > max_pixels:
        raise too_large(f"{width} x {height} px", max_pixels)
    check_frames(frames)


def check_frames(frames: int) -> None:
    if frames > 1:
        raise ImageError(f"has {frames} frames or pages; split it into single images")


def too_large(size: str, max_pixels: int) -> ImageError:
    return ImageError(f"too large ({size}, the limit is {max_pixels}); raise --max-pixels if you trust the file")
