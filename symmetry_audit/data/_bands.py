"""Which channels of a file become grey or RGB, and which pixels the file marks as missing."""

from __future__ import annotations

import numpy as np

from symmetry_audit.errors import ImageError

__all__ = ["chosen_bands", "missing_pixels"]


def chosen_bands(pixels: np.ndarray, bands: tuple[int, ...] | None) -> np.ndarray:
    """(H, W) or (H, W, channels) -> grey (H, W) or color (H, W, 3): ``bands``, counted from 1, or all but alpha.

    Raises ImageError where the file has no such band.
    """
    if bands is None:
        if pixels.ndim == 2:
            return pixels
        return pixels[..., 0] if pixels.shape[2] <= 2 else pixels[..., :3]
    channels = np.atleast_3d(pixels)
    count = channels.shape[2]
    if max(bands) > count:
        has = f"{count} bands" if count > 1 else "1 band"
        raise ImageError(f"has {has}, so there is no band {max(bands)}; choose others with --bands, or drop it")
    places = [band - 1 for band in bands]
    return channels[..., places[0]] if len(places) == 1 else channels[..., places]


def missing_pixels(samples: np.ndarray, nodata: float | None) -> np.ndarray | None:
    """Where ``samples``, (H, W) or (H, W, 3), hold the file's value of missing data, (H, W) bool; None for nowhere.

    In unsigned integers that value, often 0, can be a true one in a single band, so a pixel is missing where all three
    bands hold it; in others where any band does.
    """
    if nodata is None or np.isnan(nodata):  # NaN is missing without being named
        return None
    # as the file rounds it: -3.4e38 written with other digits is the same float32
    with np.errstate(over="ignore"):
        value = nodata if samples.dtype.kind in "iu" else samples.dtype.type(nodata)
    held = samples == value
    if held.ndim == 3:
        held = held.all(axis=2) if samples.dtype.kind == "u" else held.any(axis=2)
    return held if held.any() else None
