"""Tiles of a picture: of a TIFF only the strips and tiles that they touch are decoded, other files whole and once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import tifffile

from symmetry_audit.data._decode import Samples, decode_samples, image_of
from symmetry_audit.data._kept import Kept, Key
from symmetry_audit.data._limits import BYTES_PER_PIXEL
from symmetry_audit.data._pieces import cut, joined, turned
from symmetry_audit.data._ref import ImageRef
from symmetry_audit.data._rows import BAND_PIXELS, StoredRows, stored_rows
from symmetry_audit.data._samples import picture_shape
from symmetry_audit.data._streamed import STREAMED, cuttable_pages, damage_told, file_hash
from symmetry_audit.data._tiff import TIFF_MAGIC, frames_of, orientation_of, picture_page
from symmetry_audit.data._tiff_bands import cut_columns, cut_rows, tiff_of_block
from symmetry_audit.data._tiff_kinds import is_odd
from symmetry_audit.data._white import may_state_white
from symmetry_audit.data._window import Window
from symmetry_audit.errors import ImageError, one_line

__all__ = ["scene_bands", "scene_hash", "scene_luminance", "scene_shape", "window_samples"]

KEPT = 2  # pictures in memory: that of the tiles in work, and its mask or the next
HASHES = 256  # of scenes
BAND_ROWS = 512  # read at a time of a whole scene: most tiles of files are 256 or 512 px high
WIDE_PIXELS = 1 << 25  # read at a time of a very wide one
BACK = {6: 8, 8: 6}  # orientations that undo another; the rest undo themselves


_pictures, _hashes, _whites = Kept[Samples](KEPT), Kept[str](HASHES), Kept[tuple[float | None]](HASHES)


def scene_shape(ref: ImageRef, max_pixels: int) -> tuple[int, int]:
    """The upright (H, W) of a picture, by its header alone where that says it.

    Raises ImageError, also for a file of another format than TIFF of more than ``max_pixels`` pixels.
    """
    with damage_told(), _opened(ref, max_pixels) as file:
        if _is_tiff(file):
            with tifffile.TiffFile(file) as tiff:
                page = picture_page(tiff)
                height, width = int(page.imagelength), int(page.imagewidth)
                return (height, width) if orientation_of(page) < 5 else (width, height)
        found = picture_shape(file, max_pixels)
    if found is None:
        height, width = _whole(ref, max_pixels).samples.shape[:2]
        return height, width
    return found


def scene_hash(ref: ImageRef, max_pixels: int) -> str:
    """SHA-256 of the file of the picture that a tile is of. Raises ImageError where it cannot be read."""

    def made() -> str:
        with _opened(ref, max_pixels) as file:
            return file_hash(file)

    return _hashes.get((*_place(ref), replace(ref, white=None).stamp()), made)


def scene_bands(ref: ImageRef) -> Iterator[ImageRef]:
    """The window of ``ref`` in bands of rows, from above."""
    assert ref.window is not None
    rows = max(1, min(BAND_ROWS, WIDE_PIXELS // ref.window.width))
    return (replace(ref, window=window) for window in ref.window.bands(rows))


def scene_luminance(ref: ImageRef, max_pixels: int, unit: str | None) -> np.ndarray | StoredRows | None:
    """The luminance (H, W) of the whole picture that ``ref`` is a tile of, in a temporary file where it is large.

    None where the file marks pixels as missing. Raises ImageError.
    """
    assert ref.window is not None
    whole = replace(ref, window=Window.whole(ref.window.scene))
    height, width = ref.window.scene
    found: np.ndarray | StoredRows | None = None
    for band in scene_bands(whole):
        assert band.window is not None
        samples = window_samples(band, max_pixels)
        if samples.hidden is not None and samples.hidden.all():
            return None
        part = image_of(samples, unit, ref.white)
        if part.valid is not None:
            return None
        rows = np.asarray(part.luminance)
        if found is None:
            large = height * width >= STREAMED
            found = stored_rows((height, width), rows.dtype) if large else np.empty((height, width), rows.dtype)
        if isinstance(found, StoredRows):
            found.write(band.window.row, rows)
        else:
            found[band.window.row : band.window.row + len(rows)] = rows
    return found


def window_samples(ref: ImageRef, max_pixels: int) -> Samples:
    """The samples of a tile: to the bit those that the whole picture has there.

    Raises ImageError, also for more than ``max_pixels`` pixels that can only be decoded together: a file of another
    format than TIFF, or a strip.
    """
    window = ref.window
    assert window is not None
    with _tiff(ref, max_pixels) as opened:
        if opened is not None:
            file, pages = opened
            found = _block(ref, file, pages, window, max_pixels)
            if ref.white is not None or found.samples.dtype == np.uint8 or not may_state_white(pages[0]):
                return found
            return replace(found, white=_scene_white(ref, file, pages, max_pixels))
    whole = _whole(ref, max_pixels)
    _check_scene(whole.samples.shape[:2], window.scene)
    return cut(whole, window.slices)


def _place(ref: ImageRef) -> Key:
    return str(ref.path), ref.member


@contextmanager
def _opened(ref: ImageRef, max_pixels: int) -> Iterator[BinaryIO]:
    """The file, or the bytes of a member of an archive. Raises ImageError."""
    if ref.member is None and ref.payload is None and ref.path.is_file():
        try:
            file = open(ref.path, "rb")  # noqa: SIM115 - what is raised while it is used is no matter of opening
        except OSError as error:
            raise ImageError(f"cannot be read ({one_line(error)})") from None
        with file:
            yield file
    else:
        yield io.BytesIO(ref.read(max_pixels * BYTES_PER_PIXEL))


def _is_tiff(file: BinaryIO) -> bool:
    start = file.read(4)
    file.seek(0)
    return start in TIFF_MAGIC


@contextmanager
def _tiff(ref: ImageRef, max_pixels: int) -> Iterator[tuple[tifffile.TiffFile, list[tifffile.TiffPage]] | None]:
    """A TIFF file with the pages of its picture and mask; None for what has to be decoded as a whole."""
    with damage_told(), _opened(ref, max_pixels) as stream:
        if not _is_tiff(stream):
            yield None
            return
        with tifffile.TiffFile(stream) as file:
            page, pages = picture_page(file), cuttable_pages(file)
            apart = pages is not None and page is pages[0] and not is_odd(page) and frames_of(file, page) == 1
            yield (file, pages) if pages is not None and apart else None


def _whole(ref: ImageRef, max_pixels: int) -> Samples:
    def made() -> Samples:
        return decode_samples(ref.read(max_pixels * BYTES_PER_PIXEL), max_pixels, ref.bands, ref.white)

    return _pictures.get((*_place(ref), ref.stamp(), ref.bands, max_pixels), made)


def _scene_white(
    ref: ImageRef, file: tifffile.TiffFile, pages: list[tifffile.TiffPage], max_pixels: int
) -> float | None:
    """The white level that the file states, which holds only if no sample of the whole picture exceeds it."""
    assert ref.window is not None
    whole = replace(ref, window=Window.whole(ref.window.scene))

    def made() -> tuple[float | None]:
        found = []
        for band in scene_bands(whole):
            assert band.window is not None
            found.append(_block(ref, file, pages, band.window, max_pixels).white)
        # of several levels that are stated, parts may keep to a lower one than the whole
        return (None if None in found else max(filter(None, found), default=None),)

    return _whites.get((*_place(ref), ref.stamp(), ref.bands), made)[0]


def _block(
    ref: ImageRef, file: tifffile.TiffFile, pages: list[tifffile.TiffPage], window: Window, max_pixels: int
) -> Samples:
    """The samples of a tile of a TIFF, with the white level that they by themselves allow."""
    orientation, page = orientation_of(pages[0]), pages[0]
    stored = window.stored(orientation)
    _check_scene((page.imagelength, page.imagewidth), stored.scene)
    rows, columns = stored.slices
    high, wide = cut_rows(pages), cut_columns(pages)
    across = range(columns.start // wide * wide, min(-(-columns.stop // wide) * wide, page.imagewidth))
    most = max(max_pixels, BAND_PIXELS)
    if high * len(across) > most:
        raise ImageError(
            f"its strips of {len(across)} x {high} px cannot be decoded in parts; store it in tiles, or raise "
            "--max-pixels"
        )
    step = high * max(1, BAND_PIXELS // (high * len(across)))
    parts = []
    for first in range(rows.start // high * high, rows.stop, step):
        down = range(first, min(first + step, -(-rows.stop // high) * high, page.imagelength))
        found = decode_samples(tiff_of_block(file, pages, down, across), most, ref.bands, ref.white)
        inside = (
            slice(max(rows.start - first, 0), rows.stop - first),
            slice(columns.start - across.start, columns.stop - across.start),
        )
        parts.append(cut(turned(found, BACK.get(orientation, orientation)), inside))
    return turned(joined(parts), orientation)


def _check_scene(found: tuple[int, ...], wanted: tuple[int, int]) -> None:
    if tuple(found) != wanted:
        (height, width), (rows, columns) = found, wanted
        raise ImageError(f"is {width} x {height} px and not {columns} x {rows} px; run the same command again")
