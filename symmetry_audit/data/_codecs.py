"""What the strips and tiles of a TIFF cost to unpack: those that are pictures of their own, by their own headers."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import tifffile
from PIL import Image

from symmetry_audit.data._jpeg import check_scans
from symmetry_audit.data._jpegxl import jpegxl_size
from symmetry_audit.data._limits import check_size
from symmetry_audit.errors import ImageError

__all__ = ["check_segments"]

# none, CCITT, LZW, deflate (two numbers), PackBits, PixarLog, LZMA, Zstandard (two), and JPEG of the first kind, by
# libtiff: the header of the TIFF caps the size of their unpacked data
BOUNDED = (1, 2, 3, 4, 5, 6, 8, 32946, 32773, 32909, 34925, 34926, 50000)
NONE, JPEG = 1, 7
LERC_MAGIC, LERC_SIZE_AT = b"Lerc2 ", {1: 10, 2: 10}  # by version; from the third on a checksum comes before
LERC_CHANNELS = 4  # the version from which on their number stands behind the size


def check_segments(page: tifffile.TiffPage, data: bytes, max_pixels: int) -> None:
    """Raise ImageError where a strip or tile of a TIFF is a picture of its own that is larger than it should be, or of
    a kind that is not known."""
    segments = [(first, size) for first, size in zip(page.dataoffsets, page.databytecounts, strict=False) if size]
    if page.compression != NONE and any(first + size > len(data) for first, size in segments):
        raise ImageError("damaged or truncated image (its pixels end before their time)")
    if page.compression in BOUNDED:
        return
    size = PICTURES.get(page.compression)
    if size is None:
        codec = getattr(page.compression, "name", page.compression)
        raise ImageError(f"compression {codec} is not supported for TIFF; save it with LZW or deflate")
    for first, length in segments:
        segment = data[first : first + length]
        check_size(*size(segment), 1, max_pixels)
        if page.compression == JPEG:
            check_scans(segment)


def _pillow_size(segment: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(segment), formats=("JPEG", "WEBP", "JPEG2000", "PNG")) as image:
        return image.size


def _lerc_size(segment: bytes) -> tuple[int, int]:
    if not segment.startswith(LERC_MAGIC):
        raise ImageError("compression LERC with a second one around it is not supported; save it with deflate")
    version = int.from_bytes(segment[6:10], "little")
    height, width, channels = struct.unpack_from("<iii", segment, LERC_SIZE_AT.get(version, 14))
    # as many bytes as of a picture with four channels count as one
    return width * -(-channels // 4) if version >= LERC_CHANNELS else width, height


PICTURES: dict[int, Callable[[bytes], tuple[int, int]]] = {
    **dict.fromkeys((JPEG, 33003, 33005, 34712, 34933, 34927, 50001), _pillow_size),  # JPEG, JPEG 2000, PNG, WebP
    34887: _lerc_size,
    **dict.fromkeys((50002, 52546), jpegxl_size),
}
