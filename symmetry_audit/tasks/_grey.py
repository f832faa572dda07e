"""Noise of grey pictures: one field, as in a file of one channel, not one for each of three equal channels."""

from __future__ import annotations

import numpy as np

__all__ = ["is_grey", "one_field"]

COLORS = 3


def is_grey(image: np.ndarray) -> bool:
    """Whether red, green and blue of ``image`` (h, w, C) are equal everywhere; further channels are those of masks.

    By its pixels and not by its file, so that training, evaluation and pilots agree, and grey saved as RGB is grey.
    """
    red = image[..., 0]
    return image.shape[2] >= COLORS and all(np.array_equal(red, image[..., channel]) for channel in range(1, COLORS))


def one_field(noisy: np.ndarray) -> np.ndarray:
    """``noisy`` (h, w, 3), three draws for equal pixels, with the first of them in all three channels."""
    return np.repeat(noisy[..., :1], COLORS, axis=2)
