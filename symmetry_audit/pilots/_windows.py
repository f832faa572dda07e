"""The side of the window of a linear filter."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from symmetry_audit.errors import SettingError

__all__ = ["WINDOW", "chosen_window"]

WINDOW = 15  # px
SMALLEST = 3  # px
PLENTY = 3  # places in an image for each weight of the filter


def chosen_window(shapes: Iterable[tuple[int, ...]], window: int | None = None) -> int:
    """``window``, or where it is None the largest odd side of at most 15 px that suits the middle one of the images.

    It has three times as many places in such an image as it has pixels: 15 px from 40 px on, 9 px at 25 px. Raises
    SettingError for a window that is even or below 3 px.
    """
    if window is not None:
        if window < SMALLEST or window % 2 == 0:
            raise SettingError(f"the window must be an odd number of pixels, {SMALLEST} or more, got {window}")
        return window
    middle = int(np.median([min(shape[:2]) for shape in shapes] or [0]))
    fits = (side for side in range(WINDOW, SMALLEST, -2) if max(middle - side + 1, 0) ** 2 >= PLENTY * side**2)
    return next(fits, SMALLEST)
