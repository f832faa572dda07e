"""Hounsfield units and attenuation, slices on the grid of a geometry, and the materials they are made of."""

from __future__ import annotations

import numpy as np
from PIL import Image

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.metrics import MU_WATER
from symmetry_audit.tomography._geometry import FanBeam

__all__ = ["fit_mask", "fit_slice", "materials", "to_hu", "to_mu"]

AIR = -1000.0  # HU
SOFT, HARD = 100.0, 1500.0  # HU: below all water, above all bone


def to_mu(hu: np.ndarray) -> np.ndarray:
    """Hounsfield units as attenuation in 1/cm: 0.192 (1 + HU/1000)."""
    return MU_WATER * (1 + np.asarray(hu) / 1000)


def to_hu(mu: np.ndarray) -> np.ndarray:
    """Attenuation in 1/cm as Hounsfield units: 1000 (mu/0.192 - 1)."""
    return 1000 * (np.asarray(mu) / MU_WATER - 1)


def fit_slice(hu: np.ndarray, geometry: FanBeam) -> np.ndarray:
    """A square slice (H, H) in HU on the grid of ``geometry``, (side, side) float32, at least -1000 HU.

    Bilinear with antialiasing, as Pillow does it. The slice fills the field of the geometry, whatever its pixels
    measure. Raises SettingError for another shape, ImageError for values that are not finite.
    """
    hu = np.asarray(hu, np.float32)
    _check_square(hu)
    if not np.isfinite(hu).all():
        raise ImageError("the slice holds NaN or infinite values; set them to -1000 HU first")
    return np.maximum(_bilinear(hu, geometry), np.float32(AIR))


def fit_mask(mask: np.ndarray, geometry: FanBeam) -> np.ndarray:
    """A square mask (H, H) on the grid of ``geometry``, (side, side) bool; whatever is not 0 is metal.

    Bilinear on 8 bits, as in SynDeepLesion: what rounds to 0 or 1 of 1 stays so. Raises SettingError for another shape.
    """
    metal = np.asarray(mask) != 0
    _check_square(metal)
    return _bilinear(metal.astype(np.uint8), geometry).astype(bool)


def materials(mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The parts of ``mu`` (1/cm) that are water and bone; they add up to it.

    Up to 100 HU all is water, from 1500 HU on all is bone, and the share of bone grows linearly between.
    """
    low, high = to_mu(np.array([SOFT, HARD]))
    bone = mu * np.clip((mu - low) / (high - low), 0, 1).astype(mu.dtype)
    return mu - bone, bone


def _check_square(image: np.ndarray) -> None:
    if image.ndim != 2 or image.shape[0] != image.shape[1] or not image.size:
        raise SettingError(f"a slice or mask must be square, (H, H), got shape {image.shape}; crop or pad it first")


def _bilinear(image: np.ndarray, geometry: FanBeam) -> np.ndarray:
    size = geometry.side, geometry.side
    if image.shape == size:
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
