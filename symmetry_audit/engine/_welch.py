"""The Welch periodogram of an image: what its detail consists of, for gains, floors and null fields. No torch."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.fft import fft2

from symmetry_audit.engine._window import Rows, blocks, row_counts

__all__ = ["welch_power"]

WINDOW = 128  # px along each side of a segment; a power of two no larger than the image
SEGMENTS = 8  # along each axis at most: enough for the mean of a ring, few enough to cost next to nothing
SHIFTS = 8  # of a segment along its side, among which those without padding are found
FEWEST = 2 * SHIFTS  # such places that a size needs: with fewer, half the size finds more of the image
BATCH = 4  # pairs of segments transformed at a time, 512 KB: they stay in cache


def welch_power(image: Rows, valid: Rows | None = None) -> np.ndarray:
    """The power spectrum of ``image`` (H, W) at the frequencies of ``fft2``, (n, n) float64, in squared intensity px^2.

    The mean over segments of n <= 128 px under a Hann window, spread evenly over the image, each minus its mean; both
    sides of the image must have 2 px at least. Transforms are float32: the amplitude, the root of the power, is right
    to 5e-7 of itself and 1e-8 of its largest value. With ``valid`` (H, W) of bool, which must hold a square of 2 px,
    segments lie in these pixels alone, and n is at most a size for which there are several: an edge of padding would
    add power at all frequencies.
    """
    size = min(WINDOW, 1 << (min(image.shape).bit_length() - 1))
    if valid is None:
        starts = [np.unique(np.linspace(0, n - size, SEGMENTS).astype(int)) for n in image.shape]
        place = tuple(np.ix_(*starts))
    else:
        size, place = _valid_segments(valid, size)
    windows = _segments(image, place, size)
    with np.errstate(over="ignore", invalid="ignore"):  # the caller reports samples that are too large
        scaled, scale = _centered(windows)
        scaled *= _window(size)
        return np.square(scale) * _power(scaled) / (len(windows) * np.square(_window(size), dtype=np.float64).sum())


def _segments(image: Rows, place: tuple[np.ndarray, ...], size: int) -> np.ndarray:
    """The squares of ``size`` px that start at ``place``, (rows, columns) of one shape together: (n, size, size)."""
    if isinstance(image, np.ndarray):
        return np.lib.stride_tricks.sliding_window_view(image, (size, size))[place].reshape(-1, size, size)
    starts = zip(*(np.ravel(part).tolist() for part in np.broadcast_arrays(*place)), strict=True)
    return np.stack([np.asarray(image[y : y + size, x : x + size]) for y, x in starts])


def _valid_segments(valid: Rows, size: int) -> tuple[int, tuple[np.ndarray, ...]]:
    """The largest size up to ``size`` with FEWEST places in ``valid`` (H, W), 2 at least, and the (rows, columns) where
    such segments start: of all places on a lattice as many, spread evenly over their order, as a whole image has on as
    many pixels, or FEWEST."""
    while True:
        step = max(1, size // SHIFTS)  # blocks of this side are valid or not
        height, width = (side // step for side in valid.shape)
        lines = _all_in_blocks(valid, height, width, step)
        side = size // step
        places = np.argwhere(np.lib.stride_tricks.sliding_window_view(lines, (side, side)).all((2, 3)))
        if len(places) >= FEWEST or size == 2:
            break
        size //= 2
    rows, columns = valid.shape
    share = row_counts(rows, columns, valid).sum() / (rows * columns)
    count = max(FEWEST, round(SEGMENTS**2 * share))
    chosen = np.unique(np.linspace(0, len(places) - 1, count).round().astype(int))
    return size, tuple(step * places[chosen].T)


def _all_in_blocks(valid: Rows, height: int, width: int, step: int) -> np.ndarray:
    """Which squares of ``step`` px are ``valid`` all over, (height, width) of bool."""
    found = np.empty((height, width), bool)
    for first, stop in blocks(valid, height, width * step**2):
        band = np.asarray(valid[first * step : stop * step, : width * step])
        found[first:stop] = band.reshape(-1, step, width, step).all((1, 3))
    return found


@lru_cache
def _window(size: int) -> np.ndarray:
    window = np.hanning(size + 2)[1:-1]
    return np.outer(window, window).astype(np.float32)


def _centered(windows: np.ndarray) -> tuple[np.ndarray, np.float64]:
    """``windows`` (n, size, size) minus their means, in float32 and at most 1, and the power of two that they lack.

    In float32 the mean of bright samples is rounded, so what is left of it is taken out again.
    """
    centered = windows - windows.mean((1, 2), keepdims=True, dtype=np.float64).astype(windows.dtype)
    centered -= centered.mean((1, 2), keepdims=True)
    scale = np.exp2(np.ceil(np.log2(max(np.abs(centered).max(), np.finfo(np.float64).tiny))))
    return np.divide(centered, scale).astype(np.float32), scale


def _power(segments: np.ndarray) -> np.ndarray:
    """Sum over ``segments`` (n, size, size) of |transform|^2.

    Two real segments are transformed as one complex signal a + i b, whose |transform|^2 is |A|^2 + |B|^2 and a part
    that is odd in the frequency.
    """
    packed = np.zeros((-(-len(segments) // 2), *segments.shape[1:]), np.complex64)
    packed.real = segments[::2]
    packed.imag[: len(segments) // 2] = segments[1::2]
    total = np.zeros(segments.shape[1:])
    for first in range(0, len(packed), BATCH):
        found = fft2(packed[first : first + BATCH])
        total += (np.square(found.real) + np.square(found.imag)).sum(0)
    mirrored = np.roll(total[::-1, ::-1], (1, 1), (0, 1))  # at -k
    return (total + mirrored) / 2
