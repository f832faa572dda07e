"""The white level of a run's pictures: named by the user, said by the files, or told by the samples of all."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from symmetry_audit.errors import DataError

if TYPE_CHECKING:
    from symmetry_audit.data import ImageRef, ImageSource, ShardedSource, WhiteLevel
    from symmetry_audit.tasks import Pairs

__all__ = ["certain_white", "likely_white", "white_of_pairs", "white_of_shards"]

LOOKED_AT = 64  # images of the first shard


def likely_white(
    source: ImageSource, white: float | None, measured: Iterable[ImageRef], max_pixels: int
) -> ImageSource:
    """``source`` with the ``white`` level that the user named. Without one, files of 16 bits that do not say it get
    what the samples of the ``measured`` images suggest, with a remark where this is a guess.

    Good where numbers are relative, so that the white level only scales them.
    """
    if white is not None:
        return source.with_white(white)
    level = _level(measured, max_pixels)
    if level is None:
        return source
    if level.found:
        remark = f"{level.found}, so white is taken as {level.white:g}; {level.otherwise}"
        source = replace(source, remarks=(*source.remarks, remark))
    return source.with_white(*_chosen(level))


def white_of_shards(source: ShardedSource, white: float | None, max_pixels: int) -> ShardedSource:
    """``source`` with the ``white`` level that the user named. Without one, files of 16 bits that do not say it are
    read as of full range, with a remark where the first images suggest another.

    Raises DataError where the first shard cannot be read.
    """
    from symmetry_audit.data import BYTES_PER_PIXEL, DEFAULT_LISTING, FULL_WHITE, Found

    if white is not None:
        return source.with_white(white)
    images = source.shards[0].images(max_pixels * BYTES_PER_PIXEL, DEFAULT_LISTING, Found())
    with closing(images):
        level = _level(islice(images, LOOKED_AT), max_pixels)
    if level is None or level.white == FULL_WHITE:
        return source
    found = level.found or f"the samples of 16 bits are multiples of {FULL_WHITE + 1 - level.white:g}"
    remark = f"{found}, but white is taken as {FULL_WHITE}; say --white {level.white:g} if that is white in all shards"
    return replace(source, remarks=(*source.remarks, remark))


def certain_white(source: ImageSource, white: float | None) -> ImageSource:
    """``source`` with its white level, for networks. Raises DataError where it would be a guess."""
    if white is not None:
        return source.with_white(white)
    level = _certain(source.refs)
    return source if level is None else source.with_white(*_chosen(level))


def white_of_pairs(pairs: Pairs, white: float | None) -> Pairs:
    """``certain_white`` for the images of ``pairs`` on both sides."""
    if white is not None:
        return pairs.with_white(white)
    level = _certain(ref for pair in pairs.refs for ref in pair.refs)
    return pairs if level is None else pairs.with_white(*_chosen(level))


def _certain(refs: Iterable[ImageRef]) -> WhiteLevel | None:
    from symmetry_audit.data import DEFAULT_MAX_PIXELS

    level = _level(refs, DEFAULT_MAX_PIXELS)
    if level is not None and level.found:
        raise DataError(f"{level.found}; say what white is: --white {level.white:g}, or {level.otherwise}")
    return level


def _level(refs: Iterable[ImageRef], max_pixels: int) -> WhiteLevel | None:
    from symmetry_audit.data import white_level_of

    return white_level_of((ref for ref in refs if ref.white is None), max_pixels)


def _chosen(level: WhiteLevel) -> tuple[float | None, frozenset[ImageRef]]:
    """What ``with_white`` takes: nothing for files of full range, which are read so anyway."""
    from symmetry_audit.data import FULL_WHITE

    return (None if level.white == FULL_WHITE else level.white), level.images
