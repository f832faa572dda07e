"""Slow reference for the average of a restorer over a group of quarter turns and mirrors, pixel by pixel.

Nothing of the project is imported. Readings chosen:

1.  x points right and y down. The mirror M takes column x to column W - 1 - x and acts before the turn.
2.  A quarter turn is counter-clockwise on the screen: the pixel in row y and column x of an image of W columns goes to
    row W - 1 - x and column y.
3.  The average is 1/|G| sum over g of g^-1 Phi(g y): the image is moved, restored, and moved back.
"""

import numpy as np

# (quarter turns, mirrored first)
GROUPS = {
    "p2": [(0, False), (2, False)],
    "p4": [(0, False), (1, False), (2, False), (3, False)],
    "p1m": [(0, False), (0, True)],
    "p2m": [(0, False), (2, False), (0, True), (2, True)],
    "p4m": [(turns, mirrored) for turns in range(4) for mirrored in (False, True)],
}


def mirror(image):
    height, width = image.shape[:2]
    result = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            result[y, width - 1 - x] = image[y, x]
    return result


def quarter_turn(image):
    height, width = image.shape[:2]
    result = np.empty((width, height, *image.shape[2:]), image.dtype)
    for y in range(height):
        for x in range(width):
            result[width - 1 - x, y] = image[y, x]
    return result


def move(image, turns, mirrored):
    image = mirror(image) if mirrored else image
    for _ in range(turns):
        image = quarter_turn(image)
    return image


def move_back(image, turns, mirrored):
    for _ in range((4 - turns) % 4):
        image = quarter_turn(image)
    return mirror(image) if mirrored else image


def average(restore, image, group):
    """``restore`` takes (H, W, C) to (s H, s W, C); ``group`` is a name in GROUPS."""
    total = 0.0
    for turns, mirrored in GROUPS[group]:
        total = total + move_back(np.asarray(restore(move(image, turns, mirrored)), np.float64), turns, mirrored)
    return total / len(GROUPS[group])
