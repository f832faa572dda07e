"""Structure tensor of an image: the start of a fit (SPEC 5), and how oriented the image is."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, pi, sqrt

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from symmetry_audit.groups import Affine

__all__ = ["StructureTensor", "structure_tensor"]

BLOCK = 32  # px along each side: filters waste little work on the zeros of their matrices


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


def structure_tensor(image: np.ndarray, sigma: float, margin: int, inside: np.ndarray | None = None) -> StructureTensor:
    """Structure tensor of ``image`` (H, W) at scale ``sigma`` px, over pixels at least ``margin`` px inside, or those
    of them that ``inside`` (H - 2 margin, W - 2 margin) of bool chooses.

    Gradients are those of SciPy's Gaussian filters, which reach 4 sigma: ``margin`` must be as wide. Computed in
    float32, in blocks that stay in the cache, where a filter is a product with a band matrix.
    """
    taps = [_taps(sigma, order) for order in (0, 1)]
    reach = len(taps[0]) // 2
    border = margin - reach
    seen = image[border : image.shape[0] - border, border : image.shape[1] - border]
    height, width = seen.shape[0] - 2 * reach, seen.shape[1] - 2 * reach
    middle = np.float32(image.mean(dtype=np.float64))  # float32 and float64 images must give the same bits
    smooth, slope = (torch.from_numpy(_band_matrix(each)) for each in taps)  # (BLOCK, BLOCK + 2 reach)
    blocks = -(-width // BLOCK)
    pixels = torch.zeros(BLOCK + 2 * reach, blocks * BLOCK + 2 * reach)
    chosen = torch.zeros(0 if inside is None else height, blocks * BLOCK)
    if inside is not None:
        chosen[:, :width] = torch.from_numpy(np.ascontiguousarray(inside))
    total = np.zeros(3)
    for y in range(0, height, BLOCK):
        rows = min(BLOCK, height - y)
        band = seen[y : y + rows + 2 * reach]
        pixels[: len(band), : band.shape[1]] = torch.from_numpy((band - middle).astype(np.float32))
        g_y, g_x = ((matrix @ pixels).unfold(1, BLOCK + 2 * reach, BLOCK) for matrix in (slope, smooth))
        g_y, g_x = g_y @ smooth.T, g_x @ slope.T  # (BLOCK, blocks, BLOCK)
        for gradient in (g_y, g_x):  # of rows and columns that the last blocks have too many
            gradient[rows:] = 0
            gradient[:, -1, width - BLOCK * blocks + BLOCK :] = 0
            if inside is not None:
                gradient[:rows] *= chosen[y : y + rows].unflatten(1, (blocks, BLOCK))
        pairs = (g_x, g_x), (g_x, g_y), (g_y, g_y)
        total += [float(torch.dot(one.flatten(), other.flatten())) for one, other in pairs]
    count = height * width if inside is None else np.count_nonzero(inside)
    return StructureTensor(*(total / count).tolist())


def _taps(sigma: float, order: int) -> np.ndarray:
    """SciPy's Gaussian filter of this derivative as weights of a correlation, (2 reach + 1,)."""
    reach = int(4 * sigma + 0.5)
    impulse = np.zeros(2 * reach + 1)
    impulse[reach] = 1.0
    return gaussian_filter1d(impulse, sigma, order=order, mode="constant")[::-1]


def _band_matrix(taps: np.ndarray) -> np.ndarray:
    """The matrix whose product with a line of BLOCK + len(taps) - 1 px correlates it with ``taps``."""
    return np.stack([np.pad(taps, (row, BLOCK - 1 - row)) for row in range(BLOCK)]).astype(np.float32)
