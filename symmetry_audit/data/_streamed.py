"""Large TIFF files, decoded band by band into rows in a temporary file: memory does not grow with the picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import tifffile

from symmetry_audit.data._decode import UNSEEN, DecodedImage, Samples, decode_samples, depth_of
from symmetry_audit.data._limits import BYTES_PER_PIXEL, check_size
from symmetry_audit.data._luminance import hashed_luminance
from symmetry_audit.data._ref import ImageRef
from symmetry_audit.data._rows import BAND_PIXELS, StoredRows, made_of_bands, row_bands, stored_rows
from symmetry_audit.data._tiff import MASK, ORIENTATION_TAG, REDUCED, TIFF_MAGIC
from symmetry_audit.data._tiff_bands import cut_rows, tiff_of_block
from symmetry_audit.errors import ImageError, one_line
from symmetry_audit.wording import GREY_LEVELS, HU

__all__ = ["cuttable_pages", "damage_told", "file_hash", "outside_memory", "samples_in_parts", "streamed"]

STREAMED = 1 << 26  # pixels, from which on a picture is decoded in bands: whole, it would take more than half a GB
READ_BYTES = 1 << 20  # at a time, for a hash
MOST_PAGES = 64  # that a picture comes with: smaller copies of it and of its mask


def streamed(ref: ImageRef, max_pixels: int, unit: str | None) -> DecodedImage | None:
    """The image of a large TIFF file, its numbers those of ``decode``, ``luminance`` and ``valid`` as StoredRows.

    None where the file is smaller, is no TIFF, or has to be decoded as a whole: turned, in HU, or in strips too large.
    Raises ImageError.
    """
    if not _may_be_cut(ref):
        return None
    with damage_told(), open(ref.path, "rb") as stream, tifffile.TiffFile(stream) as file:
        pages = _pages(file, max_pixels)
        return None if pages is None else _decoded(ref, file, pages, max_pixels, unit)


def samples_in_parts(ref: ImageRef, max_pixels: int) -> Iterator[Samples]:
    """The samples of a picture, of a large TIFF file band by band. Raises ImageError."""
    if _may_be_cut(ref):
        with damage_told(), open(ref.path, "rb") as stream, tifffile.TiffFile(stream) as file:
            pages = _pages(file, max_pixels)
            if pages is not None:
                yield from (found for _, found in _bands(ref, file, pages, max_pixels))
                return
    yield decode_samples(ref.read(max_pixels * BYTES_PER_PIXEL), max_pixels, ref.bands)


def outside_memory(image: DecodedImage) -> DecodedImage:
    """``image`` with its numbers in a temporary file where it is large: decoded as a whole, it leaves memory again."""
    shape = image.luminance.shape
    if shape[0] * shape[1] < STREAMED or image.unit == HU:
        return image

    def stored(pixels: np.ndarray | StoredRows) -> np.ndarray | StoredRows:
        return made_of_bands(shape, pixels.dtype, lambda first, stop: np.asarray(pixels[first:stop]), stored=True)

    return replace(image, luminance=stored(image.luminance), valid=None if image.valid is None else stored(image.valid))


def _may_be_cut(ref: ImageRef) -> bool:
    """Whether it is a TIFF file, and no member of an archive."""
    if ref.member is not None or ref.payload is not None or not ref.path.is_file():
        return False
    try:
        with open(ref.path, "rb") as stream:
            return stream.read(4) in TIFF_MAGIC
    except OSError:  # which reading it tells
        return False


@contextmanager
def damage_told() -> Iterator[None]:
    """As ``decode`` tells what decoders raise."""
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # one damaged image must not stop a run
        raise ImageError(f"damaged or truncated image ({one_line(error)})") from None


def _pages(file: tifffile.TiffFile, max_pixels: int) -> list[tifffile.TiffPage] | None:
    """The picture and, where it has one, its mask; None for files that are not for bands."""
    first = file.pages[0]
    assert isinstance(first, tifffile.TiffPage)  # only later ones are frames
    size = (first.imagelength, first.imagewidth)
    if not all(isinstance(side, int) for side in size) or size[0] * size[1] < STREAMED:
        return None
    check_size(size[1], size[0], 1, max_pixels)
    turned = (tag := first.tags.get(ORIENTATION_TAG)) is not None and tag.value != 1
    whole = None if turned else cuttable_pages(file)
    return whole if whole and cut_rows(whole) * first.imagewidth < STREAMED else None


def cuttable_pages(file: tifffile.TiffFile) -> list[tifffile.TiffPage] | None:
    """The picture and, where it has one, its mask, of which blocks are files of their own; None where the file has to
    be decoded as a whole: a stack, or several pictures."""
    first = file.pages[0]
    pages = (
        [page for page in file.pages if isinstance(page, tifffile.TiffPage)] if len(file.pages) <= MOST_PAGES else []
    )
    whole = [page for page in pages if not page.subfiletype & REDUCED]
    if not whole or whole[0] is not first:
        return None
    size = (whole[0].imagelength, whole[0].imagewidth)
    alike = all((page.imagelength, page.imagewidth) == size and page.subfiletype & MASK for page in whole[1:])
    stack = whole[0].is_imagej or whole[0].is_stk or whole[0].is_ome or whole[0].imagedepth != 1
    return whole if alike and not stack else None


def _decoded(
    ref: ImageRef, file: tifffile.TiffFile, pages: list[tifffile.TiffPage], max_pixels: int, unit: str | None
) -> DecodedImage | None:
    height, width = pages[0].imagelength, pages[0].imagewidth
    bands = _bands(ref, file, pages, max_pixels)
    _, head = next(bands)
    kind = head.samples.dtype
    held = unit or (HU if kind.kind == "i" and not head.mapped and head.white is None else GREY_LEVELS)
    if held == HU or head.turned:
        return None
    digest = hashlib.sha256(repr(((height, *head.samples.shape[1:]), kind.str)).encode())
    luminance = valid = None
    count = hidden = total = 0
    remarks: dict[str, None] = {}
    for first, found in _bands(ref, file, pages, max_pixels):
        if found.white != head.white:  # what the file says of white holds if no sample exceeds it
            return None
        part, _ = hashed_luminance(found.samples, head.white, digest)
        hidden += 0 if found.hidden is None else np.count_nonzero(found.hidden)
        remarks |= dict.fromkeys(found.remarks)
        if luminance is None:
            luminance = stored_rows((height, width), part.dtype)
        seen = ~np.isnan(part)
        if found.missing is not None:
            seen &= ~found.missing
        if np.isinf(part[seen]).any():
            raise ImageError("holds infinite samples; replace them first")
        luminance.write(first, part)
        if not seen.all() or valid is not None:
            if valid is None:
                valid = stored_rows((height, width), bool)
                for start, stop in row_bands(first, width):
                    valid.write(start, np.ones((stop - start, width), bool))
            valid.write(first, seen)
        count += np.count_nonzero(seen)
        total += part.sum(dtype=np.float64, where=seen)
    assert luminance is not None
    if hidden == height * width:
        raise ImageError(UNSEEN)
    if valid is not None:
        if not count:
            raise ImageError("holds nothing but missing data or NaN")
        for first, stop in row_bands(height, width):
            seen, part = np.asarray(valid[first:stop]), np.asarray(luminance[first:stop])
            luminance.write(first, np.where(seen, part, part.dtype.type(total / count)))
    with open(ref.path, "rb") as stream:
        pixels, file_sha256 = digest.hexdigest(), file_hash(stream)
    return DecodedImage(luminance, depth_of(head), False, pixels, held, valid, None, file_sha256, tuple(remarks))


def _bands(
    ref: ImageRef, file: tifffile.TiffFile, pages: list[tifffile.TiffPage], max_pixels: int
) -> Iterator[tuple[int, Samples]]:
    """The samples of the whole width, and the first row of each part."""
    height, width = pages[0].imagelength, pages[0].imagewidth
    step = cut_rows(pages)
    step *= max(1, BAND_PIXELS // (step * width))
    for first in range(0, height, step):
        part = tiff_of_block(file, pages, range(first, min(first + step, height)), range(width))
        yield first, decode_samples(part, max_pixels, ref.bands, ref.white)


def file_hash(file: BinaryIO) -> str:
    """SHA-256 of an open file, read in parts."""
    digest = hashlib.sha256()
    while part := file.read(READ_BYTES):
        digest.update(part)
    return digest.hexdigest()
