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
DEEP = 0.01  # of an outline with such steps may look like padding farther inside


def without_padding(image: np.ndarray) -> np.ndarray | None:
    """Which pixels of ``image`` (H, W) are data, (H, W) of bool; None where it has no padding.

    Padding has one value, that of two corners and nearly of the others, and reaches what it fills from a corner. What
    it leaves is a rectangle, inside bars or a frame, or it is convex and reaches all four sides of the image, as a
    rotated tile and a round field of view do. A saturated sky or a black night has neither all corners nor such an
    outline. In a JPEG file every block rings that the edge of a tile runs through, and no other: where nothing else is
    found, the convex outline may have steps as large as blocks.
    """
    values, counts = np.unique(image[[0, 0, -1, -1], [0, -1, 0, -1]], return_counts=True)
    if len(values) == 4:  # so for nearly all photographs
        return None
    value, span = values[counts.argmax()], float(image.max()) - float(image.min())
    near = [~_reached(np.abs(image - value) <= slack * span) for slack in SLACKS if np.ptp(values) <= slack * span]
    # what rings most is tried first where blocks are allowed for: it leaves the smallest steps
    for data, steps in (*((data, 0.0) for data in near), *((data, BLOCK) for data in near[::-1])):
        outline = _outline(data, steps)
        if outline is not None and np.mean(image[~outline] == value) >= EXACT:
            return outline
    return None


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
    chosen[labels[[0, 0, -1, -1], [0, -1, 0, -1]]] = True
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
