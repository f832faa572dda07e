"""Structural similarity, as computed by ssim.m of its authors and by pytorch_ssim."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.metrics._matched import matched

__all__ = ["ssim", "ssim_padded"]

RADIUS = 5  # radius of the window, 11 x 11 px
SIGMA = 1.5
K1, K2 = 0.01, 0.03
TAPS = np.exp(-(np.arange(-RADIUS, RADIUS + 1) ** 2) / (2 * SIGMA**2))
TAPS /= TAPS.sum()


def ssim(restored: np.ndarray, clean: np.ndarray, peak: float = 255.0) -> float:
    """SSIM of Wang et al. (2004), Eq. (13), averaged over windows, then over channels; 1 if the images are equal.

        (2 m_x m_y + C1)(2 s_xy + C2) / ((m_x^2 + m_y^2 + C1)(s_x^2 + s_y^2 + C2))

    Means m and population (co)variances s are weighted by an 11 x 11 Gaussian of sigma 1.5; C1 = (0.01 peak)^2,
    C2 = (0.03 peak)^2. Only windows inside the image count, as in ssim.m. Both images are (H, W) or (H, W, C) of
    the same shape, taken as they are. Raises SettingError for other shapes and for images under 11 px, ImageError
    for values that are not finite.
    """
    if min(np.shape(clean)[:2], default=0) < 2 * RADIUS + 1:
        raise SettingError(
            f"SSIM needs images of at least {2 * RADIUS + 1} x {2 * RADIUS + 1} px after borders are cut, "
            f"got shape {np.shape(clean)}; use larger images"
        )
    return _mean_index(restored, clean, peak, _inside)


def ssim_padded(restored: np.ndarray, clean: np.ndarray, peak: float = 255.0) -> float:
    """``ssim`` with a window at every pixel and zeros outside the images, as pytorch_ssim in [SA].

    Shapes and errors as there: both (H, W) or (H, W, C).
    """
    return _mean_index(restored, clean, peak, _everywhere)


def _mean_index(restored: np.ndarray, clean: np.ndarray, peak: float, smooth: Callable) -> float:
    restored, clean = matched(restored, clean)
    planes = zip(np.atleast_3d(restored).transpose(2, 0, 1), np.atleast_3d(clean).transpose(2, 0, 1), strict=True)
    return float(np.mean([_index(x, y, peak, smooth).mean() for x, y in planes]))


def _index(x: np.ndarray, y: np.ndarray, peak: float, smooth: Callable) -> np.ndarray:
    """The map of Eq. (13) of two planes (H, W); s_x^2 + s_y^2 takes one filter, not two."""
    mean_x, mean_y = smooth(x), smooth(y)
    product, square = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance, variance = smooth(x * y) - product, smooth(x**2 + y**2) - square
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    return (2 * product + c1) * (2 * covariance + c2) / ((square + c1) * (variance + c2))


def _everywhere(plane: np.ndarray) -> np.ndarray:
    """The Gaussian means around all pixels of a plane (H, W), zeros outside."""
    from scipy.ndimage import correlate1d  # tasks name their protocols, and are listed without scipy

    rows = correlate1d(plane, TAPS, axis=0, mode="constant")
    return correlate1d(rows, TAPS, axis=1, mode="constant")


def _inside(plane: np.ndarray) -> np.ndarray:
    """The Gaussian means whose window is inside the plane: (H - 10, W - 10)."""
    return _everywhere(plane)[RADIUS:-RADIUS, RADIUS:-RADIUS]
