"""One large TIFF as many small ones: blocks of it, each a file in memory with the tags of the whole (SPEC 1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from math import lcm

import tifffile

__all__ = ["cut_columns", "cut_rows", "tiff_of_block"]

WIDTH, HEIGHT, ROWS_PER_STRIP = 256, 257, 278
OFFSETS, COUNTS = {True: 324, False: 273}, {True: 325, False: 279}  # of tiles, of strips
# what changes, and what is about the whole file: texts of programs that stack pictures, and other directories
LEFT_OUT = {
    *OFFSETS.values(),
    *COUNTS.values(),
    WIDTH,
    HEIGHT,
    ROWS_PER_STRIP,
    270,
    330,
    34665,
    34853,
    40965,
    50838,
    50839,
}
LONG, LONG8 = 4, 16
UNCOMPRESSED = 1


def cut_rows(pages: list[tifffile.TiffPage]) -> int:
    """Bands of ``pages`` may begin at multiples of so many rows."""
    return lcm(*(1 if _flat(page) else _segment_rows(page) for page in pages))


def cut_columns(pages: list[tifffile.TiffPage]) -> int:
    """Blocks of ``pages`` may begin at multiples of so many columns; the whole width where rows are not cut."""
    if not all(page.is_tiled for page in pages):
        return pages[0].imagewidth
    return lcm(*(page.tilewidth for page in pages))


def tiff_of_block(file: tifffile.TiffFile, pages: list[tifffile.TiffPage], rows: range, columns: range) -> bytes:
    """A TIFF of these ``rows`` and ``columns`` of each of ``pages``, which begin at a multiple of ``cut_rows`` and of
    ``cut_columns`` and end there or with the pages.

    Strips and tiles are copied as they are, so any decoder reads the same samples as from ``file``.
    """
    magic = b"II" if file.byteorder == "<" else b"MM"
    found = magic + _packed(
        file, *([("H", 43), ("H", 8), ("H", 0), ("Q", 16)] if file.is_bigtiff else [("H", 42), ("I", 8)])
    )
    for page in pages:
        found += _directory(file, page, rows, columns, len(found), last=page is pages[-1])
    return found


def _packed(file: tifffile.TiffFile, *numbers: tuple[str, int]) -> bytes:
    return b"".join(struct.pack(file.byteorder + kind, number) for kind, number in numbers)


def _flat(page: tifffile.TiffPage) -> bool:
    """Whether all rows are one after the other in the file, so that they may be cut anywhere."""
    whole = not page.is_tiled and page.rowsperstrip >= page.imagelength
    return whole and page.compression == UNCOMPRESSED and page.bitspersample % 8 == 0


def _segment_rows(page: tifffile.TiffPage) -> int:
    return page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)


def _directory(
    file: tifffile.TiffFile, page: tifffile.TiffPage, rows: range, columns: range, start: int, *, last: bool
) -> bytes:
    """The directory of a page at ``start``, with what its tags point to and its strips or tiles behind it."""
    word, pointer, room = ("Q", LONG8, 8) if file.is_bigtiff else ("I", LONG, 4)
    number = "Q" if file.is_bigtiff else "H"  # of tags
    parts = list(_segments(page, rows, columns))
    numbers = {WIDTH: len(columns), HEIGHT: len(rows)}
    if not page.is_tiled:
        numbers[ROWS_PER_STRIP] = min(len(rows), _segment_rows(page))
    entries = {code: (LONG, 1, _packed(file, ("I", value))) for code, value in numbers.items()}
    for tag in page.tags:
        if tag.code not in LEFT_OUT:
            size = struct.calcsize(tifffile.TIFF.DATA_FORMATS[tag.dtype]) * tag.count
            entries[tag.code] = (int(tag.dtype), tag.count, _read(file, tag.valueoffset, size))
    entries[COUNTS[page.is_tiled]] = (pointer, len(parts), _packed(file, *((word, size) for _, size in parts)))
    entries[OFFSETS[page.is_tiled]] = (pointer, len(parts), bytes(room * len(parts)))  # filled in below
    beside = start + struct.calcsize(f"<{number}{word}") + len(entries) * (4 + 2 * room)
    place = beside + sum(len(value) for *_, value in entries.values() if len(value) > room)
    places = []
    for _, size in parts:
        places.append((word, place))
        place += size
    entries[OFFSETS[page.is_tiled]] = (pointer, len(parts), _packed(file, *places))
    lines, values = [_packed(file, (number, len(entries)))], []
    for code, (kind, count, value) in sorted(entries.items()):
        inline = value.ljust(room, b"\0")
        if len(value) > room:
            inline = _packed(file, (word, beside))
            values.append(value)
            beside += len(value)
        lines.append(_packed(file, ("H", code), ("H", kind), (word, count)) + inline)
    following = _packed(file, (word, 0 if last else place))
    return b"".join([*lines, following, *values, *(_read(file, *part) for part in parts)])


def _segments(page: tifffile.TiffPage, rows: range, columns: range) -> Iterator[tuple[int, int]]:
    """Where in the file the strips or tiles of a block are, and their bytes, plane after plane."""
    separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    planes, high = page.samplesperpixel if separate else 1, _segment_rows(page)
    if _flat(page):
        row = page.imagewidth * (1 if separate else page.samplesperpixel) * page.bitspersample // 8
        yield from ((offset + rows.start * row, len(rows) * row) for offset in page.dataoffsets[:planes])
        return
    wide = page.tilewidth if page.is_tiled else page.imagewidth
    across, down = -(-page.imagewidth // wide), -(-page.imagelength // high)
    for line in (
        plane * down + row for plane in range(planes) for row in range(rows.start // high, -(-rows.stop // high))
    ):
        chosen = slice(line * across + columns.start // wide, line * across - (-columns.stop // wide))
        yield from zip(page.dataoffsets[chosen], page.databytecounts[chosen], strict=True)


def _read(file: tifffile.TiffFile, offset: int, size: int) -> bytes:
    file.filehandle.seek(offset)
    return file.filehandle.read(size)
