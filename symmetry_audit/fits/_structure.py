"""Structure tensor of an image: the start of a fit (SPEC 5), and how oriented the image is."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, pi, sqrt

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from symmetry_audit.engine import WIDEST, Rows
from symmetry_audit.fits._middle import middle
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


def structure_tensor(image: Rows, sigma: float, margin: int, inside: Rows | None = None) -> StructureTensor:
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
    offset = middle(image)
    total, count = np.zeros(3), 0
    for left in range(0, width, WIDEST):
        right = min(left + WIDEST, width)
        sums = _BandSums(taps, right - left)
        for y in range(0, height, BLOCK):
            bottom = min(y + BLOCK, height)
            band = np.asarray(seen[y : bottom + 2 * reach, left : right + 2 * reach])
            chosen = None if inside is None else np.asarray(inside[y:bottom, left:right])
            total += sums.of((band - offset).astype(np.float32), chosen)
            count += (bottom - y) * (right - left) if chosen is None else np.count_nonzero(chosen)
    return StructureTensor(*(total / count).tolist())


class _BandSums:
    """Sums of grad grad^T over bands of up to BLOCK rows of ``width`` px, with one workspace for all."""

    def __init__(self, taps: list[np.ndarray], width: int) -> None:
        self._smooth, self._slope = (torch.from_numpy(_band_matrix(each)) for each in taps)  # (BLOCK, BLOCK + 2 reach)
        self._blocks, self._around, self._width = -(-width // BLOCK), len(taps[0]) - 1, width
        self._pixels = torch.zeros(BLOCK + self._around, self._blocks * BLOCK + self._around)
        self._chosen = torch.zeros(BLOCK, self._blocks * BLOCK)

    def of(self, band: np.ndarray, chosen: np.ndarray | None) -> list[float]:
        """xx, xy and yy of ``band``, the reach around it included, over all pixels or those ``chosen``."""
        rows, wide = len(band) - self._around, BLOCK + self._around
        self._pixels[: len(band), : band.shape[1]] = torch.from_numpy(band)
        g_y, g_x = ((matrix @ self._pixels).unfold(1, wide, BLOCK) for matrix in (self._slope, self._smooth))
        g_y, g_x = g_y @ self._smooth.T, g_x @ self._slope.T  # (BLOCK, blocks, BLOCK)
        if chosen is not None:
            self._chosen[:rows, : self._width] = torch.from_numpy(chosen)
        for gradient in (g_y, g_x):  # of rows and columns that the last blocks have too many
            gradient[rows:] = 0
            gradient[:, -1, self._width - BLOCK * self._blocks + BLOCK :] = 0
            if chosen is not None:
                gradient[:rows] *= self._chosen[:rows].unflatten(1, (self._blocks, BLOCK))
        pairs = (g_x, g_x), (g_x, g_y), (g_y, g_y)
        return [float(torch.dot(one.flatten(), other.flatten())) for one, other in pairs]


def _taps(sigma: float, order: int) -> np.ndarray:
    """SciPy's Gaussian filter of this derivative as weights of a correlation, (2 reach + 1,)."""
    reach = int(4 * sigma + 0.5)
    impulse = np.zeros(2 * reach + 1)
    impulse[reach] = 1.0
    return gaussian_filter1d(impulse, sigma, order=order, mode="constant")[::-1]


def _band_matrix(taps: np.ndarray) -> np.ndarray:
    """The matrix whose product with a line of BLOCK + len(taps) - 1 px correlates it with ``taps``."""
    return np.stack([np.pad(taps, (row, BLOCK - 1 - row)) for row in range(BLOCK)]).astype(np.float32)
