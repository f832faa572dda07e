"""TIFF files by tifffile: more than 8 bits per sample, any number of bands, and the value that marks missing data."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import tifffile

from symmetry_audit.data._limits import BYTES_PER_PIXEL, check_size, too_large
from symmetry_audit.errors import ImageError

__all__ = ["ORIENTATION_TAG", "TIFF_MAGIC", "StoredSamples", "tiff_nodata", "tiff_samples", "upright"]

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ORIENTATION_TAG = 274
NODATA_TAG = 42113  # GDAL_NODATA: a number as text
CHANNELS = {"MINISBLACK": (1, 2), "MINISWHITE": (1, 2), "RGB": (3, 4), "SEPARATED": (4, 5)}
SAMPLE_SORTS = {1: "unsigned", 2: "signed", 3: "float", 6: "complex"}
INKS = ("MINISWHITE", "SEPARATED")
BANDED = ("MINISBLACK", "RGB")  # kinds whose samples are what was measured, so that bands can be chosen
NUMBERS = (
    *("imagewidth", "imagelength", "imagedepth", "tilewidth", "tilelength", "tiledepth"),
    *("samplesperpixel", "bitspersample", "photometric", "compression"),
)
# none, LZW, deflate (two numbers), PackBits, LZMA, Zstandard: the header caps the size of their unpacked data
CODECS = (1, 5, 8, 32946, 32773, 34925, 50000)
REDUCED = 1  # bit of NewSubfileType: a smaller copy of the first image, as for quick displays of maps


class StoredSamples(NamedTuple):
    """Upright samples, (H, W) or (H, W, channels), uint8 | uint16 | float | signed or 32-bit integers.

    ``turned``: an EXIF orientation was applied. ``nodata`` is the value that the file gives to missing samples.
    """

    samples: np.ndarray
    turned: bool
    nodata: float | None = None


def tiff_samples(data: bytes, max_pixels: int, bands: bool) -> StoredSamples | None:
    """The samples of a TIFF that Pillow cuts or cannot read: deep, or of several bands; None for the others.

    ``bands`` says that bands will be chosen, for which all of them are needed. Raises ImageError.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)  # only later ones are frames
        if not all(isinstance(getattr(page, name), int) for name in NUMBERS):
            raise ImageError("damaged TIFF header, or channels of different depths")
        if not _is_deep(page) and not (_is_plain(page) and (bands or _has_bands(page) or len(file.pages) > 1)):
            return None
        frames = sum(not (isinstance(one, tifffile.TiffPage) and one.subfiletype & REDUCED) for one in file.pages)
        check_size(page.imagewidth, page.imagelength, frames * page.imagedepth, max_pixels)
        if page.is_tiled:
            check_size(page.tilewidth, page.tilelength, page.tiledepth, max_pixels)
        decoded = page.imagewidth * page.imagelength * page.samplesperpixel * page.bitspersample // 8
        if decoded > max_pixels * BYTES_PER_PIXEL:
            raise too_large(f"{page.imagewidth} x {page.imagelength} px of {page.samplesperpixel} bands", max_pixels)
        kind = _kind(page, bands)
        pixels, tag = _as_kind(page, kind), page.tags.get(ORIENTATION_TAG)
        orientation = tag.value if tag and tag.value in range(1, 9) else 1
        return StoredSamples(upright(pixels, orientation), orientation != 1, _nodata(page))


def tiff_nodata(data: bytes) -> float | None:
    """The value that a TIFF gives to missing samples, None where it names none."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        return _nodata(page) if isinstance(page, tifffile.TiffPage) else None


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply EXIF orientation 1..8."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _kind_name(page: tifffile.TiffPage) -> str:
    return getattr(page.photometric, "name", str(page.photometric))


def _is_deep(page: tifffile.TiffPage) -> bool:
    return page.bitspersample > 8 or page.sampleformat == tifffile.SAMPLEFORMAT.INT


def _is_plain(page: tifffile.TiffPage) -> bool:
    """Whether the samples are 8-bit grey levels or colors of a lossless file."""
    return page.bitspersample == 8 and _kind_name(page) in BANDED and page.compression in CODECS


def _has_bands(page: tifffile.TiffPage) -> bool:
    """Whether there are other samples than grey or RGB, with or without alpha."""
    return page.samplesperpixel not in CHANNELS[_kind_name(page)]


def _kind(page: tifffile.TiffPage, bands: bool) -> str:
    """Name of the photometric interpretation. Raises ImageError where it or the samples have no agreed meaning."""
    kind = _kind_name(page)
    wanted = ("u2",) if kind in INKS else ("u1", "u2", "f2", "f4", "f8")
    if kind == "MINISBLACK" or (bands and kind in BANDED):
        wanted += ("i2", "i4", "u4")
    sort = page.dtype.str[1:] if page.dtype and page.dtype.itemsize * 8 == page.bitspersample else ""
    if kind not in CHANNELS or sort not in wanted:
        what = f"{page.bitspersample}-bit {SAMPLE_SORTS.get(page.sampleformat, 'unusual')} {kind}"
        raise ImageError(f"TIFF of {what} samples is not supported; convert it to 16-bit unsigned grey or RGB")
    count = page.samplesperpixel
    if count not in CHANNELS[kind] and not bands:
        choose = "; choose with --bands 3,2,1 (red, green, blue) or --bands 1 (grey)" if kind in BANDED else ""
        raise ImageError(f"has {count} channels; expected grey, RGB or CMYK, with or without alpha{choose}")
    if page.compression not in CODECS:
        codec = getattr(page.compression, "name", page.compression)
        raise ImageError(f"compression {codec} is not supported for deep TIFF; save it with LZW or deflate")
    return kind


def _as_kind(page: tifffile.TiffPage, kind: str) -> np.ndarray:
    """The samples with their bands last, and more of them where there is more light. Raises ImageError."""
    pixels = page.asarray()
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    if kind in INKS:
        pixels = 65535 - pixels
    if kind == "SEPARATED":  # cyan, magenta, yellow, black, combined as Pillow does for 8 bits
        pixels = np.rint(pixels[..., :3] * (pixels[..., 3:4] / 65535)).astype(np.uint16)
    return pixels


def _nodata(page: tifffile.TiffPage) -> float | None:
    """The number in the GDAL_NODATA tag, None where there is none or where samples are no longer those of the file."""
    tag = page.tags.get(NODATA_TAG)
    if tag is None or _kind_name(page) not in BANDED or page.bitspersample < 8:
        return None
    try:
        return float(str(tag.value).strip().rstrip("\0"))
    except ValueError:  # such as "none"
        return None
