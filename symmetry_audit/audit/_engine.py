"""The engine: mean absolute (or squared) responses of one image to a factored kernel bank, CPU or CUDA.

Every step is a matrix product or a one-dimensional convolution over a band of image rows small enough to
stay in cache; nothing of the size "kernels x pixels" is ever stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from symmetry_audit.kernels import FactoredBank

__all__ = ["TOLERANCES", "DeviceBank", "bank_responses"]

# what factor_bank may leave out: responses hold to 4e-5 in float32 and to rounding in float64
TOLERANCES = {torch.float32: 3e-4, torch.float64: 1e-12}
# output pixels per band: the combined responses of a band should fit the caches (CPU) or fill the GPU
BAND_PIXELS = {"cpu": 1 << 15, "cuda": 1 << 22}


@dataclass(frozen=True)
class DeviceBank:
    """A FactoredBank as tensors, filters reversed so that sliding products are true convolutions."""

    rows: tuple[torch.Tensor, ...]  # (r, 1, k)
    columns: tuple[torch.Tensor, ...]  # (n, k r)
    combine: torch.Tensor  # (m, n_even + n_odd)
    gains: np.ndarray  # (m,)
    radius: int

    @classmethod
    def from_bank(cls, bank: FactoredBank, device: str = "cpu", dtype: torch.dtype = torch.float32) -> DeviceBank:
        """Copy ``bank`` to ``device``."""

        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device, dtype)

        rows = tuple(tensor(row[:, None, ::-1]) for row in bank.rows if len(row))
        columns = tuple(tensor(column[:, ::-1].reshape(len(column), -1)) for column in bank.columns if len(column))
        gains = bank.rounded(np.float32 if dtype == torch.float32 else np.float64).gains()
        return cls(rows, columns, tensor(bank.combine), gains, bank.radius)


def bank_responses(image: np.ndarray, bank: DeviceBank, margin: int, kind: str = "abs") -> np.ndarray:
    """f of SPEC 3 for every kernel: mean over V of |response| (``abs``) or its square (``energy``).

    ``image`` is (H, W) in [0, 255]; V is all pixels at least ``margin`` >= the bank's radius from every
    border and must not be empty. Returns (m,) float64. One image's result does not depend on what else
    runs: the caller fixes the number of threads.
    """
    c, combine = bank.radius, bank.combine
    height, width = image.shape[0] - 2 * margin, image.shape[1] - 2 * margin
    assert margin >= c and height > 0 and width > 0, "the caller leaves out images with an empty V"
    outer = image[margin - c : margin + height + c, margin - c : margin + width + c]
    # kernels sum to zero, so the mean is invisible; without it float32 keeps its digits for the detail
    centred = torch.from_numpy(outer - outer.mean()).to(combine.device, combine.dtype)
    step = min(height, max(1, BAND_PIXELS[combine.device.type] // width))
    # one workspace for all bands: fresh memory for each would cost more in page faults than the products
    work = _Workspace.allocate(bank, step, width)
    total = torch.zeros(len(combine), dtype=torch.float64, device=combine.device)
    for top in range(0, height, step):
        rows = min(step, height - top)
        _basis_responses(centred[top : top + rows + 2 * c], bank, work)
        values = torch.matmul(combine, work.basis[:rows], out=work.values[:rows])  # (rows, m, width)
        values = values.abs_() if kind == "abs" else values.square_()
        total += values.sum(2).sum(0, dtype=torch.float64)
    gains = bank.gains if kind == "abs" else bank.gains**2
    return gains * total.cpu().numpy() / (height * width)


@dataclass(frozen=True)
class _Workspace:
    basis: torch.Tensor  # (rows, n, width)
    values: torch.Tensor  # (rows, m, width)

    @classmethod
    def allocate(cls, bank: DeviceBank, rows: int, width: int) -> _Workspace:
        kernels, basis = bank.combine.shape
        return cls(bank.combine.new_empty(rows, basis, width), bank.combine.new_empty(rows, kernels, width))


def _basis_responses(band: torch.Tensor, bank: DeviceBank, work: _Workspace) -> None:
    """Convolve ``band`` (rows + 2c, width + 2c) with the basis functions into ``work.basis``."""
    taps, first = 2 * bank.radius + 1, 0
    rows = len(band) - taps + 1
    for row, column in zip(bank.rows, bank.columns, strict=True):
        filtered = torch.nn.functional.conv1d(band[:, None], row)  # (rows + 2c, r, width)
        _, r, width = filtered.shape
        # the taps x r rows that one output row needs already lie one after another: a view, not a copy
        windows = filtered.as_strided((rows, taps * r, width), (r * width, width, 1))
        torch.matmul(column, windows, out=work.basis[:rows, first : first + len(column)])
        first += len(column)
