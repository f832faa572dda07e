"""Bytes of one image file -> samples or Y_audit luminance (SPEC 1), with depth, orientation and hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import UnidentifiedImageError

from symmetry_audit.data._luminance import hashed_luminance
from symmetry_audit.data._samples import FORMATS, read_samples
from symmetry_audit.errors import ImageError, one_line

__all__ = ["DecodedImage", "Samples", "decode", "decode_samples"]


@dataclass(frozen=True)
class DecodedImage:
    """One decoded image. ``luminance`` is (H, W) float32 in [0, 255] (float files: as they are, float32 or float64)."""

    luminance: np.ndarray
    depth: str  # "8-bit", "16-bit" or "float"
    turned: bool  # an EXIF orientation was applied
    pixel_sha256: str  # of the decoded samples in upright orientation, before luminance
    unit: str = "grey levels"  # of the luminance: "HU" for CT
    valid: np.ndarray | None = None  # (H, W) bool: which pixels hold data and no padding; None: all of them
    spacing: tuple[float, float] | None = None  # of rows and of columns in mm, where the file says it


@dataclass(frozen=True)
class Samples:
    """What a file holds: ``samples`` (H, W) or (H, W, 3), uint8, uint16 or float, upright and without alpha."""

    samples: np.ndarray
    turned: bool  # an EXIF orientation was applied


def decode(data: bytes, max_pixels: int) -> DecodedImage:
    """Decode PNG, JPEG, TIFF, BMP or WebP to luminance. Raises ImageError with a one-line reason.

    16-bit samples are divided by 257, never cut to 8 bits. For the rest see :func:`decode_samples`.
    """
    found = decode_samples(data, max_pixels)
    luminance, sha256 = hashed_luminance(found.samples)
    return DecodedImage(luminance, _depth(found.samples), found.turned, sha256)


def decode_samples(data: bytes, max_pixels: int) -> Samples:
    """Decode PNG, JPEG, TIFF, BMP or WebP. Raises ImageError with a one-line reason.

    Palette, CMYK and 1-bit images go through RGB; alpha is dropped; ICC profiles and gamma are ignored; EXIF
    orientation is applied. Images of more than ``max_pixels`` pixels are refused before their pixels are
    decoded. Threads may call it side by side.
    """
    if not data:
        raise ImageError("the file is empty (0 bytes)")
    try:
        pixels, turned = read_samples(data, max_pixels)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"not a readable {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image") from None
    except MemoryError:
        raise ImageError("not enough memory to decode the image") from None
    except Exception as error:  # decoders raise anything on damaged input; one image must not stop a run
        raise ImageError(f"damaged or truncated image ({one_line(error)})") from None
    samples = np.ascontiguousarray(_drop_alpha(pixels))
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        raise ImageError("holds NaN or infinite samples; replace them first")
    return Samples(samples, turned)


def _drop_alpha(pixels: np.ndarray) -> np.ndarray:
    """(H, W), (H, W, 1 | 2 | 3 | 4) -> grey (H, W) or color (H, W, 3)."""
    if pixels.ndim == 2:
        return pixels
    return pixels[..., 0] if pixels.shape[2] <= 2 else pixels[..., :3]


def _depth(samples: np.ndarray) -> str:
    return {"u1": "8-bit", "u2": "16-bit"}.get(samples.dtype.str[1:], "float")
