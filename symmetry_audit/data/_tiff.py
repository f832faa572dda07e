"""TIFF files: which of their pages is the picture, which is its mask, and the samples of both, by tifffile."""

from __future__ import annotations

import io
import re
import struct
from math import prod
from typing import NamedTuple

import numpy as np
import tifffile

from symmetry_audit.data._codecs import check_segments
from symmetry_audit.data._limits import BYTES_PER_PIXEL, MAX_PAGES, check_frames, check_size, too_large
from symmetry_audit.data._tiff_kinds import BANDED, is_odd, kind_name, layout, odd_pixels, stored_pixels
from symmetry_audit.errors import ImageError

__all__ = [
    "MASK",
    "ORIENTATION_TAG",
    "REDUCED",
    "TIFF_MAGIC",
    "StoredSamples",
    "frames_of",
    "orientation_of",
    "picture_page",
    "tiff_samples",
    "upright",
]

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ORIENTATION_TAG = 274
XMP_TAG = 700
XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')
NODATA_TAG = 42113  # GDAL_NODATA: a number as text
REDUCED, MASK = 1, 4  # bits of NewSubfileType: a smaller copy, as for quick displays; which pixels of another count
NUMBERS = (
    *("imagewidth", "imagelength", "imagedepth", "tilewidth", "tilelength", "tiledepth"),
    *("samplesperpixel", "bitspersample", "photometric", "compression"),
)
# tags of which each decides what the samples mean: of the picture's size, layout, compression, palette and alpha
LAYOUT_TAGS = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339}
RAW_TAG, RAW_KINDS = 50706, ("CFA", "LINEAR_RAW")  # DNGVersion, and what sensors give before colors are made
STACKS = ("shaped", "imagej", "stk")  # kinds that may put several pictures behind one directory
SLIDES = ("svs", "ndpi", "philips", "bif", "scn", "qpi")  # scanners' files, whose smaller copies carry no mark
THREE_BANDS = "three bands that the file calls grey are taken as red, green and blue (--bands chooses others)"


class StoredSamples(NamedTuple):
    """Upright samples, (H, W) or (H, W, channels), uint8 | uint16 | float | signed or 32-bit integers.

    ``turned``: an EXIF orientation was applied. ``nodata`` is the value that the file gives to missing samples,
    ``hidden`` (H, W) bool the pixels that alpha or a mask make invisible, None where there are neither.
    """

    samples: np.ndarray
    turned: bool
    nodata: float | None = None
    hidden: np.ndarray | None = None
    remark: str | None = None  # what a report should say about the choice of channels


