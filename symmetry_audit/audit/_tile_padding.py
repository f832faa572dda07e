"""Padding of tiles: that of the whole picture, whose bars and corners a tile by itself cannot tell from a dark lake."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from symmetry_audit.audit._domain import Pixels
from symmetry_audit.audit._padding import all_differ, without_padding
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.data import ImageRef, Kept, load_image, scene_luminance
from symmetry_audit.errors import ImageError

__all__ = ["tile_padding"]

KEPT = 2  # pictures: that of the tiles in work, and the next

_found = Kept[Pixels | None](KEPT)
_reading = threading.Lock()  # what is found may lie in a file, which one thread may use


def tile_padding(tile: ImageRef, settings: AuditSettings) -> np.ndarray | None:
    """The pixels of a tile that are no padding of its picture, (H, W) of bool; None where all are data, or where the
    file itself marks pixels as missing.

    Nothing but the corners of the picture is read where these differ. Otherwise it is read once, into a temporary file
    where it is large. Raises ImageError.
    """
    assert tile.window is not None
    key = (str(tile.path), tile.member, tile.stamp(), tile.bands, tile.window.scene, settings.unit)
    whole = _found.get(key, lambda: _padding(tile, settings))
    if whole is None:
        return None
    with _reading:
        valid = np.array(whole[tile.window.slices])
    return None if valid.all() else valid


def _padding(tile: ImageRef, settings: AuditSettings) -> Pixels | None:
    try:
        if all_differ(np.array(list(_corners(tile, settings)))):
            return None
    except ImageError:  # of a corner that holds no data: then the file marks what is missing
        return None
    whole = scene_luminance(tile, settings.max_pixels, settings.reading.unit)
    return None if whole is None else without_padding(whole)


def _corners(tile: ImageRef, settings: AuditSettings) -> Iterator[float]:
    assert tile.window is not None
    height, width = tile.window.scene
    for row, column in ((0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1)):
        window = tile.window._replace(row=row, column=column, height=1, width=1)
        corner = load_image(replace(tile, window=window), settings.max_pixels, settings.reading)
        yield float(np.asarray(corner.luminance)[0, 0])
