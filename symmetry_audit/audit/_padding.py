"""Padding of ordinary images: bars, frames, and the corners of rotated tiles and of round fields of view (SPEC 3)."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import numpy as np

from symmetry_audit.audit._domain import Pixels, column_counts, row_counts
from symmetry_audit.data import StoredRows, made_of_bands, row_bands
from symmetry_audit.engine import told

__all__ = ["all_differ", "without_padding"]

SLACKS = (0.03, 0.1)  # of the range of the image, one after the other: JPEG adds up to a tenth to black beside an edge
NEAR = 0.03  # of a side of the image: rotated tiles do not quite touch the box that is made for them
LEAST = 0.4  # of an image is data: a square turned by 45 degrees fills half of its box, a black square a page less
EXACT = 0.5  # of the padding has its value to the bit, though not what a JPEG file blurs along an edge
GAPS = 0.03  # of the data's outline may look like padding, as dark pixels beside a black bar do
BLOCK = (
    8 * 2**0.5
)  # px, the diagonal of a block of a JPEG file: as deep as the steps are that blocks cut out of an outline
LEAST_BESIDE = 0.15  # of an image is left between bars: a film of 9:16 fills a third of 16:9
SIDE = 0.9  # of a whole side has the value of its bar, and of the line inside it another
BESIDE = 0.7  # the same in a JPEG file, within a block: a grey picture may be near a grey bar
THIN = 4  # px: narrower bars lie in the margin, too far from V to be seen, and stripes of a texture look like them
SHARP = 0.99  # of a bar has its value to the bit: no JPEG file, so its edge is straight to the pixel
DEEP = 0.01  # of an outline with such steps may look like padding farther inside


def without_padding(image: Pixels) -> Pixels | None:
    """Which pixels of ``image`` (H, W) are data, (H, W) of bool; None where it has no padding.

    Padding has one value, that of two corners and nearly of the others, and reaches what it fills from a corner. What
    it leaves is a rectangle, inside bars or a frame, or it is convex and reaches all four sides of the image, as a
    rotated tile and a round field of view do. A saturated sky or a black night has neither all corners nor such an
    outline. In a JPEG file every block rings that the edge of a tile runs through, and no other: where nothing else is
    found, the convex outline may have steps as large as blocks. Bars of other shares or values, or along some sides
    only, need a straight edge and picture right beside it, which a saturated sky has not.
    """
    ends = np.concatenate([line[[0, -1]] for line in _sides(image)[:2]])
    if all_differ(ends):
        return None
    values, counts = np.unique(ends, return_counts=True)
    low, high, _ = told(image)
    span = float(high) - float(low)
    found = _around(image, values, values[counts.argmax()], span)
    return _beside_bars(image, span) if found is None else found


def all_differ(corners: np.ndarray) -> bool:
    """Whether no two of the four ``corners`` of an image have one value, as in nearly all photographs: then it has no
    padding."""
    return len(np.unique(corners)) == 4


def _sides(image: Pixels) -> tuple[np.ndarray, ...]:
    """The first and the last row, and the first and the last column."""
    rows = (np.asarray(image[:1])[0], np.asarray(image[-1:])[0])
    return (*rows, np.asarray(image[:, :1])[:, 0], np.asarray(image[:, -1:])[:, 0])


def _around(image: Pixels, corners: np.ndarray, value: float, span: float) -> Pixels | None:
    """What padding of one ``value`` leaves that holds all corners; ``span`` is the range of the image."""
    near = [_unreached(image, value, slack * span) for slack in SLACKS if np.ptp(corners) <= slack * span]
    # what rings most is tried first where blocks are allowed for: it leaves the smallest steps
    for data, steps in (*((data, 0.0) for data in near), *((data, BLOCK) for data in near[::-1])):
        outline = _outline(data, steps)
        if outline is not None and _share_of(value, image, outline) >= EXACT:
            return outline
    return None


def _beside_bars(image: Pixels, span: float) -> Pixels | None:
    """What bars leave, each along a whole side, with a value of its own."""
    rows, columns = (slice(0, side) for side in image.shape)
    for _ in range(4):  # sides
        part = image[rows, columns]
        sides = _sides(part)
        values = {side[0] for side in sides if side[0] == side[-1] and np.mean(side == side[0]) >= SIDE}
        tried = (_inside(part, value, slack * span) for slack in (0.0, *SLACKS) for value in sorted(values))
        cut = next(filter(None, tried), None)
        if cut is None:
            break
        rows, columns = (
            slice(whole.start + new.start, whole.start + new.stop)
            for whole, new in zip((rows, columns), cut, strict=True)
        )
    if (rows.stop - rows.start, columns.stop - columns.start) == image.shape:
        return None
    return _rectangle(image, rows, columns)


def _inside(part: Pixels, value: float, slack: float) -> tuple[slice, slice] | None:
    """The rows and columns of ``part`` (H, W) inside bars of ``value`` to ``slack``; None where there are no such."""
    data, (height, width) = _unreached(part, value, slack), part.shape
    rows, columns = (np.flatnonzero(counts) for counts in (row_counts(data), column_counts(data)))
    if not len(rows):
        return None
    above, below, left, right = rows[0], height - 1 - rows[-1], columns[0], width - 1 - columns[-1]
    cut = slice(above, height - below), slice(left, width - right)
    pixels, every = (height - above - below) * (width - left - right), height * width
    framed = min(above, below, left, right) > 0
    if max(above, below, left, right) < THIN or pixels < (LEAST if framed else LEAST_BESIDE) * every:
        return None
    equal = (_equal(part, value) - _equal(part[cut], value)) / (every - pixels)
    depth, share = (1, SIDE) if equal >= SHARP else (9, BESIDE)
    inner = data[cut]
    lines = (
        *((above, inner[:depth], 1), (below, inner[-depth:], 1)),
        *((left, inner[:, :depth], 0), (right, inner[:, -depth:], 0)),
    )
    beside = all(np.asarray(edge).mean(axis).max() >= share for bar, edge, axis in lines if bar)
    return cut if beside and equal >= EXACT else None


def _equal(image: Pixels, value: float) -> int:
    """How many pixels have this value to the bit."""
    return sum(int(np.count_nonzero(np.asarray(image[first:stop]) == value)) for first, stop in row_bands(*image.shape))


def _rectangle(like: Pixels, rows: slice, columns: slice) -> Pixels:
    """Which pixels are in these rows and columns, as ``like`` is stored."""

    def band(first: int, stop: int) -> np.ndarray:
        found = np.zeros((stop - first, like.shape[1]), dtype=bool)
        found[max(rows.start - first, 0) : max(rows.stop - first, 0), columns] = True
        return found

    return _mask(like, band)


def _share_of(value: float, image: Pixels, outline: Pixels) -> float:
    """The share of the pixels outside the ``outline`` that have this value to the bit."""
    equal = total = 0
    for first, stop in row_bands(*image.shape):
        outside = np.asarray(image[first:stop])[~np.asarray(outline[first:stop])]
        equal, total = equal + np.count_nonzero(outside == value), total + outside.size
    return equal / total


def _outline(data: Pixels, steps: float) -> Pixels | None:
    """What padding leaves that is all but the pixels ``data`` (H, W); convex with ``steps`` of so many px."""
    rows, columns = (np.flatnonzero(counts) for counts in (row_counts(data), column_counts(data)))
    if not len(rows):
        return None

    outline = _rectangle(data, slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    if _fills(data, outline):
        return outline  # no steps: the edges of bars run along blocks, or within one row of them
    height, width = data.shape
    if min((rows[-1] + 1 - rows[0]) / height, (columns[-1] + 1 - columns[0]) / width) < 1 - NEAR:
        return None
    outline = _hull(data)
    return outline if _fills(data, outline, steps) else None


def _mask(like: Pixels, band: Callable[[int, int], np.ndarray]) -> Pixels:
    return made_of_bands(like.shape, bool, band, stored=isinstance(like, StoredRows))


def _hull(data: Pixels) -> Pixels:
    """The convex hull of the centers of the pixels ``data``, as ``skimage.morphology.convex_hull_image`` has it."""
    from scipy.spatial import ConvexHull, QhullError
    from skimage.measure import grid_points_in_poly

    ends = []
    for first, stop in row_bands(*data.shape):
        part = np.asarray(data[first:stop])
        rows = np.flatnonzero(part.any(1))
        for columns in (part[rows].argmax(1), part.shape[1] - 1 - part[rows, ::-1].argmax(1)):
            ends.append(np.stack([first + rows, columns], axis=1))
    points = np.concatenate(ends)
    try:
        corners = points[ConvexHull(points).vertices].astype(float)
    except QhullError:  # all on one line
        return data

    def band(first: int, stop: int) -> np.ndarray:
        found = grid_points_in_poly((stop - first, data.shape[1]), corners - [first, 0], binarize=False)
        return found > 0  # edges and corners are inside

    return _mask(data, band)


def _unreached(image: Pixels, value: float, slack: float) -> Pixels:
    """All pixels of ``image`` (H, W) but those within ``slack`` of ``value`` that such pixels connect, along rows and
    columns, to a corner.

    What is connected is followed through bands, down and up, until it grows no more.
    """
    from scipy.ndimage import label

    height, width = image.shape
    bands = list(row_bands(height, width))
    rest = _mask(image, lambda first, stop: np.ones((stop - first, width), dtype=bool))
    grown = True
    while grown:
        grown = False
        for first, stop in (*bands, *bands[-2::-1]):
            labels = label(np.abs(np.asarray(image[first:stop]) - value) <= slack)[0]
            before = np.asarray(rest[first:stop])
            chosen = np.zeros(labels.max() + 1, dtype=bool)
            chosen[labels[~before]] = True
            for line, beside in ((0, first - 1), (-1, stop)):
                if 0 <= beside < height:
                    chosen[labels[line, ~np.asarray(rest[beside : beside + 1])[0]]] = True
                else:
                    chosen[labels[line, [0, -1]]] = True
            chosen[0] = False
            after = ~chosen[labels]
            if (after != before).any():
                grown = len(bands) > 1
                _put(rest, first, after)
    return rest


def _put(mask: Pixels, first: int, band: np.ndarray) -> None:
    if isinstance(mask, StoredRows):
        mask.write(first, band)
    else:
        mask[first : first + len(band)] = band


def _fills(data: Pixels, outline: Pixels, steps: float = 0.0) -> bool:
    """Whether ``outline`` is a good part of the image, not all of it, and ``data`` nearly all of the outline, or
    of what is farther than ``steps`` px inside it."""
    size, pixels = outline.shape[0] * outline.shape[1], int(row_counts(outline).sum())
    if not LEAST * size <= pixels < size:
        return False
    gaps = deep = 0
    for first, stop in row_bands(*outline.shape):
        band = np.asarray(outline[first:stop]) & ~np.asarray(data[first:stop])
        gaps += np.count_nonzero(band)
        if steps and band.any():
            deep += np.count_nonzero(band & (_depth(outline, first, stop, steps) > steps))
    if not steps:
        return bool(gaps <= GAPS * pixels)
    # fewer steps than padding beside them
    return bool(gaps <= size - pixels and deep <= DEEP * pixels)


def _depth(outline: Pixels, first: int, stop: int, most: float) -> np.ndarray:
    """How far inside the ``outline`` each pixel of these rows is in px, up to ``most``; from there on, any more."""
    from scipy.ndimage import distance_transform_edt

    top = max(0, first - ceil(most) - 1)
    window = np.asarray(outline[top : stop + ceil(most) + 1])
    if window.all():
        return np.full((stop - first, window.shape[1]), np.inf)
    # the border of the image is no edge of the outline
    depth = distance_transform_edt(np.pad(window, 1, mode="edge"))[1:-1, 1:-1]
    return depth[first - top : stop - top]
