"""The white level of a whole set: what files of 16 bits hold that do not say it, by their largest sample (SPEC 1)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tifffile

from symmetry_audit.data._limits import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS
from symmetry_audit.data._ref import ImageRef, ImageSource
from symmetry_audit.data._scene import scene_bands, window_samples
from symmetry_audit.data._streamed import samples_in_parts
from symmetry_audit.data._tiff import TIFF_MAGIC, picture_page
from symmetry_audit.data._walk import PICTURE
from symmetry_audit.data._white import FULL_WHITE, PNG_DEPTH_AT, PNG_MAGIC
from symmetry_audit.errors import ImageError
from symmetry_audit.wording import count

__all__ = ["WhiteLevel", "white_level_of"]

USUAL_BITS = (8, 10, 11, 12, 14)  # that files of 16 bits hold, beside 16
DARK = 4095  # a picture of 16 bits without a larger sample is below a sixteenth of white
SHIFTED = range(4, 9)  # bits that are 0 below samples of 12 to 8 bits in the upper bits of 16
DEEP_SUFFIXES = (".png", ".tif", ".tiff")  # of members of archives, which are read to look at their header


@dataclass(frozen=True)
class WhiteLevel:
    """``white`` is that of ``images``, which do not say it themselves.

    ``found`` says why it is a guess, ``otherwise`` what else it could be; both are empty where it is none.
    """

    white: float
    images: frozenset[ImageRef]
    found: str = ""
    otherwise: str = ""


def white_level_of(refs: Iterable[ImageRef], max_pixels: int = DEFAULT_MAX_PIXELS) -> WhiteLevel | None:
    """The white level of the pictures of 16 bits among ``refs`` whose files do not say it, as a set; None without any.

    A set in which a sample exceeds 2^14 - 1 holds 16 bits, where all samples are multiples of 16 to 256 those bits of
    them that are not 0. Otherwise its largest sample has 8, 10, 11, 12 or 14 bits, and white is a guess. All such files
    are decoded, others are told by their header; what cannot be decoded is left for others to report.
    """
    largest: dict[ImageRef, int] = {}
    used, most = 0, max_pixels * BYTES_PER_PIXEL
    for ref in _deep(_distinct(ref for ref in refs if ref.kind == PICTURE), most):
        try:
            told = _unsaid(ref, max_pixels)
        except ImageError:
            continue
        if told is not None:
            largest[_bare(ref)] = told[0]
            used |= told[1]
    return _judged(largest, used) if largest else None


def _distinct(refs: Iterable[ImageRef]) -> Iterator[ImageRef]:
    """Each image once; bytes that come with images are not kept."""
    seen = set[ImageRef]()
    for ref in refs:
        if _bare(ref) not in seen:
            seen.add(_bare(ref))
            yield ref


def _bare(ref: ImageRef) -> ImageRef:
    return ref if ref.payload is None else replace(ref, payload=None)


def _unsaid(ref: ImageRef, max_pixels: int) -> tuple[int, int] | None:
    """The largest sample and all bits that are not 0 in some sample; None where it is no picture of 16 bits, or its
    file says what is white. Raises ImageError."""
    largest, used, said = 0, 0, True
    whole = ref.window is None
    bands = () if whole else (window_samples(band, max_pixels) for band in scene_bands(ref))
    for found in samples_in_parts(ref, max_pixels) if whole else bands:
        if found.samples.dtype != np.uint16:
            return None
        said &= found.white is not None
        largest = max(largest, int(found.samples.max()))
        used |= int(np.bitwise_or.reduce(found.samples, axis=None))
    return None if said else (largest, used)


def _judged(largest: dict[ImageRef, int], used: int) -> WhiteLevel | None:
    """``largest`` sample of every file; ``used`` has the bits that are not 0 in some sample."""
    most, images = max(largest.values()), frozenset(largest)
    if most == 0:
        return None
    if most >= 2 ** USUAL_BITS[-1]:
        zeros = (used & -used).bit_length() - 1
        white = FULL_WHITE + 1 - 2**zeros if zeros in SHIFTED else FULL_WHITE
        dark = [ref.key for ref, value in largest.items() if 0 < value <= DARK]
        if not dark:
            return WhiteLevel(white, images)
        brightest = max(value for value in largest.values() if value <= DARK)
        found = (
            f"{len(dark)} of {count(len(largest), 'image')} of 16 bits have no sample above {brightest} (such as "
            f"{min(dark)}), the others reach {most}"
        )
        return WhiteLevel(white, images, found, "files of fewer bits need a run of their own")
    bits = next(bits for bits in USUAL_BITS if most < 2**bits)
    where = max(largest, key=lambda ref: largest[ref]).key
    found = f"the largest sample of {count(len(largest), 'image')} of 16 bits is {most} (in {where}), as of {bits} bits"
    return WhiteLevel(2**bits - 1, images, found, f"--white {FULL_WHITE} if the pictures are dark")


def _deep(refs: Iterable[ImageRef], most: int) -> Iterator[ImageRef]:
    """The pictures of more than 8 bits by their header; of archives in one pass, with the bytes."""
    packed: dict[Path, list[ImageRef]] = {}
    for ref in refs:
        if ref.member is None or ref.payload is not None:
            if _is_deep_file(ref):
                yield ref
        elif ref.key.lower().endswith(DEEP_SUFFIXES):
            packed.setdefault(ref.path, []).append(ref)
    for members in packed.values():
        for ref in ImageSource("", "", ()).stream(members, most):
            if ref.payload is not None and _is_deep(io.BytesIO(ref.payload)):
                yield ref


def _is_deep_file(ref: ImageRef) -> bool:
    if ref.payload is not None:
        return _is_deep(io.BytesIO(ref.payload))
    try:
        if not ref.path.is_file():  # reading a pipe could block forever
            return False
        with open(ref.path, "rb") as file:
            return _is_deep(file)
    except (OSError, ValueError):
        return False


def _is_deep(file: BinaryIO) -> bool:
    start = file.read(PNG_DEPTH_AT + 1)
    if start.startswith(PNG_MAGIC):
        return start[PNG_DEPTH_AT:] == b"\x10"
    if start[:4] not in TIFF_MAGIC:
        return False
    file.seek(0)
    try:
        with tifffile.TiffFile(file) as tiff:
            return picture_page(tiff).bitspersample > 8
    except Exception:  # as in decode, which reports the problem when the pixels are needed
        return False
