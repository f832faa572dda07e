"""Structure tensor of an image: the start of a fit (SPEC 5), and how oriented the image is."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, pi, sqrt

import numpy as np
from scipy.ndimage import gaussian_filter

from symmetry_audit.groups import Affine

__all__ = ["StructureTensor", "structure_tensor"]


@dataclass(frozen=True)
class StructureTensor:
    """Mean of grad grad^T over an image: ``xx``, ``xy``, ``yy`` in squared intensity per squared px."""

    xx: float
    xy: float
    yy: float

    def eigenvalues(self) -> tuple[float, float]:
        """The larger and the smaller eigenvalue."""
        mean, half = (self.xx + self.yy) / 2, sqrt(((self.xx - self.yy) / 2) ** 2 + self.xy**2)
        return mean + half, max(mean - half, 0.0)

    @property
    def coherence(self) -> float:
        """(l1 - l2) / (l1 + l2), in [0, 1]: 0 without a preferred direction, 1 where all gradients are parallel."""
        large, small = self.eigenvalues()
        return (large - small) / (large + small) if large > 0 else 0.0

    @property
    def orientation(self) -> float:
        """Angle alpha in [0, pi) of the direction (cos alpha, -sin alpha) along which the image varies least."""
        # the largest eigenvector is at angle phi (x right, y down); the smallest is at phi + pi/2
        phi = atan2(2 * self.xy, self.xx - self.yy) / 2
        return (-(phi + pi / 2)) % pi

    def affine(self, max_ratio: float) -> Affine:
        """D with D D^T ~ S^-1, its axis ratio capped: the long axis is along the smallest eigenvector."""
        large, small = self.eigenvalues()
        ratio = sqrt(large / small) if small > 0 else max_ratio
        return Affine.from_axes(self.orientation, min(max(ratio, 1.0), max_ratio))


def structure_tensor(image: np.ndarray, sigma: float, margin: int) -> StructureTensor:
    """Structure tensor of ``image`` (H, W) at scale ``sigma`` px, over pixels at least ``margin`` px inside."""
    inside = (slice(margin, image.shape[0] - margin), slice(margin, image.shape[1] - margin))
    image = image - image.mean()
    along_y = gaussian_filter(image, sigma, order=(1, 0))[inside]
    along_x = gaussian_filter(image, sigma, order=(0, 1))[inside]
    xx, xy, yy = (float((a * b).mean()) for a, b in ((along_x, along_x), (along_x, along_y), (along_y, along_y)))
    return StructureTensor(xx, xy, yy)
