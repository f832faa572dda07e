"""Bytes of one image file -> samples or Y_audit luminance (SPEC 1), with depth, orientation and hashes."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import UnidentifiedImageError

from symmetry_audit.data._bands import chosen_bands, missing_pixels
from symmetry_audit.data._luminance import hashed_luminance
from symmetry_audit.data._padding import held
from symmetry_audit.data._rows import StoredRows
from symmetry_audit.data._samples import header_pixels, read_samples
from symmetry_audit.data._white import FULL_WHITE, check_below, stated_white
from symmetry_audit.errors import ImageError, one_line
from symmetry_audit.wording import GREY_LEVELS, HU

__all__ = ["UNSEEN", "DecodedImage", "Samples", "check_seen", "decode", "decode_samples", "depth_of", "image_of"]

DECODER_BYTES = 12  # per pixel: WebP's, which takes the most
UNSEEN = "every pixel is fully transparent (alpha 0); save it without alpha"
HIDDEN = "pixels left out that alpha or a mask inside the file makes fully transparent"


@dataclass(frozen=True)
class DecodedImage:
    """One decoded image. ``luminance`` is (H, W) float32, grey levels in [0, 255] or HU; of 32-bit integers and float
    files as it is, float32 or float64. It is finite: what is not ``valid`` holds the mean of the rest. Of a large TIFF
    file both are StoredRows.
    """

    luminance: np.ndarray | StoredRows
    depth: str  # such as "8-bit", "16-bit", "float", "signed 16-bit" or "DICOM 12-bit"
    turned: bool  # an EXIF orientation was applied
    pixel_sha256: str  # of the decoded samples in upright orientation, before luminance and filling
    unit: str = GREY_LEVELS  # of the luminance: HU for CT
    # (H, W) bool: which pixels hold data, neither padding nor NaN; None: all of them
    valid: np.ndarray | StoredRows | None = None
    spacing: tuple[float, float] | None = None  # of rows and of columns in mm, where the file says it
    file_sha256: str = ""  # of the file, or of the file and the slice; empty where decoded from bytes alone
    remarks: tuple[str, ...] = ()  # what a report should say about how the file was read


@dataclass(frozen=True)
class Samples:
    """What a file holds: ``samples`` (H, W) or (H, W, 3), integers or float, upright and without alpha, 0 where
    ``hidden``."""

    samples: np.ndarray
    turned: bool  # an EXIF orientation was applied
    # (H, W) bool: which pixels the file marks as missing, the hidden ones among them; None: none of them
    missing: np.ndarray | None = None
    hidden: np.ndarray | None = None  # (H, W) bool: which pixels are fully transparent; None: none of them
    mapped: bool = False  # of a map or of several bands, so no CT slice
    white: float | None = None  # of more than 8 bits: the white level, where the user or the file says it
    remarks: tuple[str, ...] = ()  # what a report should say about how the file was read


def decode(
    data: bytes,
    max_pixels: int,
    unit: str | None = None,
    bands: tuple[int, ...] | None = None,
    white: float | None = None,
) -> DecodedImage:
    """Decode one picture, of any format that SPEC 1 lists, to luminance. Raises ImageError with a one-line reason, and
    MemoryError.

    16-bit samples are divided by 257, or by 1/255 of their white level, never cut to 8 bits; signed, 32-bit and float
    ones of unknown white level stay as they are. ``unit``, HU or grey levels, is that of the latter; None: HU of signed
    ones, unless the file names a value of missing data or ``bands`` are chosen, as of maps. For the rest see
    :func:`decode_samples`.
    """
    return image_of(decode_samples(data, max_pixels, bands, white), unit, white)


def image_of(found: Samples, unit: str | None = None, white: float | None = None) -> DecodedImage:
    """The image whose samples are ``found``, as :func:`decode` has it. Raises ImageError with a one-line reason."""
    check_seen(found)
    samples, depth = found.samples, depth_of(found)
    if unit == HU and (samples.dtype in (np.uint8, np.uint16) or samples.ndim == 3):
        color = "grey" if samples.ndim == 2 else "color"
        raise ImageError(f"holds {depth} {color} samples, which are no HU; drop --unit")
    if unit == HU and white is not None:
        raise ImageError("HU have no white level; drop --white or --unit")
    luminance, sha256 = hashed_luminance(samples, found.white)
    of_ct = samples.dtype.kind == "i" and not found.mapped and found.white is None
    unit = unit or (HU if of_ct else GREY_LEVELS)
    if found.hidden is not None:
        luminance[found.hidden] = np.nan  # in HU, what is missing may be air
    valid = None
    if samples.dtype.kind == "f" or unit == HU or found.missing is not None:
        luminance, valid = held(luminance, unit, found.missing)
    return DecodedImage(luminance, depth, found.turned, sha256, unit, valid, remarks=found.remarks)


def decode_samples(
    data: bytes, max_pixels: int, bands: tuple[int, ...] | None = None, white: float | None = None
) -> Samples:
    """Decode one picture, of any format that SPEC 1 lists. Raises ImageError with a one-line reason, and MemoryError.

    ``bands`` are the channels to take as grey, or as red, green and blue, counted from 1. Without them alpha is
    dropped, and more than four channels are refused. Fully transparent pixels hold 0, whatever the file has there.
    Palette, CMYK and 1-bit images go through RGB; ICC profiles and gamma are ignored; EXIF orientation is applied.
    Images of more than ``max_pixels`` pixels are refused before their pixels are decoded. ``white`` is the white level
    of samples of more than 8 bits, by default what the file says; a file that exceeds it is refused. Threads may call
    it side by side.
    """
    if not data:
        raise ImageError("the file is empty (0 bytes)")
    try:
        stored = read_samples(data, max_pixels, bands is not None)
        stated = stated_white(data, stored.samples) if white is None else white
    except (ImageError, MemoryError):  # without memory the next image fares no better, so this one is not left out
        raise
    except UnidentifiedImageError:  # which tells the address of a buffer
        raise ImageError("damaged or truncated image (its header cannot be read)") from None
    except Exception as error:  # decoders raise anything on damaged input; one image must not stop a run
        # several say nothing of memory when it is what they lack: raise MemoryError in their place
        np.empty(header_pixels(io.BytesIO(data), max_pixels) * DECODER_BYTES, np.uint8)
        raise ImageError(f"damaged or truncated image ({one_line(error)})") from None
    samples, hidden = np.ascontiguousarray(chosen_bands(stored.samples, bands)), stored.hidden
    mapped = bands is not None or stored.nodata is not None
    remarks = (stored.remark,) if stored.remark else ()
    missing = missing_pixels(samples, stored.nodata)
    stated = None if samples.dtype == np.uint8 else stated
    if white is not None:
        check_below(samples, white, missing)
    if hidden is None or not hidden.any():
        return Samples(samples, stored.turned, missing, None, mapped, stated, remarks)
    missing = hidden if missing is None else missing | hidden
    samples = np.where(hidden if samples.ndim == 2 else hidden[..., None], samples.dtype.type(0), samples)
    return Samples(samples, stored.turned, missing, hidden, mapped, stated, (*remarks, HIDDEN))


def check_seen(found: Samples) -> None:
    """Raise ImageError for a picture of which nothing is seen."""
    if found.hidden is not None and found.hidden.all():
        raise ImageError(UNSEEN)


def depth_of(found: Samples) -> str:
    """What the samples are, in words."""
    bits = f"{8 * found.samples.dtype.itemsize}-bit"
    depth = {"u": bits, "i": f"signed {bits}"}.get(found.samples.dtype.kind, "float")
    return depth if found.white in (None, FULL_WHITE) else f"{depth} of white {found.white:g}"
