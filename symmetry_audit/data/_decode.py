"""Bytes of one image file -> Y_audit luminance (SPEC 1), with everything a careful analyst asks about it."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from symmetry_audit.errors import ImageError

__all__ = ["FORMATS", "DecodedImage", "decode"]

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
LUMA = np.array([0.299, 0.587, 0.114])
ORIENTATION_TAG = 274
PNG_EXIF_MARKS = (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp")
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True)
class DecodedImage:
    """One decoded image. ``luminance`` is (H, W) float64 in [0, 255] (float files: as they are)."""

    luminance: np.ndarray
    depth: str  # "8-bit", "16-bit" or "float"
    turned: bool  # an EXIF orientation was applied
    pixel_sha256: str  # of the decoded samples in upright orientation, before luminance


def decode(data: bytes, max_pixels: int) -> DecodedImage:
    """Decode PNG, JPEG, TIFF, BMP or WebP. Raises ImageError with a one-line reason.

    16-bit samples are divided by 257, never cut to 8 bits; palette, CMYK and 1-bit images go through RGB;
    alpha is dropped; ICC profiles and gamma are ignored; EXIF orientation is applied. Images of more than
    ``max_pixels`` pixels are refused before their pixels are decoded.
    """
    if not data:
        raise ImageError("the file is empty (0 bytes)")
    try:
        # from memory, never by path: a memory-mapped TIFF with an orientation tag comes out scrambled
        samples, turned = _samples(data, max_pixels)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"not a readable {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image") from None
    except MemoryError:
        raise ImageError("not enough memory to decode the image") from None
    except Exception as error:  # decoders raise anything on damaged input; one image must not stop a run
        cause = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"damaged or truncated image ({cause})") from None
    samples = np.ascontiguousarray(samples)
    digest = hashlib.sha256(repr((samples.shape, samples.dtype.str)).encode())
    digest.update(samples)
    return DecodedImage(_luminance(samples), _depth(samples), turned, digest.hexdigest())


def _samples(data: bytes, max_pixels: int) -> tuple[np.ndarray, bool]:
    """Upright samples, (H, W) or (H, W, 3), uint8 | uint16 | float, and whether they had to be turned."""
    if data[:4] in TIFF_MAGIC and (deep := _deep_tiff_samples(data, max_pixels)):
        return deep
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes are checked below; oddities in EXIF do not matter
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError:
            raise _too_large("far too many pixels", max_pixels) from None
        with image:
            _check_size(image.width, image.height, getattr(image, "n_frames", 1), max_pixels)
            # asking Pillow for the EXIF block of a PNG decodes all of it, since the block may stand last
            bare_png = image.format == "PNG" and not any(mark in data for mark in PNG_EXIF_MARKS)
            orientation = 1 if bare_png else _orientation(image)
            if image.format == "PNG" and image.mode in ("L", "LA", "RGB", "RGBA", "I;16"):
                # keeps 16 bits in colour, which Pillow cuts to 8, and takes half the time
                return _upright(_drop_alpha(imagecodecs.png_decode(data)), orientation), orientation != 1
            pixels = _pillow_samples(image)
            # Pillow turns some TIFF files itself while loading and then drops the tag: ask again
            return _upright(pixels, _orientation(image)), orientation != 1


def _deep_tiff_samples(data: bytes, max_pixels: int) -> tuple[np.ndarray, bool] | None:
    """TIFF of more than 8 bits per sample, most of which Pillow cuts or cannot read; None for the others."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        if page.bitspersample <= 8:
            return None
        _check_size(page.imagewidth, page.imagelength, len(file.pages), max_pixels)
        if page.photometric.name not in ("RGB", "MINISBLACK") or page.bitspersample not in (16, 32, 64):
            kind = f"{page.photometric.name} TIFF of {page.bitspersample} bits per sample"
            raise ImageError(f"{kind} is not supported; convert it to 16-bit grey or RGB")
        pixels, tag = page.asarray(), page.tags.get(ORIENTATION_TAG)
        orientation = tag.value if tag and tag.value in range(1, 9) else 1
        if page.planarconfig.name == "SEPARATE" and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        return _upright(_drop_alpha(pixels), orientation), orientation != 1


def _check_size(width: int, height: int, frames: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise _too_large(f"{width} x {height} px", max_pixels)
    if frames > 1:
        raise ImageError(f"holds {frames} frames or pages; split it into single images")


def _too_large(size: str, max_pixels: int) -> ImageError:
    return ImageError(f"too large ({size}, the limit is {max_pixels}); raise --max-pixels if the file can be trusted")


def _pillow_samples(image: Image.Image) -> np.ndarray:
    if image.mode == "I":
        raise ImageError("32-bit integer samples have no agreed range; convert to 8 or 16 bits, or to float")
    if image.mode not in ("L", "LA", "RGB", "F") and not image.mode.startswith("I;16"):
        image = image.convert("RGB")
    elif image.mode == "LA":
        image = image.getchannel("L")
    pixels = np.asarray(image)
    return pixels.astype(np.uint16) if image.mode.startswith("I;16") else pixels


def _drop_alpha(pixels: np.ndarray) -> np.ndarray:
    """(H, W), (H, W, 1 | 2 | 3 | 4) -> grey (H, W) or colour (H, W, 3)."""
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim not in (2, 3) or channels > 4:
        raise ImageError(f"has {channels} channels; expected grey or RGB, with or without alpha")
    if pixels.ndim == 2:
        return pixels
    return pixels[..., 0] if channels <= 2 else pixels[..., :3]


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(ORIENTATION_TAG, 1)
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


def _depth(samples: np.ndarray) -> str:
    return {"u1": "8-bit", "u2": "16-bit"}.get(samples.dtype.str[1:], "float")


def _luminance(samples: np.ndarray) -> np.ndarray:
    if samples.dtype.kind == "u":
        scale = {1: 1.0, 2: 1 / 257}.get(samples.dtype.itemsize)
    else:
        scale = 1.0 if samples.dtype.kind == "f" else None
    if scale is None:
        raise ImageError(f"{samples.dtype} samples have no agreed range; convert to 8 or 16 bits, or to float")
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        raise ImageError("holds NaN or infinite samples; replace them first")
    if samples.ndim == 2:
        return samples.astype(np.float64) * scale
    return samples @ (LUMA * scale)
