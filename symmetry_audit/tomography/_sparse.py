"""A sparse matrix as a differentiable map of columns."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from symmetry_audit.devices import without_autocast

__all__ = ["SparseMap", "sparse_map"]


class SparseMap:
    """x -> M x for columns x, with autograd to any order; M^T is made at its first use."""

    def __init__(self, host: csr_array, dtype: torch.dtype, device: torch.device) -> None:
        self._host = host
        self._dtype, self._device = dtype, device
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse .* tensor support is in beta state", UserWarning)
            self._matrix = torch.sparse_csr_tensor(
                torch.from_numpy(host.indptr),
                torch.from_numpy(host.indices),
                torch.from_numpy(host.data),
                size=host.shape,
                dtype=dtype,
                device=device,
                check_invariants=False,
            )

    @cached_property
    def transposed(self) -> SparseMap:
        """The map of M^T, whose transpose is this one."""
        other = SparseMap(self._host.T.tocsr(), self._dtype, self._device)
        other.__dict__["transposed"] = self
        return other

    def __call__(self, columns: Tensor) -> Tensor:
        """M ``columns``: (M's columns, n) -> (M's rows, n)."""
        return _Product.apply(columns, self)

    def product(self, columns: Tensor) -> Tensor:
        """M ``columns`` without autograd."""
        with without_autocast(columns.device.type):
            return self._matrix @ columns


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, columns: Tensor, linear: SparseMap) -> Tensor:
        ctx.linear = linear
        return linear.product(columns)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return ctx.linear.transposed(gradient.contiguous()), None


def sparse_map(
    values: list[np.ndarray],
    columns: list[np.ndarray],
    counts: list[np.ndarray],
    shape: tuple[int, int],
    dtype: torch.dtype,
    device: torch.device,
) -> SparseMap:
    """The map of a matrix given in blocks of rows: the values, their columns, and how many there are in each row."""
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    index = np.int32 if max(starts[-1], *shape) < 2**31 else np.int64
    host = csr_array(
        (np.concatenate(values), np.concatenate(columns).astype(index, copy=False), starts.astype(index)), shape=shape
    )
    return SparseMap(host, dtype, device)
