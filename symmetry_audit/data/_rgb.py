"""One image file -> its RGB samples, for networks."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from symmetry_audit.data._decode import Samples, check_seen, decode_samples, depth_of
from symmetry_audit.data._limits import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS
from symmetry_audit.data._ref import ImageRef
from symmetry_audit.data._samples import header_pixels
from symmetry_audit.data._scene import window_samples
from symmetry_audit.data._walk import PICTURE
from symmetry_audit.data._white import FULL_WHITE
from symmetry_audit.errors import ImageError

__all__ = ["Picture", "decode_rgb", "load_rgb", "pixel_count"]


@dataclass(frozen=True)
class Picture:
    """One decoded picture: ``pixels`` (H, W, 3) with 0 for black and ``white`` for white, upright; a ``grey`` one has
    three equal channels. They are uint8 or uint16, and where the white level was named also float or of 32 bits."""

    pixels: np.ndarray
    grey: bool  # the file holds one channel
    depth: str  # such as "8-bit", "16-bit" or "float"
    white: float = 255.0

    def to_8bit(self) -> np.ndarray:
        """(H, W, 3) uint8; other samples are times 255 / white, rounded and clipped."""
        if self.pixels.dtype == np.uint8:
            return self.pixels
        if self.pixels.dtype == np.uint16 and self.white == FULL_WHITE:
            return ((self.pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
        return np.rint((self.pixels * (255 / np.float64(self.white))).clip(0, 255)).astype(np.uint8)


def decode_rgb(
    data: bytes,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    bands: tuple[int, ...] | None = None,
    white: float | None = None,
) -> Picture:
    """Decode the bytes of one file as :func:`decode` does, but to RGB. Raises ImageError with a one-line reason."""
    return _picture(decode_samples(data, max_pixels, bands, white))


def _picture(found: Samples) -> Picture:
    check_seen(found)
    samples, level = found.samples, found.white
    if level is None:
        if samples.dtype not in (np.uint8, np.uint16):
            raise ImageError(
                f"holds {samples.dtype} samples, whose white level is unknown; name it, such as --white 1, or save it "
                "with 8 or 16 bits"
            )
        level = float(np.iinfo(samples.dtype).max)
    if not np.isfinite(samples).all():
        raise ImageError("holds NaN or infinite samples, which a network cannot take; replace them first")
    grey = samples.ndim == 2
    pixels = np.repeat(samples[..., None], 3, axis=2) if grey else samples
    return Picture(pixels, grey, depth_of(found), level)


def load_rgb(ref: ImageRef, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Read and decode one image. Raises ImageError, also for a CT slice, which ``load_slice`` reads."""
    if ref.kind != PICTURE:
        raise ImageError("is a CT slice and no picture; this task takes PNG, JPEG, TIFF, BMP or WebP")
    if ref.window is not None:
        return _picture(window_samples(ref, max_pixels))
    return decode_rgb(ref.read(max_pixels * BYTES_PER_PIXEL), max_pixels, ref.bands, ref.white)


def pixel_count(ref: ImageRef, max_pixels: int = DEFAULT_MAX_PIXELS) -> int:
    """Width times height of a tile, or by the header of a file or of a member that has its bytes; 0 where decoding is
    refused."""
    if ref.window is not None:
        return ref.window.width * ref.window.height
    if ref.payload is not None:
        return header_pixels(io.BytesIO(ref.payload), max_pixels)
    if ref.member is not None or ref.kind != PICTURE or not ref.path.is_file():  # reading a pipe could block forever
        return 0
    try:
        with open(ref.path, "rb") as file:
            return header_pixels(file, max_pixels)
    except OSError:
        return 0
