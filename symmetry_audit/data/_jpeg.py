"""The markers of a JPEG: how many scans it asks for, and pictures of more than 8 bits, which Pillow does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator

import imagecodecs
import numpy as np

from symmetry_audit.data._limits import MAX_SCANS, check_size
from symmetry_audit.data._tiff_kinds import stretched
from symmetry_audit.errors import ImageError

__all__ = ["check_scans", "deep_jpeg"]

MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
FRAMES = {0xC0, 0xC1, 0xC2, 0xC3}  # baseline, extended, progressive, lossless
SCAN, END = 0xDA, 0xD9


def check_scans(jpeg: bytes) -> None:
    """Raise ImageError for a JPEG of so many scans that decoding it would take minutes."""
    if jpeg.count(b"\xff\xda") <= MAX_SCANS:  # quick, and more only in other data that a file carries along
        return
    scans = sum(kind == SCAN for kind, _ in _markers(jpeg))
    if scans > MAX_SCANS:
        raise ImageError(f"is a JPEG of {scans} scans, the limit is {MAX_SCANS}; save it again as a baseline JPEG")


def deep_jpeg(jpeg: bytes, max_pixels: int) -> np.ndarray | None:
    """The samples of a JPEG of 9 to 16 bits, stretched to uint16; None where it has another depth. Raises ImageError,
    and any exception of the decoder."""
    places = dict(reversed(list(_markers(jpeg))))  # the first of each kind
    frame = next((places[kind] for kind in FRAMES & places.keys()), None)
    if frame is None or not 8 < jpeg[frame + 2] <= 16:
        return None
    height, width = (int.from_bytes(jpeg[at : at + 2]) for at in (frame + 3, frame + 5))
    check_size(width, height, 1, max_pixels)
    check_scans(jpeg)
    if END not in places:  # the decoder fills up what is missing
        raise ImageError("damaged or truncated image (its end is missing)")
    return stretched(imagecodecs.jpeg_decode(jpeg), jpeg[frame + 2])


def _markers(jpeg: bytes) -> Iterator[tuple[int, int]]:
    """Each marker up to the end of the picture, and the place behind it, where its length stands."""
    at = 2
    while found := MARKER.search(jpeg, at):
        kind, at = found[1][0], found.end()
        yield kind, at
        if kind == END:
            return
        at += int.from_bytes(jpeg[at : at + 2])
