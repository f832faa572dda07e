"""Which pixels of a CT slice hold data: scanners fill what lies outside their round field of view (SPEC 1)."""

from __future__ import annotations

import numpy as np

from symmetry_audit.errors import ImageError
from symmetry_audit.wording import HU

__all__ = ["held", "valid_pixels"]

LEAST_STORED = -1024.0  # HU: the smallest that 12 unsigned bits with the usual intercept can hold, so it may be air
NO_TISSUE = -1100.0  # HU: below what noise makes of air, so what is constant there is padding
FUZZ = 2.0  # px by which the edge of a fill may differ from the inscribed circle, which has no agreed rounding
SMEAR = 8.0  # px, a block of lossy JPEG: how far it may carry padding into the circle


def valid_pixels(hu: np.ndarray, declared: np.ndarray | None = None) -> np.ndarray:
    """Whether each pixel of ``hu``, (H, W) in HU, holds data; (H, W) bool.

    Not valid are: pixels that are NaN; those that hold the file's own padding value (``declared``), except inside the
    inscribed circle where that value may be air; those that equal a corner below -1100 HU; and, where everything
    outside the circle is one constant, that constant outside. Where all corners lie below -1100 HU but the outside is
    no constant (lossy compression), everything outside and, up to 8 px inside, everything below -1100 HU.
    """
    valid, radius = ~np.isnan(hu), _distance(hu.shape)
    half = min(hu.shape) / 2
    beyond = radius > half + FUZZ
    if declared is not None:
        valid &= ~(declared & ((hu < LEAST_STORED) | (radius > half - FUZZ)))
    corners = hu[[0, 0, -1, -1], [0, -1, 0, -1]]
    fills = np.unique(corners[corners < NO_TISSUE])
    constant = bool((hu[beyond] == corners[0]).all()) and beyond.any()
    if constant:
        valid &= ~((hu == corners[0]) & (radius > half - FUZZ))
    elif (corners < NO_TISSUE).all():
        valid &= ~((radius > half) | ((hu < NO_TISSUE) & (radius > half - SMEAR)))
    return valid & ~np.isin(hu, fills)


def held(samples: np.ndarray, unit: str, declared: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """``samples`` (H, W) with the mean of the valid pixels in place of the others; which are valid, None for all.

    In HU padding is looked for, else NaN and what is ``declared`` as missing, (H, W) bool, are not valid. Raises
    ImageError where no pixel is valid, or where one is infinite.
    """
    if np.isinf(samples if declared is None else samples[~declared]).any():
        raise ImageError("holds infinite samples; replace them first")
    if unit == HU:
        valid = valid_pixels(samples, declared)
    else:
        valid = ~np.isnan(samples) if declared is None else ~(np.isnan(samples) | declared)
    if valid.all():
        return samples, None
    if not valid.any():
        raise ImageError(f"holds nothing but {'padding' if declared is None or unit == HU else 'missing data'} or NaN")
    return np.where(valid, samples, samples.dtype.type(samples[valid].mean(dtype=np.float64))), valid


def _distance(shape: tuple[int, ...]) -> np.ndarray:
    """Distance of every pixel from the middle of the image, in px."""
    y, x = (np.arange(side) - (side - 1) / 2 for side in shape)
    return np.hypot(y[:, None], x)
