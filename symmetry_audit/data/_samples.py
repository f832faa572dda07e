"""Bytes of one image file -> its samples, upright and at full depth, by Pillow, libpng, libjpeg-turbo or tifffile."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import BinaryIO, NamedTuple

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError, features
from simplejpeg import decode_jpeg

from symmetry_audit.data._formats import (
    AVIF,
    BMP,
    HEIC,
    JPEG,
    JPEG2000,
    JPEGXL,
    PNG,
    START,
    TIFF,
    WEBP,
    format_of,
    unreadable,
)
from symmetry_audit.data._jpeg import check_scans, deep_jpeg
from symmetry_audit.data._jpegxl import jpegxl_animated, jpegxl_size
from symmetry_audit.data._limits import check_frames, check_size, too_large
from symmetry_audit.data._tiff import ORIENTATION_TAG, StoredSamples, picture_page, tiff_samples, upright
from symmetry_audit.data._tiff_kinds import stretched
from symmetry_audit.data._transparency import PNG_DEPTH_AT, hidden_pixels, transparent
from symmetry_audit.errors import ImageError

__all__ = ["Header", "decoder_settings", "header_of", "header_pixels", "picture_shape", "read_samples"]

PILLOW_NAMES = {PNG: "PNG", JPEG: "JPEG", BMP: "BMP", WEBP: "WEBP", JPEG2000: "JPEG2000", AVIF: "AVIF", HEIC: "HEIF"}
OPTIONAL: dict[str, Callable[[], bool]] = {  # which decoders are not everywhere
    JPEG2000: lambda: bool(features.check("jpg_2000")),
    AVIF: lambda: bool(features.check("avif")),
    HEIC: lambda: find_spec("pillow_heif") is not None,
    JPEGXL: lambda: imagecodecs.JPEGXL.available,
}
PNG_EXIF_MARKS = (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp")
PNG_CHUNKS_AT = 8  # after the signature
SIZ_MARK, SIZ_DEPTH_AT = b"\xff\x4f\xff\x51", 42  # of JPEG 2000: the bits of the first component, less one

for _name in ("PIL", "imagecodecs", "nibabel", "pydicom", "pylibjpeg", "tifffile"):
    # the ImageError is enough; without a handler Python prints their log on stderr
    logging.getLogger(_name).addHandler(logging.NullHandler())

_pillow_lock, _pillow_restore, _pillow_users = threading.Lock(), ExitStack(), 0


class Header(NamedTuple):
    """What a file says of its picture before its pixels are decoded."""

    format: str  # such as PNG or JPEG 2000
    width: int
    height: int


def read_samples(data: bytes, max_pixels: int, bands: bool = False) -> StoredSamples:
    """What the file holds; with ``bands``, all channels of a TIFF, of which some will be chosen.

    Raises ImageError for refused files, and any exception of the decoders for damaged input.
    """
    kind = _readable(data[:START])
    with decoder_settings(max_pixels):
        if kind == TIFF:
            # from memory, never by path: a memory-mapped TIFF with an orientation tag comes out scrambled
            return tiff_samples(data, max_pixels, bands)
        return _jpegxl_samples(data, max_pixels) if kind == JPEGXL else _pillow_samples(data, kind, max_pixels)


def header_of(file: BinaryIO) -> Header:
    """The size of the picture in ``file``, without decoding it. Raises ImageError for refused files, and any exception
    of the decoders for damaged ones."""
    start = file.read(START)
    file.seek(0)
    kind = _readable(start)
    if kind == TIFF:
        with tifffile.TiffFile(file) as opened:
            page = picture_page(opened)
            return Header(kind, int(page.imagewidth), int(page.imagelength))
    if kind == JPEGXL:
        return Header(kind, *jpegxl_size(file.read()))
    with _opened(file, kind) as image:
        return Header(kind, image.width, image.height)


def header_pixels(file: BinaryIO, max_pixels: int) -> int:
    """Width times height from the header, without decoding; 0 where it cannot be read or is too large."""
    try:
        with decoder_settings(max_pixels):
            header = header_of(file)
        count = header.width * header.height
        return count if 0 <= count <= max_pixels else 0
    except Exception:  # as in decode, which reports the problem when the pixels are needed
        return 0


def picture_shape(file: BinaryIO, max_pixels: int) -> tuple[int, int] | None:
    """The upright (H, W) of a picture of another format than TIFF; None where decoding alone tells it.

    Raises ImageError for refused files, and any exception of the decoders for damaged ones.
    """
    data = file.read()
    kind = _readable(data[:START])
    with decoder_settings(max_pixels):
        try:
            image = None if kind == JPEGXL else _opened(io.BytesIO(data), kind)
        except UnidentifiedImageError:
            image = None
        if image is None:  # whose header knows nothing of its orientation, or that Pillow does not read
            return None
        with image:
            check_size(image.width, image.height, 1, max_pixels)
            turned = (kind != PNG or _may_hold_exif(data)) and _orientation(image) >= 5
            return (image.width, image.height) if turned else (image.height, image.width)


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


def _readable(start: bytes) -> str:
    """The format of a file by its first bytes. Raises ImageError where no decoder here reads it."""
    kind = format_of(start)
    if kind is None or not _has_decoder(kind):
        raise unreadable(kind)
    return kind


def _has_decoder(kind: str) -> bool:
    if kind in OPTIONAL:
        return OPTIONAL[kind]()
    return kind == TIFF or kind in PILLOW_NAMES


def _opened(file: BinaryIO, kind: str) -> Image.Image:
    if kind == HEIC:
        from pillow_heif import register_heif_opener  # pyright: ignore[reportMissingImports]  # not required

        register_heif_opener()
    return Image.open(file, formats=(PILLOW_NAMES[kind],))


def _pillow_samples(data: bytes, kind: str, max_pixels: int) -> StoredSamples:
    try:
        image = _opened(io.BytesIO(data), kind)
    except Image.DecompressionBombError:
        raise too_large("far too many pixels", max_pixels) from None
    except UnidentifiedImageError:
        if kind != JPEG or (deep := deep_jpeg(data, max_pixels)) is None:
            raise
        return StoredSamples(deep, turned=False)  # no program writes an orientation into these
    with image:
        # the further pictures of an MPO, which phones write as .jpg, are previews and gain maps of the first
        frames = 1 if kind in (JPEG, HEIC) else getattr(image, "n_frames", 1)
        check_size(image.width, image.height, frames, max_pixels)
        if kind == JPEG:
            check_scans(data)
        # asking Pillow for the EXIF block of a PNG decodes all of it, since the block may be at the end
        orientation = 1 if kind == PNG and not _may_hold_exif(data) else _orientation(image)
        pixels = _DECODERS.get(kind, _any_samples)(image, data)
        hidden = hidden_pixels(image, pixels, data)
        if hidden is not None:  # in BMP, alpha is a byte that many writers leave at 0
            hidden = None if kind == BMP and hidden.all() else upright(hidden, orientation)
        return StoredSamples(upright(pixels, orientation), orientation != 1, hidden=hidden)


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


def _jpeg2000_samples(image: Image.Image, data: bytes) -> np.ndarray:
    at = data.find(SIZ_MARK) + SIZ_DEPTH_AT
    bits = (data[at] & 0x7F) + 1 if at < len(data) else 8
    if not 8 < bits <= 16:
        return _any_samples(image, data)
    pixels = imagecodecs.jpeg2k_decode(data)  # Pillow cuts color to 8 bits
    return stretched(pixels, bits) if bits < 16 and pixels.dtype == np.uint16 else pixels


def _any_samples(image: Image.Image, data: bytes) -> np.ndarray:
    if image.mode not in ("L", "LA", "RGB", "RGBA", "I;16"):
        image = image.convert("RGBA" if image.mode == "PA" else "RGB")
    return np.asarray(image)


_DECODERS: dict[str, Callable[[Image.Image, bytes], np.ndarray]] = {
    PNG: _png_samples,
    JPEG: _jpeg_samples,
    JPEG2000: _jpeg2000_samples,
}


def _jpegxl_samples(data: bytes, max_pixels: int) -> StoredSamples:
    check_size(*jpegxl_size(data), 1, max_pixels)
    if jpegxl_animated(data):
        raise ImageError("is an animation; split it into single images")
    pixels = imagecodecs.jpegxl_decode(data)  # upright
    check_frames(len(pixels) if pixels.ndim == 4 else 1)
    return StoredSamples(pixels, turned=False, hidden=transparent(pixels))


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