def tiff_samples(data: bytes, max_pixels: int, bands: bool) -> StoredSamples:
    """The samples of the picture in a TIFF; ``bands`` says that bands will be chosen, for which all are kept.

    Raises ImageError, and any exception of tifffile for damaged input.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = picture_page(file)
        mask = _mask_of(file, page)
        check_frames(frames_of(file, page))
        for one in (page, mask) if mask else (page,):
            _check(one, file.tiff, data, max_pixels)
        orientation = orientation_of(page)
        if is_odd(page):
            return StoredSamples(odd_pixels(page, data, orientation), turned=False)
        found = layout(page, bands)
        pixels, hidden = stored_pixels(page, data, found)
        if mask is not None:
            outside = mask.asarray() == 0
            hidden = outside if hidden is None else hidden | outside
        remark = THREE_BANDS if found.colors == 3 and kind_name(page) == "MINISBLACK" and not bands else None
        hidden = None if hidden is None else upright(hidden, orientation)
        return StoredSamples(upright(pixels, orientation), orientation != 1, _nodata(page), hidden, remark)


def picture_page(file: tifffile.TiffFile) -> tifffile.TiffPage:
    """The page of the one picture, in full size: cameras put a smaller copy before it. Raises ImageError."""
    pages = _pages(file)
    first = pages[0]
    if not all(isinstance(getattr(first, name), int) for name in NUMBERS):
        raise ImageError("damaged TIFF header, or channels of different depths")
    beside = first.pages if first.subfiletype & REDUCED and first.pages else ()
    whole = [one for one in (*pages, *beside) if isinstance(one, tifffile.TiffPage) and _is_picture(one)]
    if any(kind_name(one) in RAW_KINDS for one in whole) or RAW_TAG in first.tags:
        raise ImageError("is a camera RAW file, which needs developing; export it as TIFF or PNG")
    if len(whole) > 1 and not _is_slide(file, first):
        check_frames(len(whole))
    return whole[0] if whole else first


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply EXIF orientation 1..8."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _pages(file: tifffile.TiffFile) -> list[tifffile.TiffPage]:
    count = len(file.pages)  # follows the chain of directories without reading them
    if count > MAX_PAGES:
        check_frames(count)
    return [one for one in file.pages if isinstance(one, tifffile.TiffPage)]


def _is_picture(page: tifffile.TiffPage) -> bool:
    return not page.subfiletype & (REDUCED | MASK)


def _is_slide(file: tifffile.TiffFile, first: tifffile.TiffPage) -> bool:
    return any(getattr(first, f"is_{kind}", False) for kind in SLIDES) and file.series[0].is_pyramidal


def frames_of(file: tifffile.TiffFile, page: tifffile.TiffPage) -> int:
    """How many pictures the page stands for: of a volume, and of the stacks that ImageJ and others write behind one
    directory."""
    told = page.is_shaped or page.is_imagej or page.is_stk
    if page.index != 0 or not told or file.series[0].kind not in STACKS:
        return page.imagedepth
    return max(page.imagedepth, prod(file.series[0].shape) // max(1, prod(page.shape)))


def _mask_of(file: tifffile.TiffFile, page: tifffile.TiffPage) -> tifffile.TiffPage | None:
    """The page that says which pixels of ``page`` count: one bit or byte each, 0 for those that do not."""
    for one in _pages(file):
        if one.subfiletype & MASK and not one.subfiletype & REDUCED and _size(one) == _size(page):
            return one
    return None


def _size(page: tifffile.TiffPage) -> tuple[int, int]:
    return page.imagelength, page.imagewidth


def _check(page: tifffile.TiffPage, form: tifffile.TiffFormat, data: bytes, max_pixels: int) -> None:
    """Refuse by the header what is damaged, or would unpack to more than an image of ``max_pixels`` pixels holds."""
    if LAYOUT_TAGS & (_written_tags(page, form, data) - {*page.tags.keys()}):  # tifffile goes on with their defaults
        raise ImageError("damaged or truncated image (a TIFF tag cannot be read)")
    check_size(page.imagewidth, page.imagelength, 1, max_pixels)
    if page.is_tiled:
        check_size(page.tilewidth, page.tilelength, page.tiledepth, max_pixels)
    decoded = page.imagewidth * page.imagelength * page.samplesperpixel * page.bitspersample // 8
    if decoded > max_pixels * BYTES_PER_PIXEL:
        raise too_large(f"{page.imagewidth} x {page.imagelength} px of {page.samplesperpixel} bands", max_pixels)
    check_segments(page, data, max_pixels)


def _written_tags(page: tifffile.TiffPage, form: tifffile.TiffFormat, data: bytes) -> set[int]:
    """The numbers of the tags in the directory of ``page``."""
    count = struct.unpack_from(form.tagnoformat, data, page.offset)[0]
    first = page.offset + form.tagnosize
    ends = range(first, min(first + count * form.tagsize, len(data) - 1), form.tagsize)
    return {struct.unpack_from(f"{form.byteorder}H", data, at)[0] for at in ends}


def orientation_of(page: tifffile.TiffPage) -> int:
    """By the tag, else by XMP, as viewers do; 1 where there is none."""
    if tag := page.tags.get(ORIENTATION_TAG):
        return tag.value if tag.value in range(1, 9) else 1
    xmp = page.tags.valueof(XMP_TAG)
    found = XMP_ORIENTATION.search(xmp.encode() if isinstance(xmp, str) else bytes(xmp or b""))
    return int(found[1]) if found else 1


def _nodata(page: tifffile.TiffPage) -> float | None:
    """The number in the GDAL_NODATA tag, None where there is none or where samples are no longer those of the file."""
    tag = page.tags.get(NODATA_TAG)
    if tag is None or kind_name(page) not in BANDED or page.bitspersample < 8:
        return None
    try:
        return float(str(tag.value).strip().rstrip("\0"))
    except ValueError:  # such as "none"
        return None
