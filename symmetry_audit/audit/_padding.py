"""Padding of ordinary images: bars, frames, and the corners of rotated tiles and of round fields of view (SPEC 3)."""

from __future__ import annotations

import numpy as np

__all__ = ["without_padding"]

SLACK = 0.03  # of the range of the image: what JPEG adds to black beside an edge
NEAR = 0.03  # of a side of the image: rotated tiles do not quite touch the box that is made for them
LEAST = 0.4  # of an image is data: a square turned by 45 degrees fills half of its box, a black square a page less
GAPS = 0.01  # of the data's outline may look like padding, as dark pixels beside a black bar do


def without_padding(image: np.ndarray) -> np.ndarray | None:
    """Which pixels of ``image`` (H, W) are data, (H, W) of bool; None where it has no padding.

    Padding has one value, that of all four corners, and reaches what it fills from a corner. What it leaves is a
    rectangle, inside bars or a frame, or it is convex and reaches all four sides of the image, as a rotated tile and a
    round field of view do. A saturated sky or a black night has neither all corners nor such an outline.
    """
    corners, slack = image[[0, 0, -1, -1], [0, -1, 0, -1]], SLACK * (image.max() - image.min())
    value = np.median(corners)
    if not (np.abs(corners - value) <= slack).all() or not (corners[0] == corners[1:]).any():
        return None
    data = ~_reached(np.abs(image - value) <= slack)
    rows, columns = (np.flatnonzero(data.any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    outline = np.zeros_like(data)
    outline[box] = True
    if _fills(data, outline):
        return outline
    if min(inner / side for inner, side in zip(data[box].shape, data.shape, strict=True)) < 1 - NEAR:
        return None
    from skimage.morphology import convex_hull_image

    outline = convex_hull_image(data, offset_coordinates=False)
    return outline if _fills(data, outline) else None


def _reached(same: np.ndarray) -> np.ndarray:
    """The pixels of ``same`` (H, W) that are connected, along rows and columns, to a corner."""
    from scipy.ndimage import label

    labels = label(same)[0]
    return np.isin(labels, [labels[0, 0], labels[0, -1], labels[-1, 0], labels[-1, -1]])


def _fills(data: np.ndarray, outline: np.ndarray) -> bool:
    """Whether ``outline`` is a good part of the image, not all of it, and ``data`` nearly all of the outline."""
    pixels = np.count_nonzero(outline)
    return LEAST * outline.size <= pixels < outline.size and np.count_nonzero(outline & ~data) <= GAPS * pixels
