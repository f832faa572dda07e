"""Padding of ordinary images: bars, frames, and the corners of rotated tiles and of round fields of view (SPEC 3)."""

from __future__ import annotations

import numpy as np

__all__ = ["without_padding"]

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
CORNERS = ([0, 0, -1, -1], [0, -1, 0, -1])
DEEP = 0.01  # of an outline with such steps may look like padding farther inside


def without_padding(image: np.ndarray) -> np.ndarray | None:
    """Which pixels of ``image`` (H, W) are data, (H, W) of bool; None where it has no padding.

    Padding has one value, that of two corners and nearly of the others, and reaches what it fills from a corner. What
    it leaves is a rectangle, inside bars or a frame, or it is convex and reaches all four sides of the image, as a
    rotated tile and a round field of view do. A saturated sky or a black night has neither all corners nor such an
    outline. In a JPEG file every block rings that the edge of a tile runs through, and no other: where nothing else is
    found, the convex outline may have steps as large as blocks. Bars of other shares or values, or along some sides
    only, need a straight edge and picture right beside it, which a saturated sky has not.
    """
    values, counts = np.unique(image[CORNERS], return_counts=True)
    if len(values) == 4:  # so for nearly all photographs
        return None
    found = _around(image, values, counts)
    return _beside_bars(image) if found is None else found


def _around(image: np.ndarray, values: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
    """What padding of one value leaves that holds all corners; these have ``values``, as often as ``counts`` says."""
    value, span = values[counts.argmax()], float(image.max()) - float(image.min())
    near = [~_reached(np.abs(image - value) <= slack * span) for slack in SLACKS if np.ptp(values) <= slack * span]
    # what rings most is tried first where blocks are allowed for: it leaves the smallest steps
    for data, steps in (*((data, 0.0) for data in near), *((data, BLOCK) for data in near[::-1])):
        outline = _outline(data, steps)
        if outline is not None and np.mean(image[~outline] == value) >= EXACT:
            return outline
    return None


def _beside_bars(image: np.ndarray) -> np.ndarray | None:
    """What bars leave, each along a whole side, with a value of its own."""
    rows, columns, span = slice(0, image.shape[0]), slice(0, image.shape[1]), None
    for _ in range(4):  # sides
        part = image[rows, columns]
        sides = (part[0], part[-1], part[:, 0], part[:, -1])
        values = {side[0] for side in sides if side[0] == side[-1] and np.mean(side == side[0]) >= SIDE}
        if not values:
            break
        span = float(np.ptp(image)) if span is None else span
        tried = (_inside(part, value, slack * span) for slack in (0.0, *SLACKS) for value in sorted(values))
        cut = next(filter(None, tried), None)
        if cut is None:
            break
        rows, columns = (
            slice(whole.start + new.start, whole.start + new.stop)
            for whole, new in zip((rows, columns), cut, strict=True)
        )
    found = np.zeros(image.shape, bool)
    found[rows, columns] = True
    return None if found.all() else found


def _inside(part: np.ndarray, value: float, slack: float) -> tuple[slice, slice] | None:
    """The rows and columns of ``part`` (H, W) inside bars of ``value`` to ``slack``; None where there are no such."""
    data = ~_reached(np.abs(part - value) <= slack)
    if data.all() or not data.any():
        return None
    rows, columns = (np.flatnonzero(data.any(axis)) for axis in (1, 0))
    cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inner, outer = data[cut], np.ones(data.shape, bool)
    outer[cut] = False
    widest = max(rows[0], len(data) - 1 - rows[-1], columns[0], data.shape[1] - 1 - columns[-1])
    if not outer.any() or widest < THIN:
        return None
    framed = outer[[0, -1]].any(1).all() and outer[:, [0, -1]].any(0).all() and outer[0].all() and outer[:, 0].all()
    if inner.size < (LEAST if framed else LEAST_BESIDE) * data.size:
        return None
    equal = np.mean(part[outer] == value)
    depth, share = (0, SIDE) if equal >= SHARP else (8, BESIDE)
    edges = []
    if rows[0] > 0:
        edges.append(inner[: depth + 1])
    if rows[-1] + 1 < len(data):
        edges.append(inner[-depth - 1 :])
    if columns[0] > 0:
        edges.append(inner[:, : depth + 1].T)
    if columns[-1] + 1 < data.shape[1]:
        edges.append(inner[:, -depth - 1 :].T)
    beside = all(edge.mean(1).max() >= share for edge in edges)
    return cut if beside and equal >= EXACT else None


def _outline(data: np.ndarray, steps: float) -> np.ndarray | None:
    """What padding leaves that is all but the pixels ``data`` (H, W); convex with ``steps`` of so many px."""
    rows, columns = (np.flatnonzero(data.any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    outline = np.zeros_like(data)
    outline[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    if _fills(data, outline):
        return outline  # no steps: the edges of bars run along blocks, or within one row of them
    height, width = data.shape
    if min((rows[-1] + 1 - rows[0]) / height, (columns[-1] + 1 - columns[0]) / width) < 1 - NEAR:
        return None
    from skimage.morphology import convex_hull_image

    outline = convex_hull_image(data, offset_coordinates=False)
    return outline if _fills(data, outline, steps) else None


def _reached(same: np.ndarray) -> np.ndarray:
    """The pixels of ``same`` (H, W) that are connected, along rows and columns, to a corner."""
    from scipy.ndimage import label

    labels = label(same)[0]
    chosen = np.zeros(labels.max() + 1, dtype=bool)
    chosen[labels[CORNERS]] = True
    return chosen[labels] & same


def _fills(data: np.ndarray, outline: np.ndarray, steps: float = 0.0) -> bool:
    """Whether ``outline`` is a good part of the image, not all of it, and ``data`` nearly all of the outline, or
    of what is farther than ``steps`` px inside it."""
    pixels, gaps = int(np.count_nonzero(outline)), outline & ~data
    if not LEAST * outline.size <= pixels < outline.size:
        return False
    if not steps:
        return int(np.count_nonzero(gaps)) <= GAPS * pixels
    from scipy.ndimage import distance_transform_edt

    # the border of the image is no edge of the outline
    depth = distance_transform_edt(np.pad(outline, 1, mode="edge"))[1:-1, 1:-1]
    fewer = np.count_nonzero(gaps) <= outline.size - pixels  # steps than padding beside them
    return bool(fewer and np.count_nonzero(gaps & (depth > steps)) <= DEEP * pixels)
