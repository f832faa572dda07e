"""One image, however it is stored -> luminance, with its unit and which of its pixels hold data (SPEC 1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.data._decode import DecodedImage, decode, image_of
from symmetry_audit.data._limits import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS, check_size
from symmetry_audit.data._padding import held
from symmetry_audit.data._ref import ImageRef
from symmetry_audit.data._scene import scene_hash, window_samples
from symmetry_audit.data._stored import StoredSlice
from symmetry_audit.data._streamed import outside_memory, streamed
from symmetry_audit.data._walk import DICOM, PICTURE
from symmetry_audit.errors import ImageError
from symmetry_audit.wording import HU, WINDOWED

if TYPE_CHECKING:
    from symmetry_audit.data._nifti import Volume

__all__ = ["Reading", "Slice", "content_hash", "load_image", "load_slice", "volume"]


@dataclass(frozen=True)
class Reading:
    """How samples become luminance.

    ``unit`` is that of samples whose file does not say it (signed and floating-point TIFF, NIfTI), "HU" or "grey
    levels"; None: HU for signed TIFF and NIfTI. ``window`` is (level, width) in HU: these values become 0 to 255.
    """

    unit: str | None = None
    window: tuple[float, float] | None = None


@dataclass(frozen=True)
class Slice:
    """One CT slice: ``hu`` (H, W) float32, finite; ``valid`` (H, W) bool, False in padding, where ``hu`` is the mean of
    the other pixels; ``spacing`` of rows and of columns in mm, None where it is not known."""

    hu: np.ndarray
    valid: np.ndarray
    spacing: tuple[float, float] | None


AS_FOUND = Reading()
LARGE = 1 << 28  # bytes of a file that is not read at once


def load_image(ref: ImageRef, max_pixels: int = DEFAULT_MAX_PIXELS, reading: Reading = AS_FOUND) -> DecodedImage:
    """Read and decode one image of any kind. Raises ImageError with a one-line reason."""
    most = max_pixels * BYTES_PER_PIXEL
    if ref.kind != PICTURE and ref.bands is not None:
        raise ImageError("is a CT slice and has no bands; drop --bands")
    if ref.window is not None:
        image, digest = _tile(ref, max_pixels, reading), content_hash(ref, max_pixels)
    elif ref.part is not None:
        plane, index = ref.part
        whole = volume(ref, most)
        digest = content_hash(ref, max_pixels)
        image = _measurable(whole.slice(plane, index, max_pixels), reading.unit)
    elif ref.kind == PICTURE and (image := streamed(ref, max_pixels, reading.unit)) is not None:
        return image if reading.window is None else _windowed(image, *reading.window)
    else:
        data = ref.read(most)
        digest = hashlib.sha256(data).hexdigest()
        if ref.kind == PICTURE:
            image = outside_memory(decode(data, max_pixels, reading.unit, ref.bands, ref.white))
        else:
            image = _measurable(_stored(ref, data, max_pixels), None)
    image = replace(image, file_sha256=digest)
    return image if reading.window is None else _windowed(image, *reading.window)


def content_hash(ref: ImageRef, max_pixels: int = DEFAULT_MAX_PIXELS) -> str:
    """SHA-256 of an image's file, or of the hash of its volume or scene and its place there, without decoding it.

    It is ``file_sha256`` of what ``load_image`` returns. Raises ImageError where the file cannot be read.
    """
    most = max_pixels * BYTES_PER_PIXEL
    if ref.window is not None:
        return hashlib.sha256(f"{scene_hash(ref, max_pixels)} {ref.window}".encode()).hexdigest()
    if ref.part is None:
        large = ref.member is None and ref.payload is None and ref.path.is_file() and ref.path.stat().st_size > LARGE
        return scene_hash(ref, max_pixels) if large else hashlib.sha256(ref.read(most)).hexdigest()
    plane, index = ref.part
    return hashlib.sha256(f"{volume(ref, most).sha256} {plane} {index}".encode()).hexdigest()


def load_slice(ref: ImageRef, max_pixels: int = DEFAULT_MAX_PIXELS) -> Slice:
    """Read one CT slice for a network. Raises ImageError, also for an image that is not in HU.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy, tifffile, tempfile
    >>> from symmetry_audit.data import load_slice, open_source
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tifffile.imwrite(Path(folder, "slice.tif"), numpy.full((2, 3), -1000, "int16"))
    ...     load_slice(open_source(folder).refs[0]).hu.shape
    (2, 3)
    """
    image = load_image(ref, max_pixels)
    if image.unit != HU:
        raise ImageError(f"is in {image.unit}, not in HU; give CT slices")
    valid = np.ones(image.luminance.shape, bool) if image.valid is None else image.valid
    return Slice(np.asarray(image.luminance, np.float32), np.asarray(valid), image.spacing)


def volume(ref: ImageRef, max_bytes: int) -> Volume:
    """The volume that ``ref`` or its slice is of. Raises ImageError."""
    from symmetry_audit.data._nifti import read_volume

    key = (str(ref.path), ref.member, ref.stamp(), max_bytes)
    return read_volume(key, lambda: ref.read(max_bytes), max_bytes)


def _tile(ref: ImageRef, max_pixels: int, reading: Reading) -> DecodedImage:
    assert ref.window is not None
    check_size(ref.window.width, ref.window.height, 1, max_pixels)
    found = window_samples(ref, max_pixels)
    if found.hidden is not None and found.hidden.all():
        raise ImageError("every pixel is fully transparent (alpha 0)")
    image = image_of(found, reading.unit, ref.white)
    if image.unit == HU:
        raise ImageError("is in HU, and --tile cuts no CT slices; drop --tile, or say --unit grey for a map")
    return image


def _stored(ref: ImageRef, data: bytes, max_pixels: int) -> StoredSlice:
    if ref.kind == DICOM:
        from symmetry_audit.data._dicom import decode_dicom

        return decode_dicom(data, max_pixels)
    from symmetry_audit.data._raw import decode_raw

    assert ref.raw is not None, ref.kind
    return decode_raw(data, ref.raw, max_pixels)


def _measurable(stored: StoredSlice, unit: str | None) -> DecodedImage:
    """``stored`` in its unit, or in ``unit``, with padding found in CT slices and filled."""
    unit = unit or stored.unit
    digest = hashlib.sha256(repr((stored.values.shape, stored.values.dtype.str)).encode())
    digest.update(np.ascontiguousarray(stored.values).data)
    luminance, valid = held(stored.values, unit, stored.declared)
    return DecodedImage(luminance, stored.depth, False, digest.hexdigest(), unit, valid, stored.spacing)


def _windowed(image: DecodedImage, level: float, width: float) -> DecodedImage:
    """HU in level - width/2 .. level + width/2 become 0..255, others are clipped. Raises ImageError."""
    if image.unit != HU:
        raise ImageError(f"is in {image.unit}, and --window is for HU; drop --window")
    scaled = (np.asarray(image.luminance) - np.float32(level - width / 2)) * np.float32(255 / width)
    return replace(image, luminance=scaled.clip(0, 255), unit=WINDOWED)
