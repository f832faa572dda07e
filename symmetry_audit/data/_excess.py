"""Whether the many bytes of an archive's member can be the picture that its first bytes say, before they are read."""

from __future__ import annotations

import io

from symmetry_audit.data._limits import BYTES_PER_PIXEL
from symmetry_audit.errors import ImageError

__all__ = ["refuse_excess"]

BESIDE = 1 << 26  # bytes of profiles, thumbnails and whatever else stands beside the pixels
DICOM_MARK = slice(128, 132)
WITHOUT_SIZE = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x1f\x8b")  # TIFF and gzip, which say their size anywhere
BOXES = (b"ftyp", b"jP  ", b"JXL ")  # HEIF, AVIF, JPEG 2000 and JPEG XL, which Pillow may not know


def refuse_excess(head: bytes, size: int) -> None:
    """Raise ImageError where a file of ``size`` bytes that begins with ``head`` holds far more than its pixels need."""
    from PIL import Image, UnidentifiedImageError

    if head.startswith(WITHOUT_SIZE) or head[DICOM_MARK] == b"DICM" or head[4:8] in BOXES or _is_nifti(head):
        return
    try:
        with Image.open(io.BytesIO(head)) as image:
            width, height = image.size
    except UnidentifiedImageError:
        raise ImageError(f"{size} bytes that begin like no picture") from None
    except Exception:  # decoders raise anything, and the one that reads the whole file says what is wrong with it
        return
    if size > width * height * BYTES_PER_PIXEL + BESIDE:
        raise ImageError(f"{size} bytes for {width} x {height} pixels; unpack the archive if you trust the file")


def _is_nifti(head: bytes) -> bool:
    return head[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")
