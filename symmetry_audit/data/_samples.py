"""Bytes of one image file -> its samples, upright and at full depth, by Pillow, libpng or libjpeg-turbo."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

import imagecodecs
import numpy as np
import tifffile
from PIL import Image
from simplejpeg import decode_jpeg

from symmetry_audit.data._limits import check_size, too_large
from symmetry_audit.data._tiff import (
    ORIENTATION_TAG,
    TIFF_MAGIC,
    StoredSamples,
    tiff_nodata,
    tiff_samples,
    upright,
)

__all__ = ["FORMATS", "decoder_settings", "header_pixels", "read_samples"]

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
PNG_EXIF_MARKS = (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp")
PNG_CHUNKS_AT = 8  # after the signature
PNG_DEPTH_AT = 24  # signature, length, IHDR, width, height

for _name in ("PIL", "imagecodecs", "nibabel", "pydicom", "pylibjpeg", "tifffile"):
    # the ImageError is enough; without a handler Python prints their log on stderr
    logging.getLogger(_name).addHandler(logging.NullHandler())

_pillow_lock, _pillow_restore, _pillow_users = threading.Lock(), ExitStack(), 0


def read_samples(data: bytes, max_pixels: int, bands: bool = False) -> StoredSamples:
    """What the file holds; with ``bands``, all channels of a TIFF, of which some will be chosen.

    Raises ImageError for refused files, and any exception of the decoders for damaged input.
    """
    with decoder_settings(max_pixels):
        if data[:4] not in TIFF_MAGIC:
            return _pillow_samples(data, max_pixels)
        # from memory, never by path: a memory-mapped TIFF with an orientation tag comes out scrambled
        found = tiff_samples(data, max_pixels, bands)
        return found or _pillow_samples(data, max_pixels)._replace(nodata=tiff_nodata(data))


def header_pixels(file: BinaryIO, max_pixels: int) -> int:
    """Width times height from the header, without decoding; 0 where it cannot be read or is too large."""
    try:
        magic = file.read(4)
        file.seek(0)
        if magic in TIFF_MAGIC:
            with tifffile.TiffFile(file) as deep:
                page = deep.pages[0]
                assert isinstance(page, tifffile.TiffPage)
                count = int(page.imagewidth) * int(page.imagelength)
        else:
            with decoder_settings(max_pixels), Image.open(file, formats=FORMATS) as image:
                count = image.width * image.height
        return count if 0 <= count <= max_pixels else 0
    except Exception:  # as in decode, which reports the problem when the pixels are needed
        return 0


@contextmanager
def decoder_settings(max_pixels: int = 0) -> Iterator[None]:
    """Pillow without warnings, and with our size limit in place of its own.

    Both are settings of the process, and images are decoded in threads: the last thread restores them.
    """
    global _pillow_users
    with _pillow_lock:
        if _pillow_users == 0:
            _pillow_restore.enter_context(warnings.catch_warnings())
            _pillow_restore.callback(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
            warnings.simplefilter("ignore")  # sizes are checked below; oddities in EXIF do not matter
        _pillow_users += 1
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, max_pixels)
    try:
        yield
    finally:
        with _pillow_lock:
            _pillow_users -= 1
            if _pillow_users == 0:
                _pillow_restore.close()


def _pillow_samples(data: bytes, max_pixels: int) -> StoredSamples:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise too_large("far too many pixels", max_pixels) from None
    with image:
        # the further pictures of an MPO, which phones write as .jpg, are previews and gain maps of the first
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        check_size(image.width, image.height, frames, max_pixels)
        # asking Pillow for the EXIF block of a PNG decodes all of it, since the block may be at the end
        orientation = 1 if image.format == "PNG" and not _may_hold_exif(data) else _orientation(image)
        pixels = _DECODERS.get(image.format or "", _any_samples)(image, data)
        # Pillow rotates TIFF files itself while loading and then drops the tag: read it again
        left = _orientation(image) if image.format == "TIFF" else orientation
        return StoredSamples(upright(pixels, left), orientation != 1)


def _png_samples(image: Image.Image, data: bytes) -> np.ndarray:
    if data[PNG_DEPTH_AT] == 16 and image.mode in ("LA", "RGB", "RGBA"):  # in color Pillow cuts 16 bits to 8
        image.load()  # raises for damaged data, on which png_decode corrupts memory and ends the process
        return imagecodecs.png_decode(data)
    # twice as fast as Pillow, and safe with damaged data
    quick = imagecodecs.SPNG.available and image.mode in ("L", "RGB", "RGBA")
    return imagecodecs.spng_decode(data) if quick else _any_samples(image, data)


def _jpeg_samples(image: Image.Image, data: bytes) -> np.ndarray:
    """By libjpeg-turbo without Pillow's copies. Anything that its strict mode remarks upon is left to Pillow, which
    raises for truncated files and shows what it can of others."""
    if image.mode in ("L", "RGB"):
        pixels = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
        try:
            found = decode_jpeg(data, "GRAY" if image.mode == "L" else "RGB", buffer=pixels)
        except ValueError:
            return _any_samples(image, data)
        if found.shape == pixels.shape:  # else the two read different sizes
            return found
    return _any_samples(image, data)


def _any_samples(image: Image.Image, data: bytes) -> np.ndarray:
    return np.asarray(image if image.mode in ("L", "LA", "RGB", "I;16") else image.convert("RGB"))


# the first picture of an MPO is a JPEG
_DECODERS = {"PNG": _png_samples, "JPEG": _jpeg_samples, "MPO": _jpeg_samples}


def _may_hold_exif(png: bytes) -> bool:
    """Whether a mark of EXIF is in any chunk of ``png`` but those of pixels, as far as its chunk lengths lead."""
    beside, at = [], PNG_CHUNKS_AT
    while at + 8 <= len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] != b"IDAT":
            beside.append(png[at:end])
        at = end
    return any(mark in chunk for chunk in beside for mark in PNG_EXIF_MARKS)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 where there is none; an unreadable EXIF block does not make the image unusable."""
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:
        return 1
    return value if value in range(1, 9) else 1
