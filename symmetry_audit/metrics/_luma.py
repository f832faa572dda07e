"""The luminance that published results for super-resolution and deraining are measured on."""

from __future__ import annotations

import numpy as np

from symmetry_audit.errors import SettingError

__all__ = ["luma", "weighted"]

BT601 = (65.481 / 255, 128.553 / 255, 24.966 / 255)
FOOT = 16.0  # the luma of black


def luma(rgb: np.ndarray) -> np.ndarray:
    """Y = 16 + (65.481 R + 128.553 G + 24.966 B)/255 of SPEC 11: MATLAB's rgb2ycbcr without rounding.

    ``rgb`` is (H, W, 3) in 0..255; returns (H, W) float64 in 16..235. Raises SettingError for another shape.
    """
    return FOOT + weighted(rgb, BT601)


def weighted(rgb: np.ndarray, weights: tuple[float, float, float]) -> np.ndarray:
    """The sum of the three channels of ``rgb``, (H, W, 3), times ``weights``: (H, W) float64.

    Raises SettingError for another shape.
    """
    rgb = np.asarray(rgb)
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise SettingError(
            f"luma takes an RGB image (H, W, 3), got shape {rgb.shape}; repeat a grey image in three channels"
        )
    return rgb.astype(np.float64) @ np.array(weights)
