"""Least-squares filters by brute force: every window of every image, turned by every element, in one system."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Turn = Callable[[np.ndarray], np.ndarray]  # of one window (side, side)
QUARTERS: list[Turn] = [lambda window, k=k: np.rot90(window, k) for k in range(4)]
TURNS: dict[str, list[Turn]] = {
    "p1": [np.asarray],
    "p1m": [np.asarray, np.fliplr],
    "updown": [np.asarray, np.flipud],
    "p2": QUARTERS[::2],
    "p4": QUARTERS,
    "p4m": [*QUARTERS, *(lambda window, k=k: np.rot90(np.fliplr(window), k) for k in range(4))],
}


def windows(clean: np.ndarray, degraded: np.ndarray, side: int) -> tuple[list[np.ndarray], list[float]]:
    """All windows of the degraded image and the clean pixels under their middles."""
    found, targets = [], []
    for top in range(clean.shape[0] - side + 1):
        for left in range(clean.shape[1] - side + 1):
            found.append(degraded[top : top + side, left : left + side])
            targets.append(clean[top + side // 2, left + side // 2])
    return found, targets


def rows(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], side: int, turns: Sequence[Turn], sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Windows and targets relative to the mean of the window, weighted so that sums of squares are means.

    Every image counts alike. White noise is a window that is sigma at one pixel, over a black clean image, for every
    pixel: such windows have the second moments of the noise.
    """
    inputs, outputs = [], []
    for clean, degraded in pairs:
        found, targets = windows(clean, degraded, side)
        weight = 1 / np.sqrt(len(pairs) * len(found) * len(turns))
        for window, target in zip(found, targets, strict=True):
            for turn in turns:
                inputs.append(weight * (turn(window) - window.mean()).ravel())
                outputs.append(weight * (target - window.mean()))
    for pixel in range(side * side):
        spike = np.zeros(side * side)
        spike[pixel] = sigma
        inputs.append(spike - spike.mean())
        outputs.append(-spike.mean())
    return np.array(inputs), np.array(outputs)


def least_squares_filter(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], side: int, turns: Sequence[Turn], sigma: float
) -> np.ndarray:
    """The filter on windows without their mean, with a ridge of 1e-3 of the mean square of a pixel."""
    inputs, outputs = rows(pairs, side, turns, sigma)
    ridge = np.sqrt(1e-3 * (inputs**2).sum() / side**2)
    inputs = np.concatenate([inputs, ridge * np.eye(side * side)])
    return np.linalg.lstsq(inputs, np.concatenate([outputs, np.zeros(side * side)]), rcond=None)[0]


def mean_squared_error(found: np.ndarray, pair: tuple[np.ndarray, np.ndarray], side: int, sigma: float) -> float:
    """Of a filter on one image, in expectation over the noise."""
    inputs, outputs = rows([pair], side, TURNS["p1"], sigma)
    return float(((inputs @ found - outputs) ** 2).sum())
