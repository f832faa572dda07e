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
# rows whose row filters are computed together (each band also needs 2c rows around it), and pixels whose
# combined responses are: these should stay in the caches of a CPU, and fill a GPU
BAND_ROWS = {"cpu": 64, "cuda": 4096}
TILE_PIXELS = {"cpu": 1 << 13, "cuda": 1 << 19}
ALIGNMENT = 16  # columns; matrix products are half again as fast where rows start at multiples of 64 bytes


@dataclass(frozen=True)
class DeviceBank:
    """A FactoredBank as tensors, filters reversed so that sliding products are true convolutions."""

    rows: tuple[torch.Tensor, ...]  # (r, 1, k)
    columns: tuple[torch.Tensor, ...]  # (n, k r)
    combine: torch.Tensor  # (m, n_even + n_odd)
    gains: np.ndarray  # (m,)
    weights: np.ndarray  # (m,): sum of |kernel|
    radius: int

    @classmethod
    def from_bank(cls, bank: FactoredBank, device: str = "cpu", dtype: torch.dtype = torch.float32) -> DeviceBank:
        """Copy ``bank`` to ``device``."""

        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device, dtype)

        rows = tuple(tensor(row[:, None, ::-1]) for row in bank.rows if len(row))
        columns = tuple(tensor(column[:, ::-1].reshape(len(column), -1)) for column in bank.columns if len(column))
        rounded = bank.rounded(np.float32 if dtype == torch.float32 else np.float64)
        weights = np.abs(rounded.kernels()).sum((1, 2))
        return cls(rows, columns, tensor(bank.combine), rounded.gains(), weights, bank.radius)


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
    pixels = torch.nn.functional.pad(centred, (0, -width % ALIGNMENT))
    rows, tile = _steps(combine.device.type, height, width)
    # one workspace for all tiles: fresh memory for each would cost more in page faults than the products
    padded = width + -width % ALIGNMENT
    basis = combine.new_empty(tile, combine.shape[1], padded)
    values = combine.new_empty(tile, combine.shape[0], padded)
    total = torch.zeros(len(combine), dtype=torch.float64, device=combine.device)
    for top in range(0, height, rows):
        band = pixels[top : min(top + rows, height) + 2 * c]
        filtered = [torch.nn.functional.conv1d(band[:, None], row) for row in bank.rows]
        for first in range(0, len(band) - 2 * c, tile):
            count = min(tile, len(band) - 2 * c - first)
            _basis_responses([part[first:] for part in filtered], bank, basis[:count])
            combined = torch.matmul(combine, basis[:count], out=values[:count])  # (count, m, padded)
            combined = combined.abs_() if kind == "abs" else combined.square_()
            total += combined[..., :width].sum(2).sum(0, dtype=torch.float64)
    power = 1 if kind == "abs" else 2
    found = bank.gains**power * total.cpu().numpy() / (height * width)
    # written so that an overflow, inf or nan, is passed on
    return np.where(found <= _rounding(outer, bank) ** power, 0.0, found)


def _rounding(outer: np.ndarray, bank: DeviceBank) -> np.ndarray:
    """What rounding alone can make of each response, (m,): of the samples, and of the arithmetic.

    Flat images, and ramps under second differences, respond with nothing else; that must read as zero.
    """
    low, high = outer.min(), outer.max()
    samples = np.finfo(outer.dtype).eps * max(abs(low), abs(high))
    arithmetic = torch.finfo(bank.combine.dtype).eps * (high - low)
    return 4 * bank.weights * (samples + arithmetic)


def _steps(device: str, height: int, width: int) -> tuple[int, int]:
    """Rows per band and rows per tile."""
    tile = min(height, max(1, TILE_PIXELS[device] // width))
    return min(height, max(BAND_ROWS[device], tile)), tile


def _basis_responses(filtered: list[torch.Tensor], bank: DeviceBank, basis: torch.Tensor) -> None:
    """Apply the column filters to row-filtered bands (rows + 2c or more, r, width), into ``basis`` (rows, n, width)."""
    taps, first = 2 * bank.radius + 1, 0
    for part, column in zip(filtered, bank.columns, strict=True):
        _, r, width = part.shape
        # the taps x r rows that one output row needs already lie one after another: a view, not a copy
        windows = part.as_strided((len(basis), taps * r, width), (r * width, width, 1), part.storage_offset())
        torch.matmul(column, windows, out=basis[:, first : first + len(column)])
        first += len(column)
