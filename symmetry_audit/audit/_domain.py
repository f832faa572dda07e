"""V of an image: the pixels whose kernels see data alone, and the image cut to what these kernels see (SPEC 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt

import numpy as np

from symmetry_audit.data import StoredRows, made_of_bands, row_bands

__all__ = ["Domain", "Pixels", "coarser", "coarser_valid", "column_counts", "domain", "filled", "row_counts"]

Pixels = np.ndarray | StoredRows


@dataclass(frozen=True)
class Domain:
    """One image at one scale and its V.

    ``image`` (h, w) is cut to the rectangle of V and ``margin`` px around it; ``valid`` (h, w) of bool says which of
    its pixels hold data and ``inside`` (h - 2 margin, w - 2 margin) which of the inner ones are V, each None where all
    do. ``left_out`` is the share of the pixels ``margin`` px inside the whole image that V leaves out.
    """

    image: Pixels
    valid: Pixels | None = None
    inside: Pixels | None = None
    left_out: float = 0.0


def domain(image: Pixels, valid: Pixels | None, margin: int) -> Domain | None:
    """V is all pixels of ``image`` (H, W) that are at least ``margin`` px from every border and farther than this from
    the center of every pixel that is not ``valid``. None where there are none.

    A disc, unlike the square that holds a kernel, is as far in every direction: V of a round field of view is round,
    and the domain itself prefers no direction.
    """
    rows, columns = (side - 2 * margin for side in image.shape)
    if rows < 1 or columns < 1:
        return None
    if valid is None:
        return Domain(image)

    held = valid

    def band(first: int, stop: int) -> np.ndarray:
        kept = _eroded(np.asarray(held[first : stop + 2 * margin]), margin * margin)
        return kept[margin : margin + stop - first, margin : margin + columns]

    inside = made_of_bands((rows, columns), bool, band, stored=isinstance(valid, StoredRows))
    lines, rest = (np.flatnonzero(counts) for counts in (row_counts(inside), column_counts(inside)))
    if not len(lines):
        return None
    pixels = int(row_counts(inside).sum())
    left_out = 1 - pixels / (rows * columns)
    box = slice(lines[0], lines[-1] + 1), slice(rest[0], rest[-1] + 1)
    around = tuple(slice(side.start, side.stop + 2 * margin) for side in box)
    inside, valid = _compact(inside[box]), _compact(valid[around])
    return Domain(image[around], None if _all(valid) else valid, None if _all(inside) else inside, left_out)


def row_counts(valid: Pixels) -> np.ndarray:
    """How many pixels of each row of ``valid`` (H, W) are set, (H,) of int."""
    bands = row_bands(*valid.shape)
    return np.concatenate([np.count_nonzero(np.asarray(valid[first:stop]), axis=1) for first, stop in bands])


def column_counts(valid: Pixels) -> np.ndarray:
    """How many pixels of each column of ``valid`` (H, W) are set, (W,) of int."""
    bands = row_bands(*valid.shape)
    return np.sum([np.count_nonzero(np.asarray(valid[first:stop]), axis=0) for first, stop in bands], axis=0)


def _all(valid: Pixels) -> bool:
    return bool(row_counts(valid).sum() == valid.shape[0] * valid.shape[1])


def _compact(valid: Pixels) -> Pixels:
    return np.ascontiguousarray(valid) if isinstance(valid, np.ndarray) else valid


def filled(image: Pixels, valid: Pixels | None) -> Pixels:
    """``image`` (H, W) with the mean of the ``valid`` pixels, one at least, in place of the others.

    So the others' values have no effect at all, and the range, from which float32 arithmetic starts, is that of data.
    """
    if valid is None:
        return image
    mean = np.float32(_mean(image, valid))  # float32 and float64 images must give the same bits

    def band(first: int, stop: int) -> np.ndarray:
        return np.where(np.asarray(valid[first:stop]), np.asarray(image[first:stop]), mean)

    return made_of_bands(image.shape, image.dtype, band, stored=isinstance(image, StoredRows))


def _mean(image: Pixels, valid: Pixels) -> float:
    """Of the ``valid`` pixels of ``image``."""
    if isinstance(image, np.ndarray):
        return image[np.asarray(valid)].mean(dtype=np.float64)
    total = count = 0
    for first, stop in row_bands(*image.shape):
        chosen = np.asarray(image[first:stop])[np.asarray(valid[first:stop])]
        total, count = total + chosen.sum(dtype=np.float64), count + len(chosen)
    return total / count


def _eroded(valid: np.ndarray, square: int) -> np.ndarray:
    """The pixels of ``valid`` (H, W) whose squared distance from every pixel that is not valid exceeds ``square``.

    A run of such pixels in one row takes away a run, half a chord longer on either side, in each of the rows that the
    radius reaches. Where these begin and end is counted, and the counts are added up along rows.
    """
    height, width = valid.shape
    padded = np.ones((height, width + 2), dtype=bool)
    padded[:, 1:-1] = valid
    row, ends = np.divmod(np.flatnonzero(padded[:, 1:] != padded[:, :-1]), width + 1)
    row, first, last = row[::2], ends[::2], ends[1::2]  # runs from first to before last
    reach = isqrt(square)
    half = np.array([isqrt(square - dy * dy) for dy in range(-reach, reach + 1)])[:, None]
    line = (row + np.arange(-reach, reach + 1)[:, None]) * (width + 1)
    kept = (line >= 0) & (line < height * (width + 1))
    counts, ones = np.zeros(height * (width + 1), np.int32), np.ones(np.count_nonzero(kept), np.int32)
    np.add.at(counts, (line + np.maximum(first - half, 0))[kept], ones)
    np.add.at(counts, (line + np.minimum(last + half, width))[kept], -ones)
    return np.cumsum(counts, out=counts).reshape(height, -1)[:, :width] == 0


def coarser(luminance: Pixels, factor: int) -> Pixels:
    """The image ``factor`` times coarser: an isotropic Gaussian of sigma = factor / 2 px, then every
    ``factor``-th pixel. Pixels whose window leaves the image are cut off, never padded.

    The Gaussian is isotropic so that the resampling itself favours no direction, which a box or a
    separable cubic would.
    """
    if factor == 1:
        return luminance
    from scipy.ndimage import gaussian_filter

    radius = 2 * factor  # four sigma

    def smooth(window: np.ndarray) -> np.ndarray:
        return gaussian_filter(window, factor / 2, radius=radius)

    return _thinned(luminance, factor, radius, radius, smooth, luminance.dtype)


def coarser_valid(valid: Pixels | None, factor: int) -> Pixels | None:
    """Which pixels of the image ``factor`` times coarser hold data: those with no other pixel in the disc around their
    window."""
    if valid is None or factor == 1:
        return valid
    radius = 2 * factor
    reach = isqrt(2 * radius**2)
    return _thinned(valid, factor, radius, reach, lambda window: _eroded(window, 2 * radius**2), bool)


def _thinned(
    pixels: Pixels,
    factor: int,
    border: int,
    reach: int,
    change: Callable[[np.ndarray], np.ndarray],
    dtype: np.typing.DTypeLike,
) -> Pixels:
    """Every ``factor``-th pixel of ``change`` of ``pixels`` (H, W), from ``border`` px inside; ``change`` of a pixel
    depends on those up to ``reach`` rows away."""
    if min(pixels.shape) <= 2 * border:
        return pixels[:0, :0]
    rows, columns = (-(-(side - 2 * border) // factor) for side in pixels.shape)

    def band(first: int, stop: int) -> np.ndarray:
        top = border + first * factor
        above = min(reach, top)
        window = np.asarray(pixels[top - above : border + (stop - 1) * factor + reach + 1])
        return change(window)[above : above + (stop - first - 1) * factor + 1 : factor, border:-border:factor]

    return made_of_bands((rows, columns), dtype, band, stored=isinstance(pixels, StoredRows))
