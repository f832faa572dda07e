"""Fixed features of images for a linear classifier, and their means over groups of quarter turns and mirrors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

__all__ = ["MOVES", "SIDE", "drawn_filters", "group_mean", "moved_features", "squared"]

SIDE, WINDOW, STEP = 64, 7, 2  # px: of the image, of a filter, between windows
FILTERS = 96
FLAT = 8.0  # grey levels: windows of less contrast than this are damped
STREAM = 4
Move = Callable[[np.ndarray], np.ndarray]

# by name: the eight moves of a square of pixels, and which of them form a group
MOVES: tuple[Move, ...] = tuple(
    lambda image, turns=turns, mirror=mirror: np.rot90(image[:, ::-1] if mirror else image, turns)
    for mirror in (False, True)
    for turns in range(4)
)
MEMBERS = {"p1": (0,), "p1m": (0, 4), "updown": (0, 6), "p2": (0, 2), "p4": (0, 1, 2, 3), "p4m": tuple(range(8))}


def squared(pixels: np.ndarray) -> np.ndarray:
    """The central square of an image (h, w, 3) uint8, resized to ``SIDE`` px, float32."""
    side = min(pixels.shape[:2])
    top, left = ((whole - side) // 2 for whole in pixels.shape[:2])
    square = Image.fromarray(np.ascontiguousarray(pixels[top : top + side, left : left + side]))
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)


def drawn_filters(images: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """``FILTERS`` windows of random ``images``, normalized, (WINDOW^2 3, FILTERS)."""
    rng = np.random.default_rng((seed, STREAM))
    found = []
    for _ in range(FILTERS):
        image = images[int(rng.integers(len(images)))]
        top, left = (int(rng.integers(SIDE - WINDOW + 1)) for _ in range(2))
        found.append(image[top : top + WINDOW, left : left + WINDOW].ravel())
    return _normalized(np.array(found)).T


def moved_features(images: Iterable[np.ndarray], filters: np.ndarray) -> np.ndarray:
    """The features of every image under each of ``MOVES``, (n, 8, features) float32.

    Windows and filters have mean 0 and norm 1 (less where a window is flat). Features are the means over each quadrant
    of the positive and of the negative part of their products, and the mean and the standard deviation of each colour.
    """
    return np.array([[_features(move(image), filters) for move in MOVES] for image in images], np.float32)


def group_mean(features: np.ndarray, group: str) -> np.ndarray:
    """The mean of (n, 8, features) over the moves of ``group``, (n, features): the same for all images that it moves
    to each other."""
    return features[:, MEMBERS[group]].mean(1, dtype=np.float64)


def _features(image: np.ndarray, filters: np.ndarray) -> np.ndarray:
    windows = sliding_window_view(image, (WINDOW, WINDOW), (0, 1))[::STEP, ::STEP]
    count = windows.shape[0]
    flat = windows.transpose(0, 1, 3, 4, 2).reshape(count * count, -1)
    found = (_normalized(flat) @ filters).reshape(count, count, -1)
    half, middle = count // 2, count - count // 2  # both halves have the row in the middle
    parts = [
        (rows, columns) for rows in (slice(middle), slice(half, None)) for columns in (slice(middle), slice(half, None))
    ]
    responses = [part.mean((0, 1)) for at in parts for part in (found[at].clip(0), (-found[at]).clip(0))]
    sides = [slice(SIDE // 2), slice(SIDE // 2, None)]
    quarters = [image[rows, columns] for rows in sides for columns in sides]
    colours = [value / 64 for one in quarters for value in (one.mean((0, 1)), one.std((0, 1)))]
    return np.concatenate([*responses, *colours])


def _normalized(windows: np.ndarray) -> np.ndarray:
    """Each row less its mean, divided by its norm; FLAT damps rows of little contrast."""
    centred = windows - windows.mean(1, keepdims=True)
    least = FLAT * windows.shape[1] ** 0.5
    return centred / np.sqrt((centred**2).sum(1, keepdims=True) + least**2)
