"""What a task makes of the files of one pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Example"]


@dataclass(frozen=True)
class Example:
    """One prepared example: ``degraded`` (h, w, C), uint8 or float32, and ``clean``, an image or a label.

    A clean image is (scale h, scale w, C'), of any dtype of the two; a label has fewer than three axes. ``picture``
    (H, W, 3) uint8 is the clean image before it was prepared, by which copies are recognized. ``grey`` says whether its
    file has one channel.
    """

    degraded: np.ndarray
    clean: np.ndarray
    picture: np.ndarray
    grey: bool
