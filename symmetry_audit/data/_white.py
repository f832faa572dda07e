"""The white level: which sample of a picture of more than 8 bits is white, as its file says it (SPEC 1)."""

from __future__ import annotations

import io
from contextlib import suppress

import numpy as np
import tifffile

from symmetry_audit.data._tiff import TIFF_MAGIC, picture_page
from symmetry_audit.errors import ImageError

__all__ = [
    "FULL_WHITE",
    "PNG_DEPTH_AT",
    "PNG_MAGIC",
    "check_below",
    "largest_sample",
    "may_state_white",
    "stated_white",
]

FULL_WHITE = 65535  # of 16 bits
PNG_MAGIC, PNG_DEPTH_AT, PNG_CHUNKS_AT = b"\x89PNG\r\n\x1a\n", 24, 8
WHITE_LEVEL = 50717  # of DNG: exactly this
MAX_SAMPLE_VALUES = (281, 341)  # MaxSampleValue, SMaxSampleValue
MIN_SAMPLE_VALUE = 340  # SMinSampleValue
BITS = range(8, 17)


def stated_white(data: bytes, samples: np.ndarray) -> float | None:
    """The white level that a PNG or TIFF file gives to its ``samples``, which ``data`` hold; None where it says none.

    In a TIFF: WhiteLevel of DNG; 65535 of packed samples of 10, 12 or 14 bits; MaxSampleValue or SMaxSampleValue, where
    it is 1 (of floating-point samples) or some 2^n - 1, since many programs write the largest sample there. Of signed
    samples only beside an SMinSampleValue of 0 or more, since others are HU. In a PNG: 2^n - 1 of sBIT, where samples
    are those n bits as they are; the standard wants them in the upper bits, so that white is 65535. What a sample
    exceeds is no white level.
    """
    if samples.dtype == np.uint8:
        return None
    if data.startswith(PNG_MAGIC):
        return _of_png(data, samples)
    if data[:4] not in TIFF_MAGIC:
        return None
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = picture_page(file)
        if page.tags.get(WHITE_LEVEL) is not None:
            levels = [float(np.max(page.tags[WHITE_LEVEL].value))]
        elif page.bitspersample in BITS[1:-1]:  # stretched to all 16 bits when they are unpacked
            levels = [float(FULL_WHITE)]
        else:
            levels = [level for code in MAX_SAMPLE_VALUES if (level := _number(page, code)) in _usual(samples)]
        lowest = _number(page, MIN_SAMPLE_VALUE)
    if samples.dtype.kind == "i" and (lowest is None or lowest < 0):
        return None
    return next((level for level in levels if level > 0 and largest_sample(samples) <= level), None)


def may_state_white(page: tifffile.TiffPage) -> bool:
    """Whether the tags of ``page`` name a white level that holds only if no sample of the whole picture exceeds it."""
    return any(page.tags.get(code) is not None for code in (WHITE_LEVEL, *MAX_SAMPLE_VALUES))


def largest_sample(samples: np.ndarray, missing: np.ndarray | None = None) -> float:
    """The largest of ``samples`` that is neither NaN nor ``missing``, (H, W) bool; 0 where there is none."""
    held = samples if missing is None else samples[~missing]
    return float(np.fmax.reduce(held, axis=None)) if held.size else 0.0


def check_below(samples: np.ndarray, white: float, missing: np.ndarray | None = None) -> None:
    """Raise ImageError where a sample exceeds ``white``, which the user named for them."""
    largest = largest_sample(samples, missing)
    if samples.dtype != np.uint8 and largest > white:
        raise ImageError(
            f"holds samples up to {largest:g}, above the white level {white:g} of --white; give the right one, and "
            "files of another white level apart"
        )


def _usual(samples: np.ndarray) -> list[float]:
    return [*([1.0] if samples.dtype.kind == "f" else []), *(2.0**bits - 1 for bits in BITS)]


def _number(page: tifffile.TiffPage, code: int) -> float | None:
    """The value of a tag, the largest of several."""
    tag = page.tags.get(code)
    with suppress(TypeError, ValueError):
        return None if tag is None else float(np.max(tag.value))
    return None


def _of_png(data: bytes, samples: np.ndarray) -> float | None:
    bits = _significant_bits(data)
    if bits not in BITS[:-1]:
        return None
    as_they_are = largest_sample(samples) < 2**bits and bool((samples & (2 ** (16 - bits) - 1)).any())
    return 2.0**bits - 1 if as_they_are else None


def _significant_bits(png: bytes) -> int:
    """The largest number of the chunk sBIT, which stands before the pixels; 0 where there is none."""
    at = PNG_CHUNKS_AT
    while at + 8 <= len(png) and png[at + 4 : at + 8] != b"IDAT":
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"sBIT":
            return max(png[at + 8 : at + 8 + min(length, 3)], default=0)
        at += 12 + length
    return 0
