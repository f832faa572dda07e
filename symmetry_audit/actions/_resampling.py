"""Rotating images during training: a sparse matrix and its transpose, on any device."""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from symmetry_audit.actions._images import is_exact, moved_pixels
from symmetry_audit.devices import without_autocast
from symmetry_audit.groups import Element

__all__ = ["Resampling", "resampling"]

KEYS = -0.5  # parameter a of the cubic; with this value parabolas are interpolated exactly


class Resampling:
    """pi_A on square images (..., side, side) about their centre, (pi_A r)(x) = r(A^-1 x), and its adjoint.

    Quarter turns and mirrors only move pixels. Other elements interpolate by Keys' cubic, a = -1/2, with zeros
    beyond the border: a little less exact than ``move``, but about a hundred times as fast. No gradients are recorded:
    the gradient of a function of pi_A r is the adjoint of that function's gradient.
    """

    def __init__(self, element: Element, side: int, dtype: torch.dtype, device: torch.device) -> None:
        self.matrix = element.matrix()
        self._tables = None
        if not is_exact(self.matrix):
            table = _weights(self.matrix, side)
            self._tables = tuple(_as_torch(one, dtype, device) for one in (table, table.T.tocsr()))

    def __call__(self, images: Tensor) -> Tensor:
        """pi_A ``images``."""
        if self._tables is None:
            return moved_pixels(images, np.round(self.matrix))
        return _multiplied(self._tables[0], images)

    def adjoint(self, images: Tensor) -> Tensor:
        """The transposed matrix on ``images``; for quarter turns and mirrors the inverse.

        ``images`` (..., side, side), to the same shape.
        """
        if self._tables is None:
            return moved_pixels(images, np.round(self.matrix).T)
        return _multiplied(self._tables[1], images)


@lru_cache(maxsize=256)
def resampling(element: Element, side: int, dtype: torch.dtype, device: torch.device) -> Resampling:
    """The ``Resampling`` by ``element``, built once for every size, type and device."""
    return Resampling(element, side, dtype, device)


def _multiplied(table: Tensor, images: Tensor) -> Tensor:
    with without_autocast(images.device.type):  # there is no sparse product in half precision
        columns = images.reshape(
            -1, table.shape[1]
        ).T.contiguous()  # in a layout by rows the product takes up to three times as long
        return (table @ columns).T.contiguous().view(images.shape)


def _weights(matrix: np.ndarray, side: int) -> sparse.csr_array:
    """The weights of the image's pixels in each pixel of the rotated image, (side^2, side^2)."""
    centre = (side - 1) / 2
    y, x = np.mgrid[:side, :side] - centre
    points = np.linalg.inv(matrix) @ np.stack([x.ravel(), y.ravel()]) + centre  # (x, y) by pixel
    first = np.floor(points).astype(int) - 1
    rows, columns, values = [], [], []
    for dy in range(4):
        for dx in range(4):
            at = first + np.array([[dx], [dy]])
            inside = ((at >= 0) & (at < side)).all(0)
            weight = _cubic(points[0] - at[0]) * _cubic(points[1] - at[1])
            rows.append(np.flatnonzero(inside))
            columns.append((at[1] * side + at[0])[inside])
            values.append(weight[inside])
    where = np.concatenate(rows), np.concatenate(columns)
    return sparse.coo_array((np.concatenate(values), where), shape=(side**2, side**2)).tocsr()


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic (1981) at a distance in pixels.

    ``kernels.keys_cubic`` is the same function, rounded otherwise: training with EQ-Reg repeats itself to the bit only
    with this one.
    """
    s = np.abs(distance)
    near = (KEYS + 2) * s**3 - (KEYS + 3) * s**2 + 1
    far = KEYS * (s**3 - 5 * s**2 + 8 * s - 4)
    return np.where(s <= 1, near, np.where(s < 2, far, 0.0))


def _as_torch(table: sparse.csr_array, dtype: torch.dtype, device: torch.device) -> Tensor:
    parts = (torch.from_numpy(part) for part in (table.indptr, table.indices, table.data))
    with warnings.catch_warnings():  # torch warns that all compressed tensors are in beta
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        return torch.sparse_csr_tensor(*parts, size=table.shape, dtype=dtype, device=device, check_invariants=True)
