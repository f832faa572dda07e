"""Mean absolute (or squared) responses of one image to a factored kernel bank, CPU or CUDA.

Every step is a matrix product or a one-dimensional convolution over a band of image rows small enough to
stay in cache; nothing of the size "kernels x pixels" is ever stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from symmetry_audit.kernels import FactoredBank

__all__ = ["TOLERANCES", "DeviceBank", "bank_responses", "bank_rows", "seen_window", "without_rounding"]

# tolerance of factor_bank: responses are right to 4e-5 in float32 and to rounding in float64
TOLERANCES = {torch.float32: 3e-4, torch.float64: 1e-12}
# rows whose row filters are computed together (each band also needs 2c rows around it), and pixels whose responses
# are combined together: few enough for the caches of a CPU, many enough to fill a GPU
BAND_ROWS = {"cpu": 64, "cuda": 4096}
TILE_PIXELS = {"cpu": 1 << 13, "cuda": 1 << 19}
ALIGNMENT = 16  # columns; matrix products are 1.5 times as fast where rows start at multiples of 64 bytes


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
    border and must not be empty. Returns (m,) float64. One image's result does not depend on other
    work: the caller fixes the number of threads.
    """
    return bank_rows(image, bank, margin, kind).mean(0)


def bank_rows(image: np.ndarray, bank: DeviceBank, margin: int, kind: str = "abs") -> np.ndarray:
    """``bank_responses`` row by row: means over the pixels of each row of V, (rows of V, m) float64."""
    c, combine = bank.radius, bank.combine
    outer = seen_window(image, margin, c)
    height, width = outer.shape[0] - 2 * c, outer.shape[1] - 2 * c
    # kernels sum to zero, so the mean has no effect; without it float32 keeps its digits for the detail
    pixels = torch.from_numpy(outer - outer.mean()).to(combine.device, combine.dtype)
    pixels = torch.nn.functional.pad(pixels, (0, -width % ALIGNMENT))
    rows, tile = _steps(combine.device.type, height, width)
    # one workspace for all tiles: fresh memory for each would cost more in page faults than the products
    padded = width + -width % ALIGNMENT
    basis = combine.new_empty(tile, combine.shape[1], padded)
    values = combine.new_empty(tile, combine.shape[0], padded)
    total = torch.empty(height, len(combine), dtype=torch.float64, device=combine.device)
    for top in range(0, height, rows):
        band = pixels[top : min(top + rows, height) + 2 * c]
        filtered = [torch.nn.functional.conv1d(band[:, None], row) for row in bank.rows]
        for first in range(0, len(band) - 2 * c, tile):
            count = min(tile, len(band) - 2 * c - first)
            _basis_responses([part[first:] for part in filtered], bank, basis[:count])
            combined = torch.matmul(combine, basis[:count], out=values[:count])  # (count, m, padded)
            combined = combined.abs_() if kind == "abs" else combined.square_()
            total[top + first : top + first + count] = combined[..., :width].sum(2)
    power = 1 if kind == "abs" else 2
    found = bank.gains**power * total.cpu().numpy() / width
    return without_rounding(found, outer, bank.weights, combine.dtype, power)


def seen_window(image: np.ndarray, margin: int, radius: int) -> np.ndarray:
    """The pixels that kernels of ``radius`` reach from V: ``image`` without its border of margin - radius px.

    ``image`` is (H, W); the result is a view of it, not a copy.
    """
    height, width = image.shape[0] - 2 * margin, image.shape[1] - 2 * margin
    assert margin >= radius and height > 0 and width > 0, "the caller skips images with an empty V"
    border = margin - radius
    return image[border : image.shape[0] - border, border : image.shape[1] - border]


def without_rounding(
    rows: np.ndarray, outer: np.ndarray, weights: np.ndarray, dtype: torch.dtype, power: int
) -> np.ndarray:
    """``rows`` (rows of V, m), where responses no larger than rounding are set to zero.

    Flat images, and ramps under second differences, give only such responses; these must read as zero.
    ``weights`` (m,) are the sums of |kernel|; the samples and the arithmetic in ``dtype`` both round.
    """
    low, high = outer.min(), outer.max()
    samples = np.finfo(outer.dtype).eps * max(abs(low), abs(high))
    arithmetic = torch.finfo(dtype).eps * (high - low)
    # written so that an overflow, inf or nan, is passed on
    return np.where(rows.mean(0) <= (4 * weights * (samples + arithmetic)) ** power, 0.0, rows)


def _steps(device: str, height: int, width: int) -> tuple[int, int]:
    """Rows per band and rows per tile."""
    tile = min(height, max(1, TILE_PIXELS[device] // width))
    return min(height, max(BAND_ROWS[device], tile)), tile


def _basis_responses(filtered: list[torch.Tensor], bank: DeviceBank, basis: torch.Tensor) -> None:
    """Apply the column filters to row-filtered bands (rows + 2c or more, r, width), into ``basis`` (rows, n, width)."""
    taps, first = 2 * bank.radius + 1, 0
    for part, column in zip(filtered, bank.columns, strict=True):
        _, r, width = part.shape
        # the taps x r rows that one output row needs are contiguous in memory: a view, not a copy
        windows = part.as_strided((len(basis), taps * r, width), (r * width, width, 1), part.storage_offset())
        torch.matmul(column, windows, out=basis[:, first : first + len(column)])
        first += len(column)
