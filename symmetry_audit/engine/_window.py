"""What every engine does before and after its sums: the pixels that are seen, and what is only rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from symmetry_audit.kernels import RESPONSES, DirectPlan, HarmonicPlan

__all__ = [
    "Rows",
    "blocks",
    "mean_rows",
    "plan_means",
    "rounding",
    "row_counts",
    "seen_window",
    "sums_of_tiles",
    "told",
]

BLOCK = 1 << 23  # pixels of V of which a picture outside memory is read at a time: 32 MB of float32
WIDEST = 1 << 14  # columns of V whose filtered rows are held at a time


class Rows(Protocol):
    """An (H, W) array, or what stands for one outside memory: slices are views, which numpy reads as arrays."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __getitem__(self, place: Any, /) -> Any: ...

    def __array__(self, dtype: Any = None, /) -> np.ndarray: ...


def blocks(image: Rows, height: int, width: int) -> Iterator[tuple[int, int]]:
    """The rows of V, (first, last + 1) each, to measure at a time: all of an array, else as many as BLOCK allows."""
    rows = height if isinstance(image, np.ndarray) else max(1, BLOCK // width)
    return ((first, min(first + rows, height)) for first in range(0, height, rows))


def told(image: Rows) -> tuple[float, float, np.floating]:
    """The least and the largest pixel of ``image`` (H, W), and its mean in the type of its pixels."""
    if isinstance(image, np.ndarray):
        return image.min(), image.max(), image.mean()
    low, high, total = np.inf, -np.inf, 0.0
    for first, stop in blocks(image, *image.shape):
        part = np.asarray(image[first:stop])
        low, high = min(low, float(part.min())), max(high, float(part.max()))
        total += float(part.sum(dtype=np.float64))
    return low, high, image.dtype.type(total / (image.shape[0] * image.shape[1]))


def sums_of_tiles(
    outer: Rows,
    radius: int,
    inside: Rows | None,
    kernels: int,
    sums: Callable[[np.ndarray, np.ndarray | None], np.ndarray],
) -> np.ndarray:
    """What ``sums`` gives for tiles of ``outer`` (H, W), which is V and ``radius`` px around it: (rows of V, kernels).

    It takes a tile and the part of ``inside`` that is V in it. An array is one tile unless it is wider than WIDEST.
    """
    height, width = (side - 2 * radius for side in outer.shape)
    found = np.zeros((height, kernels))
    for first, stop in blocks(outer, height, width):
        for left in range(0, width, WIDEST):
            right = min(left + WIDEST, width)
            tile = np.asarray(outer[first : stop + 2 * radius, left : right + 2 * radius])
            belongs = None if inside is None else np.asarray(inside[first:stop, left:right])
            found[first:stop] += sums(tile, belongs)
    return found


def seen_window(image: Rows, margin: int, radius: int) -> Rows:
    """The pixels that kernels of ``radius`` reach from V: ``image`` without its border of margin - radius px.

    ``image`` is (H, W); the result is a view of it, not a copy.
    """
    height, width = image.shape[0] - 2 * margin, image.shape[1] - 2 * margin
    assert margin >= radius and height > 0 and width > 0, "the caller skips images with an empty V"
    border = margin - radius
    return image[border : image.shape[0] - border, border : image.shape[1] - border]


def rounding(low: float, high: float, samples: np.floating | float, arithmetic: np.floating | float) -> float:
    """What rounding can add to a pixel between ``low`` and ``high``.

    The samples as they are, and sums of them less their mean, round by their relative precision.
    """
    return float(samples) * max(abs(low), abs(high)) + float(arithmetic) * (high - low)


def row_counts(height: int, width: int, inside: Rows | None) -> np.ndarray:
    """The pixels of V in each row of its rectangle of ``height`` x ``width`` px, (height,) of int; ``inside`` is V."""
    if inside is None:
        return np.full(height, width)
    parts = (np.asarray(inside[first:stop]) for first, stop in blocks(inside, height, width))
    counts = np.concatenate([np.count_nonzero(part, axis=1) for part in parts])
    assert inside.shape == (height, width) and counts.any(), "the caller skips images with an empty V"
    return counts


def mean_rows(sums: np.ndarray, counts: np.ndarray, noise: np.ndarray, power: int) -> np.ndarray:
    """``sums`` (rows, m) over the ``counts`` (rows,) pixels of V in each row as means; 0 where a row has none.

    Responses no larger than rounding are set to zero: flat images, and ramps under second differences, give only such
    responses. ``noise`` (m,) is the rounding of a pixel times the sum of |kernel|, and ``power`` the exponent of a
    response.
    """
    rows = sums / np.maximum(counts, 1)[:, None]
    # written so that an overflow, inf or nan, is passed on
    return np.where(np.average(rows, 0, counts) <= (4 * noise) ** power, 0.0, rows)


def plan_means(
    plan: HarmonicPlan | DirectPlan,
    sums: np.ndarray,
    counts: np.ndarray,
    span: tuple[float, float],
    kind: str,
    gains: np.ndarray | float,
) -> np.ndarray:
    """``mean_rows`` of responses that a plan adds up in float32, ``sums`` (rows, m) over ``counts`` (rows,) pixels.

    ``span`` is the least and the largest pixel that they reach; ``gains`` (m,) multiply responses.
    """
    exponent = RESPONSES[kind]
    noise = rounding(*span, np.finfo(np.float32).eps, np.finfo(np.float32).eps)
    weights = np.abs(plan.stencils).sum((1, 2))  # how much rounding of the blurred image a response can hold
    return mean_rows(gains**exponent * sums, counts, weights * noise, exponent)
