"""Bytes of one image file -> its samples, upright and at full depth, by Pillow, libpng, libjpeg-turbo or tifffile."""

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

from symmetry_audit.errors import ImageError

__all__ = ["FORMATS", "check_size", "decoder_settings", "header_pixels", "read_samples"]

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
ORIENTATION_TAG = 274
PNG_EXIF_MARKS = (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp")
PNG_CHUNKS_AT = 8  # after the signature
PNG_DEPTH_AT = 24  # signature, length, IHDR, width, height
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DEEP_TIFF_CHANNELS = {"MINISBLACK": (1, 2), "MINISWHITE": (1, 2), "RGB": (3, 4), "SEPARATED": (4, 5)}
SAMPLE_SORTS = {1: "unsigned", 2: "signed", 3: "float", 6: "complex"}
INKS = ("MINISWHITE", "SEPARATED")
DEEP_TIFF_NUMBERS = (
    *("imagewidth", "imagelength", "imagedepth", "tilewidth", "tilelength", "tiledepth"),
    *("samplesperpixel", "bitspersample", "photometric", "compression"),
)
# none, LZW, deflate (two numbers), PackBits, LZMA, Zstandard: the header caps the size of their unpacked data
DEEP_TIFF_CODECS = (1, 5, 8, 32946, 32773, 34925, 50000)

for _name in ("PIL", "imagecodecs", "nibabel", "pydicom", "pylibjpeg", "tifffile"):
    # the ImageError is enough; without a handler Python prints their log on stderr
    logging.getLogger(_name).addHandler(logging.NullHandler())

_pillow_lock, _pillow_restore, _pillow_users = threading.Lock(), ExitStack(), 0


def read_samples(data: bytes, max_pixels: int) -> tuple[np.ndarray, bool]:
    """Upright samples, (H, W) or (H, W, channels), uint8 | uint16 | float, and whether an EXIF orientation was applied.

    Raises ImageError for refused files, and any exception of the decoders for damaged input.
    """
    with decoder_settings(max_pixels):
        # from memory, never by path: a memory-mapped TIFF with an orientation tag comes out scrambled
        deep = _deep_tiff_samples(data, max_pixels) if data[:4] in TIFF_MAGIC else None
        return deep or _pillow_samples(data, max_pixels)


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


def _pillow_samples(data: bytes, max_pixels: int) -> tuple[np.ndarray, bool]:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large("far too many pixels", max_pixels) from None
    with image:
        # the further pictures of an MPO, which phones write as .jpg, are previews and gain maps of the first
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        check_size(image.width, image.height, frames, max_pixels)
        # asking Pillow for the EXIF block of a PNG decodes all of it, since the block may be at the end
        orientation = 1 if image.format == "PNG" and not _may_hold_exif(data) else _orientation(image)
        pixels = _DECODERS.get(image.format or "", _any_samples)(image, data)
        # Pillow rotates TIFF files itself while loading and then drops the tag: read it again
        left = _orientation(image) if image.format == "TIFF" else orientation
        return _upright(pixels, left), orientation != 1


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


def _deep_tiff_samples(data: bytes, max_pixels: int) -> tuple[np.ndarray, bool] | None:
    """TIFF of more than 8 bits per sample, most of which Pillow cuts or cannot read; None for the others."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)  # only later ones are frames
        if not all(isinstance(getattr(page, name), int) for name in DEEP_TIFF_NUMBERS):
            raise ImageError("damaged TIFF header, or channels of different depths")
        if page.bitspersample <= 8 and page.sampleformat != tifffile.SAMPLEFORMAT.INT:
            return None
        check_size(page.imagewidth, page.imagelength, len(file.pages) * page.imagedepth, max_pixels)
        if page.is_tiled:
            check_size(page.tilewidth, page.tilelength, page.tiledepth, max_pixels)
        kind = _deep_tiff_kind(page)
        pixels, tag = page.asarray(), page.tags.get(ORIENTATION_TAG)
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        if kind in INKS:
            pixels = 65535 - pixels
        if kind == "SEPARATED":  # cyan, magenta, yellow, black, combined as Pillow does for 8 bits
            pixels = np.rint(pixels[..., :3] * (pixels[..., 3:4] / 65535)).astype(np.uint16)
        orientation = tag.value if tag and tag.value in range(1, 9) else 1
        return _upright(pixels, orientation), orientation != 1


def _deep_tiff_kind(page: tifffile.TiffPage) -> str:
    """Name of the photometric interpretation. Raises ImageError where it or the samples have no agreed meaning."""
    kind = getattr(page.photometric, "name", str(page.photometric))
    wanted = ("u2",) if kind in INKS else ("u2", "f2", "f4", "f8")
    if kind == "MINISBLACK":
        wanted += ("i2", "i4", "u4")
    sort = page.dtype.str[1:] if page.dtype and page.dtype.itemsize * 8 == page.bitspersample else ""
    if kind not in DEEP_TIFF_CHANNELS or sort not in wanted:
        what = f"{page.bitspersample}-bit {SAMPLE_SORTS.get(page.sampleformat, 'unusual')} {kind}"
        raise ImageError(f"TIFF of {what} samples is not supported; convert it to 16-bit unsigned grey or RGB")
    if page.samplesperpixel not in DEEP_TIFF_CHANNELS[kind]:
        raise ImageError(f"has {page.samplesperpixel} channels; expected grey, RGB or CMYK, with or without alpha")
    if page.compression not in DEEP_TIFF_CODECS:
        codec = getattr(page.compression, "name", page.compression)
        raise ImageError(f"compression {codec} is not supported for deep TIFF; save it with LZW or deflate")
    return kind


def check_size(width: int, height: int, frames: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise ImageError(f"holds no pixels ({width} x {height} px)")
    if width * height > max_pixels:
        raise _too_large(f"{width} x {height} px", max_pixels)
    if frames > 1:
        raise ImageError(f"has {frames} frames or pages; split it into single images")


def _too_large(size: str, max_pixels: int) -> ImageError:
    return ImageError(f"too large ({size}, the limit is {max_pixels}); raise --max-pixels if you trust the file")


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 where there is none; an unreadable EXIF block does not make the image unusable."""
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:
        return 1
    return value if value in range(1, 9) else 1


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply EXIF orientation 1..8."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
