"""What interpolated turns cost images that have no direction at all."""

from __future__ import annotations

import numpy as np
from scipy.special import j0

from symmetry_audit.pilots._filters import fitted, gains_db
from symmetry_audit.pilots._moments import Moments, stacked
from symmetry_audit.pilots._symmetries import Symmetry

__all__ = ["interpolation_db", "isotropic_moments"]

WAVES = np.linspace(1 / 128, 1 / 2, 512)  # cycles/px; below, waves are longer than any window sees


def interpolation_db(symmetry: Symmetry, moments: Moments) -> float | None:
    """The gain, negative, by a group on isotropic fields as strong as images of mean ``moments``, with their noise.

    0 where the group needs no interpolation. None where there is no noise to weigh the loss against: then it hangs on
    the finest detail of the images, which no reference has.
    """
    if symmetry.exact:
        return 0.0
    if not moments.noise.any():
        return None
    fields = isotropic_moments(float(moments.power), float(moments.noise.mean()), len(moments.noise))
    plain, own = fitted(fields, symmetry.trivial), fitted(fields, symmetry)
    return float(gains_db(plain, own, stacked([fields]))[0])


def isotropic_moments(power: float, noise: float, pixels: int) -> Moments:
    """Moments of a field of variance ``power`` whose amplitude is 1 / |k| up to 0.5 cycles/px, as in photographs.

    A ring of waves |k| has the covariance J0(2 pi |k| distance), and a power of 1 / |k|^2 times its circumference.
    """
    side = round(pixels**0.5)
    place = np.arange(pixels)
    squares = (place[:, None] // side - place // side) ** 2 + (place[:, None] % side - place % side) ** 2
    unique, index = np.unique(squares, return_inverse=True)
    weights = 1 / WAVES / (1 / WAVES).sum()
    covariance = j0(2 * np.pi * np.sqrt(unique)[:, None] * WAVES) @ weights
    second = power * covariance[index].reshape(squares.shape)
    return Moments(second, second[pixels // 2], np.asarray(power), np.full(pixels, noise))
