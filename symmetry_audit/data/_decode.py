"""Bytes of one image file -> samples or Y_audit luminance (SPEC 1), with depth, orientation and hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import UnidentifiedImageError

from symmetry_audit.data._luminance import hashed_luminance
from symmetry_audit.data._padding import held
from symmetry_audit.data._samples import FORMATS, read_samples
from symmetry_audit.errors import ImageError, one_line
from symmetry_audit.wording import GREY_LEVELS, HU

__all__ = ["DecodedImage", "Samples", "decode", "decode_samples"]


@dataclass(frozen=True)
class DecodedImage:
    """One decoded image. ``luminance`` is (H, W) float32, grey levels in [0, 255] or HU; of 32-bit integers and float
    files as it is, float32 or float64. It is finite: what is not ``valid`` holds the mean of the rest.
    """

    luminance: np.ndarray
    depth: str  # such as "8-bit", "16-bit", "float", "signed 16-bit" or "DICOM 12-bit"
    turned: bool  # an EXIF orientation was applied
    pixel_sha256: str  # of the decoded samples in upright orientation, before luminance and filling
    unit: str = GREY_LEVELS  # of the luminance: HU for CT
    valid: np.ndarray | None = None  # (H, W) bool: which pixels hold data, neither padding nor NaN; None: all of them
    spacing: tuple[float, float] | None = None  # of rows and of columns in mm, where the file says it
    file_sha256: str = ""  # of the file, or of the file and the slice; empty where decoded from bytes alone


@dataclass(frozen=True)
class Samples:
    """What a file holds: ``samples`` (H, W) or (H, W, 3), integers or float, upright and without alpha."""

    samples: np.ndarray
    turned: bool  # an EXIF orientation was applied


def decode(data: bytes, max_pixels: int, unit: str | None = None) -> DecodedImage:
    """Decode PNG, JPEG, TIFF, BMP or WebP to luminance. Raises ImageError with a one-line reason.

    16-bit samples are divided by 257, never cut to 8 bits; signed, 32-bit and float ones stay as they are. ``unit``,
    HU or grey levels, is that of the latter; None: HU of signed ones. For the rest see :func:`decode_samples`.
    """
    found = decode_samples(data, max_pixels)
    samples, depth = found.samples, _depth(found.samples)
    if unit == HU and (samples.dtype in (np.uint8, np.uint16) or samples.ndim == 3):
        color = "grey" if samples.ndim == 2 else "color"
        raise ImageError(f"holds {depth} {color} samples, which are no HU; drop --unit")
    luminance, sha256 = hashed_luminance(samples)
    unit = unit or (HU if samples.dtype.kind == "i" else GREY_LEVELS)
    luminance, valid = held(luminance, unit) if samples.dtype.kind == "f" or unit == HU else (luminance, None)
    return DecodedImage(luminance, depth, found.turned, sha256, unit, valid)


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
    return Samples(np.ascontiguousarray(_drop_alpha(pixels)), turned)


def _drop_alpha(pixels: np.ndarray) -> np.ndarray:
    """(H, W), (H, W, 1 | 2 | 3 | 4) -> grey (H, W) or color (H, W, 3)."""
    if pixels.ndim == 2:
        return pixels
    return pixels[..., 0] if pixels.shape[2] <= 2 else pixels[..., :3]


def _depth(samples: np.ndarray) -> str:
    bits = f"{8 * samples.dtype.itemsize}-bit"
    return {"u": bits, "i": f"signed {bits}"}.get(samples.dtype.kind, "float")
