"""The samples of one TIFF page by its photometric interpretation, as grey levels or RGB, and what alpha hides."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from symmetry_audit.errors import ImageError

__all__ = ["BANDED", "Layout", "is_odd", "kind_name", "layout", "odd_pixels", "stored_pixels", "stretched"]

CHANNELS = {"MINISBLACK": 1, "MINISWHITE": 1, "PALETTE": 1, "RGB": 3, "YCBCR": 3, "CIELAB": 3, "SEPARATED": 4}
BANDED = ("MINISBLACK", "RGB")  # kinds whose samples are what was measured, so that bands can be chosen
FLOATS, INTEGERS = ("f2", "f4", "f8"), ("i2", "i4", "u4")
SORTS = {
    **dict.fromkeys(BANDED, ("u1", "u2", *FLOATS)),
    **dict.fromkeys(("MINISWHITE", "SEPARATED"), ("u1", "u2")),
}
PACKED = {"b1": (1,), "u1": (1, 2, 4), "u2": (10, 12, 14)}  # bits of samples that share bytes
SAMPLE_SORTS = {1: "unsigned", 2: "signed", 3: "float", 6: "complex"}
ALPHAS = PREMULTIPLIED, STRAIGHT = 1, 2  # values of ExtraSamples
LZW, OLD_JPEG, JPEG = 5, 6, 7  # values of Compression
PHOTOMETRIC_TAG = 262
PILLOW_MODES = {"SEPARATED": "CMYK", "YCBCR": "YCbCr", "CIELAB": "LAB"}


class Layout(NamedTuple):
    """The first ``colors`` channels hold the picture, 1, 3 or 4; ``alpha`` is the place of alpha, if there is one, with
    which the others may be ``multiplied``; ``every`` channel is kept where bands will be chosen."""

    colors: int
    alpha: int | None
    multiplied: bool
    every: bool


def kind_name(page: tifffile.TiffPage) -> str:
    """Such as RGB or MINISBLACK; the number of an unknown kind."""
    return getattr(page.photometric, "name", str(page.photometric))


def layout(page: tifffile.TiffPage, bands: bool) -> Layout:
    """What the channels of ``page`` are; ``bands`` says that some will be chosen.

    Raises ImageError where samples or channels have no agreed meaning.
    """
    kind, count = kind_name(page), page.samplesperpixel
    wanted = SORTS.get(kind, ("u1",))
    if kind == "MINISBLACK" or (bands and kind in BANDED):
        wanted += INTEGERS
    sort = page.dtype.str[1:] if page.dtype else ""
    whole = sort in wanted and page.dtype and page.dtype.itemsize * 8 == page.bitspersample
    if kind not in CHANNELS or not (whole or (page.bitspersample in PACKED.get(sort, ()) and kind != "SEPARATED")):
        what = f"{page.bitspersample}-bit {SAMPLE_SORTS.get(page.sampleformat, 'unusual')} {kind}"
        raise ImageError(f"TIFF of {what} samples is not supported; convert it to 16-bit unsigned grey or RGB")
    extra = page.extrasamples[-count:]
    alphas = [count - len(extra) + place for place, sort in enumerate(extra) if sort in ALPHAS]
    least, rest = CHANNELS[kind], count - len(alphas)
    if kind == "MINISBLACK" and rest == 3:
        least = 3
    elif rest not in (least, least + 1) and not bands:  # one more: near infrared, or alpha without its mark
        choose = "; choose with --bands 3,2,1 (red, green, blue) or --bands 1 (grey)" if kind in BANDED else ""
        raise ImageError(f"has {count} channels; expected grey, RGB or CMYK, with or without alpha{choose}")
    multiplied = bool(alphas) and extra[alphas[0] - count] == PREMULTIPLIED
    return Layout(least, alphas[0] if alphas else None, multiplied, every=bands and kind in BANDED)


def stored_pixels(page: tifffile.TiffPage, data: bytes, found: Layout) -> tuple[np.ndarray, np.ndarray | None]:
    """Samples with their bands last, (H, W) or (H, W, channels), and more of them where there is more light; and where
    alpha is 0, (H, W) bool, None where there is no alpha.

    Raises ImageError, and any exception of the decoders.
    """
    kind, (pixels, hidden) = kind_name(page), (_unpacked(page, data), None)
    if found.alpha is not None:
        alpha = pixels[..., found.alpha]
        hidden = alpha == 0
        if found.multiplied and kind in BANDED:
            pixels = _divided(pixels, alpha)
    if pixels.ndim == 3 and not found.every:
        pixels = pixels[..., : found.colors] if found.colors > 1 else pixels[..., 0]
    return _as_light(page, kind, pixels), hidden


def _unpacked(page: tifffile.TiffPage, data: bytes) -> np.ndarray:
    # libtiff unpacks LZW half again as fast as tifffile; it knows pages by their number from the first
    plain = kind_name(page) in BANDED and page.bitspersample == 8 and page.axes[0] == "Y"
    if page.compression == LZW and plain and page.index == 0:
        with suppress(ValueError):  # of samples that the file leaves without a format
            return imagecodecs.tiff_decode(data, index=0)
    pixels = page.asarray()
    return np.moveaxis(pixels, 0, -1) if page.axes[0] == "S" else pixels


def is_odd(page: tifffile.TiffPage) -> bool:
    """Whether only libtiff reads ``page``: JPEG of the first kind, YCbCr whose color is stored more coarsely than its
    light, and pages that do not say what their samples are."""
    coarse = kind_name(page) == "YCBCR" and page.is_subsampled and page.compression != JPEG
    return coarse or page.compression == OLD_JPEG or PHOTOMETRIC_TAG not in page.tags


def odd_pixels(page: tifffile.TiffPage, data: bytes, orientation: int) -> np.ndarray:
    """RGB (H, W, 3) of 8 bits by libtiff. Raises ImageError, and any exception of the decoder."""
    if page.index != 0 or orientation != 1 or page.bitspersample > 8:  # libtiff would turn the page half of the way
        raise ImageError("TIFF of an unusual kind that is turned or deep is not supported; save it as RGB")
    return imagecodecs.tiff_decode(data, index=0, asrgb=True)[..., :3]


def _divided(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """``pixels`` (H, W, channels) by ``alpha`` (H, W), with which they were multiplied; as they are where it is 0."""
    white = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1
    if ((alpha == 0) | (alpha == white)).all():
        return pixels
    straight = pixels * (white / np.where(alpha == 0, white, alpha))[..., None]
    return (straight if white == 1 else np.rint(straight).clip(0, white)).astype(pixels.dtype)


def _as_light(page: tifffile.TiffPage, kind: str, pixels: np.ndarray) -> np.ndarray:
    """Grey levels or RGB of samples that are inks, numbers of a palette, or of fewer than 8 bits."""
    if kind == "PALETTE":
        return _through_palette(page, pixels)
    if page.bitspersample not in (8, 16, 32, 64):
        pixels = stretched(pixels, page.bitspersample)
    if kind == "MINISWHITE":
        pixels = np.iinfo(pixels.dtype).max - pixels
    if kind == "SEPARATED" and pixels.dtype == np.uint16:  # combined as Pillow does for 8 bits
        light = 65535 - pixels
        return np.rint(light[..., :3] * (light[..., 3:4] / 65535)).astype(np.uint16)
    if kind in PILLOW_MODES and not (kind == "YCBCR" and page.compression == JPEG):  # whose decoder gives RGB
        size = pixels.shape[1::-1]
        return np.asarray(Image.frombytes(PILLOW_MODES[kind], size, pixels.tobytes()).convert("RGB"))
    return np.repeat(pixels[..., None], 3, axis=2) if page.bitspersample == 1 and pixels.ndim == 2 else pixels


def stretched(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Samples of ``bits`` bits as uint8 or uint16 of the whole range, rounded."""
    kind = np.dtype(np.uint8 if bits <= 8 else np.uint16)
    table = np.rint(np.arange(2**bits) * (np.iinfo(kind).max / (2**bits - 1))).astype(kind)
    return table[pixels.astype(kind)]


def _through_palette(page: tifffile.TiffPage, pixels: np.ndarray) -> np.ndarray:
    colors = page.colormap
    if colors is None or pixels.max(initial=0) >= colors.shape[1]:
        raise ImageError("damaged or truncated image (no color for some of its samples)")
    # some writers give 8 bits where the format has 16
    colors = colors >> 8 if colors.max() > 255 else colors
    return colors.astype(np.uint8).T[pixels.astype(np.uint8)]
