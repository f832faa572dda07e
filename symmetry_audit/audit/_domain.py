"""V of an image: the pixels whose kernels see data alone, and the image cut to what these kernels see (SPEC 3)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np

__all__ = ["Domain", "coarser", "coarser_valid", "domain", "filled"]


@dataclass(frozen=True)
class Domain:
    """One image at one scale and its V.

    ``image`` (h, w) is cut to the rectangle of V and ``margin`` px around it; ``valid`` (h, w) of bool says which of
    its pixels hold data and ``inside`` (h - 2 margin, w - 2 margin) which of the inner ones are V, each None where all
    do. ``left_out`` is the share of the pixels ``margin`` px inside the whole image that V leaves out.
    """

    image: np.ndarray
    valid: np.ndarray | None = None
    inside: np.ndarray | None = None
    left_out: float = 0.0


def domain(image: np.ndarray, valid: np.ndarray | None, margin: int) -> Domain | None:
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
    inside = _eroded(valid, margin * margin)[margin : margin + rows, margin : margin + columns]
    lines, rest = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(lines):
        return None
    left_out = 1 - np.count_nonzero(inside) / inside.size
    box = slice(lines[0], lines[-1] + 1), slice(rest[0], rest[-1] + 1)
    around = tuple(slice(side.start, side.stop + 2 * margin) for side in box)
    inside, valid = np.ascontiguousarray(inside[box]), np.ascontiguousarray(valid[around])
    return Domain(image[around], None if valid.all() else valid, None if inside.all() else inside, left_out)


def filled(image: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """``image`` (H, W) with the mean of the ``valid`` pixels, one at least, in place of the others.

    So the others' values have no effect at all, and the range, from which float32 arithmetic starts, is that of data.
    """
    if valid is None:
        return image
    mean = image[valid].mean(dtype=np.float64)
    return np.where(valid, image, np.float32(mean))  # float32 and float64 images must give the same bits


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


def coarser(luminance: np.ndarray, factor: int) -> np.ndarray:
    """The image ``factor`` times coarser: an isotropic Gaussian of sigma = factor / 2 px, then every
    ``factor``-th pixel. Pixels whose window leaves the image are cut off, never padded.

    The Gaussian is isotropic so that the resampling itself favours no direction, which a box or a
    separable cubic would.
    """
    if factor == 1:
        return luminance
    from scipy.ndimage import gaussian_filter

    radius = 2 * factor  # four sigma
    if min(luminance.shape) <= 2 * radius:
        return luminance[:0, :0]
    smooth = gaussian_filter(luminance, factor / 2, radius=radius)
    return smooth[radius:-radius:factor, radius:-radius:factor]


def coarser_valid(valid: np.ndarray | None, factor: int) -> np.ndarray | None:
    """Which pixels of the image ``factor`` times coarser hold data: those with no other pixel in the disc around their
    window."""
    if valid is None or factor == 1:
        return valid
    radius = 2 * factor
    if min(valid.shape) <= 2 * radius:
        return valid[:0, :0]
    return _eroded(valid, 2 * radius**2)[radius:-radius:factor, radius:-radius:factor]
