"""Slow float64 reference for the equivariance error of a network, written from SPEC.md, sections 1 and 3.

Nothing of the project is imported.  Readings chosen:

1.  Images are arrays [row][column][channel]; a point of an image of h rows and w columns is (x, y) with
    x = column - (w - 1)/2 to the right and y = row - (h - 1)/2 down, so its centre is (0, 0).
2.  (pi_A r)(x) = r(A^-1 x).  Where A takes pixels to pixels, r is read at that very pixel, and the image that comes
    out is as large as the turned frame; every other A keeps the frame, reads r by splines of order 5, and puts 0
    where A^-1 x lies outside.
3.  The error is a mean over the channels and the points with |x| <= radius, a radius in pixels of the output.
"""

import numpy as np
from scipy.ndimage import map_coordinates


def turned(image, matrix):
    """pi_A of ``image`` (h, w, channels), float64."""
    image, matrix = np.asarray(image, dtype=float), np.asarray(matrix, dtype=float)
    swap_or_keep = np.rint(np.abs(matrix))
    exact = np.allclose(np.abs(matrix), swap_or_keep, rtol=0, atol=1e-9) and np.allclose(swap_or_keep.sum(axis=0), 1)
    height, width = image.shape[:2]
    new_width, new_height = (swap_or_keep @ (width, height)).astype(int) if exact else (width, height)
    row, column = np.mgrid[:new_height, :new_width]
    old_x, old_y = np.tensordot(np.linalg.inv(matrix), [column - (new_width - 1) / 2, row - (new_height - 1) / 2], 1)
    where = [old_y + (height - 1) / 2, old_x + (width - 1) / 2]
    where, order = (np.rint(where), 0) if exact else (where, 5)
    planes = [map_coordinates(plane, where, order=order, mode="constant", cval=0) for plane in np.moveaxis(image, 2, 0)]
    return np.stack(planes, axis=2)


def equivariance_error(model, image, matrix, radius):
    """Mean over the disc and the channels of (Phi(pi_A Y) - pi_A Phi(Y))^2, for Phi = ``model`` and Y = ``image``."""
    first = np.asarray(model(turned(image, matrix)), dtype=float)
    second = turned(model(image), matrix)
    height, width = first.shape[:2]
    row, column = np.mgrid[:height, :width]
    disc = (column - (width - 1) / 2) ** 2 + (row - (height - 1) / 2) ** 2 <= radius**2
    return float(np.mean((first - second)[disc] ** 2))
