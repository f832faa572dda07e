"""What every engine does before and after its sums: the pixels that are seen, and what is only rounding."""

from __future__ import annotations

import numpy as np

from symmetry_audit.kernels import RESPONSES, DirectPlan, HarmonicPlan

__all__ = ["mean_rows", "plan_means", "rounding", "row_counts", "seen_window"]


def seen_window(image: np.ndarray, margin: int, radius: int) -> np.ndarray:
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


def row_counts(height: int, width: int, inside: np.ndarray | None) -> np.ndarray:
    """The pixels of V in each row of its rectangle of ``height`` x ``width`` px, (height,) of int; ``inside`` is V."""
    if inside is None:
        return np.full(height, width)
    assert inside.shape == (height, width) and inside.any(), "the caller skips images with an empty V"
    return np.count_nonzero(inside, axis=1)


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
