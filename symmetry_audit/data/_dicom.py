"""DICOM files: what their headers say, and a CT slice of one in HU (SPEC 1).

Names, numbers and identifiers of patients are never read; of the series identifier only a hash leaves this file.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from symmetry_audit.data._limits import BYTES_PER_PIXEL, check_size
from symmetry_audit.data._samples import decoder_settings
from symmetry_audit.data._stored import StoredSlice
from symmetry_audit.errors import ImageError

__all__ = ["DicomHeader", "decode_dicom", "read_header"]

META_AT = 132  # after the preamble and the mark
CT_CLASSES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
DIRECTORY = "1.2.840.10008.1.3.10"
HEADER_TAGS = [
    *("SOPClassUID", "Modality", "ImageType", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"),
    *("NumberOfFrames", "RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence"),
    *("SeriesInstanceUID", "InstanceNumber"),
]
PIXEL_TAGS = [
    *HEADER_TAGS,
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration", "PixelSpacing"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "PixelData", "FloatPixelData", "DoubleFloatPixelData"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
]
LABEL_DIGITS = 12
DECODERS = '`pip install "pylibjpeg[all]" python-gdcm`'  # the extra "dicom" of setup.cfg


@dataclass(frozen=True)
class DicomHeader:
    """What a header says without pixels. ``refusal`` is why the file is no CT slice, None where it may be one."""

    series: str | None  # a hash of the series identifier
    number: int | None  # of the slice within its series
    refusal: str | None


def read_header(file: BinaryIO) -> DicomHeader:
    """Read a header. A file that cannot be read has a refusal too."""
    try:
        with decoder_settings():
            found = dcmread(file, stop_before_pixels=True, specific_tags=HEADER_TAGS, force=True)
            series, number = found.get("SeriesInstanceUID"), found.get("InstanceNumber")
            label = hashlib.sha256(str(series).encode()).hexdigest()[:LABEL_DIGITS] if series else None
            return DicomHeader(label, None if number is None else int(number), _refusal(found))
    except Exception as error:  # pydicom raises anything on damaged input
        return DicomHeader(None, None, f"damaged or truncated DICOM file ({type(error).__name__})")


def decode_dicom(data: bytes, max_pixels: int) -> StoredSlice:
    """A CT slice in HU from the bytes of a file. Raises ImageError with a one-line reason."""
    try:
        with decoder_settings():
            _check_inflated(data, max_pixels)
            found = dcmread(io.BytesIO(data), specific_tags=PIXEL_TAGS, force=True)
            if reason := _refusal(found):
                raise ImageError(reason)
            check_size(int(found.Columns), int(found.Rows), 1, max_pixels)
            stored = _pixels(found)
            if stored.ndim != 2:
                raise ImageError("damaged or truncated DICOM file (its pixels are not one slice)")
            values = np.asarray(apply_modality_lut(stored, found), np.float32)
            bits = f"DICOM {int(found.BitsStored)}-bit" if "BitsStored" in found else "DICOM float"
            return StoredSlice(values, bits, declared=_declared(stored, found), spacing=_spacing(found))
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # as above; its text may quote the file, so the class alone is told
        raise ImageError(f"damaged or truncated DICOM file ({type(error).__name__})") from None


def _refusal(found: Dataset) -> str | None:
    """Why the file cannot be measured as a CT slice, None where it can."""
    kind, modality = str(found.get("SOPClassUID", "")), found.get("Modality")
    frames, colour = int(found.get("NumberOfFrames") or 1), found.get("PhotometricInterpretation", "")
    rescale = found.get("RescaleType")
    scaled = "ModalityLUTSequence" in found or ("RescaleSlope" in found and "RescaleIntercept" in found)
    if kind == DIRECTORY:
        return "a DICOMDIR, the index of a medium, and no image"
    if "Rows" not in found or "Columns" not in found:
        return "a DICOM file without pixel data" if kind or modality else "not a DICOM file"
    if int(found.get("SamplesPerPixel", 1)) != 1 or not str(colour).startswith("MONOCHROME"):
        return f"a colour DICOM image ({colour or 'no photometric interpretation'}), which has no HU"
    if modality not in ("CT", None, "") or (not modality and kind not in CT_CLASSES):
        return f"a DICOM image of modality {modality or 'unknown'}, not CT, so its values are no HU"
    if "LOCALIZER" in (found.get("ImageType") or ()):
        return "a localizer (scout view), not a slice"
    if frames > 1:
        return f"a multi-frame DICOM file of {frames} frames; split it into single slices"
    if rescale not in (None, "", "HU"):
        return f"its values are in {rescale}, not in HU (RescaleType)"
    if not scaled:
        return "has no rescale slope and intercept, so its values cannot be turned into HU"
    return _undecodable(found)


def _undecodable(found: Dataset) -> str | None:
    """Why no decoder that is installed reads the pixels, None where one does."""
    syntax = _syntax(found)
    if syntax is None or not syntax.is_compressed:
        return None
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        return f"cannot decode {syntax.name}, which no decoder here knows; convert it to an uncompressed file"
    if available:
        return None
    return f"cannot decode {syntax.name}; {DECODERS}, or convert it to an uncompressed file"


def _syntax(found: Dataset) -> UID | None:
    return found.file_meta.get("TransferSyntaxUID") if hasattr(found, "file_meta") else None


def _pixels(found: Dataset) -> np.ndarray:
    """Stored values, (rows, columns). Raises ImageError, and what pydicom raises for damaged ones."""
    if not any(name in found for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ImageError("a DICOM file without pixel data")
    try:
        return found.pixel_array
    except (NotImplementedError, RuntimeError) as error:  # of each decoder in turn, the cause in the log
        syntax = _syntax(found)
        if syntax is None or not syntax.is_compressed:
            raise
        what = f"cannot decode {syntax.name} ({type(error).__name__})"
        hint = f"damaged, or of a kind that needs another decoder: {DECODERS}"
        raise ImageError(f"{what}: {hint}") from None


def _declared(stored: np.ndarray, found: Dataset) -> np.ndarray | None:
    """Which stored values are the file's padding value, or lie between it and its range limit."""
    if stored.dtype.kind == "f" or found.get("PixelPaddingValue") is None:
        return None
    values = [found.PixelPaddingValue, found.get("PixelPaddingRangeLimit", found.PixelPaddingValue)]
    # some files write a negative number as an unsigned one of as many bits, which wraps
    first, last = sorted(int(np.array(int(value) & 0xFFFFFFFF, np.uint32).astype(stored.dtype)) for value in values)
    return (stored >= first) & (stored <= last)


def _spacing(found: Dataset) -> tuple[float, float] | None:
    spacing = found.get("PixelSpacing")
    if spacing is None or isinstance(spacing, str) or len(spacing) != 2 or not min(map(float, spacing)) > 0:
        return None
    return float(spacing[0]), float(spacing[1])


def _check_inflated(data: bytes, max_pixels: int) -> None:
    """Raise ImageError where a deflated file would unpack to more than an image of ``max_pixels`` pixels holds."""
    if DeflatedExplicitVRLittleEndian.encode() not in data[:1024]:
        return
    # the first element of the header is its own length
    start = META_AT + 12 + int.from_bytes(data[META_AT + 8 : META_AT + 12], "little")
    unpack, limit = zlib.decompressobj(-zlib.MAX_WBITS), 2 * BYTES_PER_PIXEL * max_pixels
    if len(unpack.decompress(data[start:], limit)) >= limit and unpack.unconsumed_tail:
        raise ImageError(f"unpacks to more than {limit} bytes; raise --max-pixels if you trust the file")
