"""A restored and a clean image, checked for the same shape and finite values, as float64."""

from __future__ import annotations

import numpy as np

from symmetry_audit.errors import ImageError, SettingError

__all__ = ["matched"]


def matched(restored: np.ndarray, clean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both images as float64, of one shape (H, W) or (H, W, C).

    Raises SettingError if the shapes are wrong or differ, ImageError for NaN and infinities.
    """
    restored, clean = np.asarray(restored), np.asarray(clean)
    if restored.shape != clean.shape:
        raise SettingError(
            f"the restored image must have the shape of the clean one, {clean.shape}, got {restored.shape}; "
            "crop the clean image to a multiple of the scale first"
        )
    if clean.ndim not in (2, 3) or not clean.size:
        raise SettingError(f"expected images (H, W) or (H, W, C) with pixels, got shape {clean.shape}")
    return _finite(restored, "restored"), _finite(clean, "clean")


def _finite(image: np.ndarray, name: str) -> np.ndarray:
    values = image.astype(np.float64)
    if not np.isfinite(values).all():
        raise ImageError(
            f"the {name} image holds NaN or infinite values and cannot be scored; check where it comes from"
        )
    return values
