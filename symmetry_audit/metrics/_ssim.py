"""Structural similarity, as computed by ssim.m of its authors and by pytorch_ssim."""

from __future__ import annotations

from typing import Any

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.metrics._matched import matched

__all__ = ["ssim", "ssim_padded"]

RADIUS = 5  # radius of the window, 11 x 11 px
SIGMA = 1.5


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
    return _mean_inside(*matched(restored, clean), peak)


def ssim_padded(restored: np.ndarray, clean: np.ndarray, peak: float = 255.0) -> float:
    """``ssim`` with a window at every pixel and zeros outside the images, as pytorch_ssim in [SA].

    Shapes and errors as there: both (H, W) or (H, W, C).
    """
    restored, clean = matched(restored, clean)
    frame = [(RADIUS, RADIUS)] * 2 + [(0, 0)] * (clean.ndim - 2)
    return _mean_inside(np.pad(restored, frame), np.pad(clean, frame), peak)


def _mean_inside(restored: np.ndarray, clean: np.ndarray, peak: float) -> float:
    """The mean over the windows inside the images, float64, and over channels."""
    from skimage.metrics import structural_similarity  # tasks name their protocols, and are listed without it

    options: dict[str, Any] = {"data_range": peak, "channel_axis": -1 if clean.ndim == 3 else None}
    options |= {"gaussian_weights": True, "sigma": SIGMA, "use_sample_covariance": False}  # truncated at RADIUS
    found: Any = structural_similarity(restored, clean, **options)
    return float(found)
