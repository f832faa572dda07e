"""Pictures as tiles: which rectangles of a scene are images, so that every pixel of its V counts once (SPEC 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symmetry_audit.data._limits import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS
from symmetry_audit.data._ref import ImageRef, ImageSource
from symmetry_audit.data._scene import scene_shape
from symmetry_audit.data._walk import PICTURE
from symmetry_audit.data._window import Window
from symmetry_audit.errors import DataError, ImageError
from symmetry_audit.results import SkippedImage

__all__ = ["scenes_of", "tiles_of"]

SLIVER = 4  # a rest of V that is thinner than this part of a tile goes to its neighbor
DIGITS = 3  # of the numbers of rows and columns, at least


def scenes_of(source: ImageSource, max_pixels: int = DEFAULT_MAX_PIXELS) -> ImageSource:
    """The pictures of ``source``, each with the window of all of it; those whose size cannot be read are skipped.

    Raises DataError for CT, and where no picture is left.
    """
    found, skipped = {}, list(source.skipped)
    for ref in source.stream(list(source.refs), max_pixels * BYTES_PER_PIXEL):
        if ref.kind != PICTURE:
            raise DataError(f"--tile cuts pictures into tiles, and {ref.key} is of CT; drop --tile")
        try:
            found[ref.key] = Window.whole(scene_shape(ref, max_pixels))
        except ImageError as error:
            skipped.append(SkippedImage(ref.key, str(error)))
    refs = tuple(replace(ref, window=found[ref.key]) for ref in source.refs if ref.key in found)
    if not refs:
        raise DataError(f'no picture of "{source.text}" can be read, the first: {skipped[0].reason}')
    skipped.sort(key=lambda item: (item.image, item.reason))
    return replace(source, refs=refs, skipped=tuple(skipped))


def tiles_of(scenes: ImageSource, side: int, margin: int) -> ImageSource:
    """The tiles of ``scenes``, as ``scenes_of`` gives them.

    V of a tile, the pixels ``margin`` px from its border, is ``side`` x ``side`` px, in the last row and column of
    tiles between a quarter and five quarters of it; all of these together are V of the scene. So tiles overlap by twice
    the margin. A tile is called ``scene#row,column`` and has the scene as its series.
    """
    tiles = [tile for ref in scenes.refs for tile in _tiles(ref, side, margin)]
    return replace(scenes, refs=tuple(sorted(tiles, key=lambda ref: ref.key)))


def _tiles(ref: ImageRef, side: int, margin: int) -> Iterator[ImageRef]:
    assert ref.window is not None
    rows, columns = (_spans(length, side, margin) for length in ref.window.scene)
    high, wide = (max(DIGITS, len(str(len(spans) - 1))) for spans in (rows, columns))
    for i, (top, height) in enumerate(rows):
        for j, (left, width) in enumerate(columns):
            window = Window(top, left, height, width, ref.window.scene)
            yield replace(ref, key=f"{ref.key}#{i:0{high}d},{j:0{wide}d}", window=window, series=ref.key)


def _spans(length: int, side: int, margin: int) -> list[tuple[int, int]]:
    """Where tiles begin along ``length`` px, and how long they are."""
    inner = length - 2 * margin
    count = max(1, -(-inner // side))
    if count > 1 and SLIVER * (inner - (count - 1) * side) < side:
        count -= 1
    starts = [side * place for place in range(count)]
    return [(start, (side + 2 * margin) if start != starts[-1] else length - start) for start in starts]
