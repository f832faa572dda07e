"""What every engine does before and after its sums: the pixels that are seen, and what is only rounding."""

from __future__ import annotations

import numpy as np

from symmetry_audit.kernels import DirectPlan, HarmonicPlan

__all__ = ["plan_means", "rounding", "seen_window", "without_rounding"]


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


def without_rounding(rows: np.ndarray, noise: np.ndarray, power: int) -> np.ndarray:
    """``rows`` (rows of V, m), where responses no larger than rounding are set to zero.

    Flat images, and ramps under second differences, give only such responses; these must read as zero. ``noise`` (m,)
    is the rounding of a pixel times the sum of |kernel|.
    """
    # written so that an overflow, inf or nan, is passed on
    return np.where(rows.mean(0) <= (4 * noise) ** power, 0.0, rows)


def plan_means(
    plan: HarmonicPlan | DirectPlan,
    sums: np.ndarray,
    width: int,
    span: tuple[float, float],
    kind: str,
    gains: np.ndarray | float,
) -> np.ndarray:
    """Means (rows of V, m) of responses that a plan adds up in float32, ``sums`` (rows of V, m) over ``width`` pixels.

    ``span`` is the least and the largest pixel that they reach; ``gains`` (m,) multiply responses.
    """
    exponent = 1 if kind == "abs" else 2
    noise = rounding(*span, np.finfo(np.float32).eps, np.finfo(np.float32).eps)
    weights = np.abs(plan.stencils).sum((1, 2))  # how much rounding of the blurred image a response can hold
    return without_rounding(gains**exponent * sums / width, weights * noise, exponent)
