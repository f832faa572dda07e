"""Mean responses of one image to a factored kernel bank, CPU or CUDA.

Every step is a matrix product or a one-dimensional convolution over a band of image rows small enough to
stay in cache; nothing of the size "kernels x pixels" is ever stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from symmetry_audit.engine._device import sent, sized
from symmetry_audit.engine._window import Rows, mean_rows, rounding, row_counts, seen_window, sums_of_tiles, told
from symmetry_audit.kernels import RESPONSES, FactoredBank

__all__ = ["TOLERANCES", "DeviceBank"]

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

    def __str__(self) -> str:
        filters = sum(map(len, self.rows)), sum(map(len, self.columns))
        return (
            f"factored bank: {filters[0]} row filters, {filters[1]} column filters, {len(self.combine)} kernels; "
            f"torch, {self.combine.device.type}"
        )

    def row_means(
        self,
        image: Rows,
        margin: int,
        kind: str = "abs",
        power: np.ndarray | None = None,
        inside: Rows | None = None,
    ) -> np.ndarray:
        """As ``StrictEngine.row_means``. ``power`` has no effect: a bank's gains are the same for every image.

        One image's result does not depend on other work: the caller fixes the number of threads.
        """
        outer = seen_window(image, margin, self.radius)
        low, high, mean = told(outer)
        sums = sums_of_tiles(
            outer, self.radius, inside, len(self.combine), lambda tile, belongs: self._sums(tile - mean, kind, belongs)
        )
        exponent, arithmetic = RESPONSES[kind], torch.finfo(self.combine.dtype).eps
        counts = row_counts(image.shape[0] - 2 * margin, image.shape[1] - 2 * margin, inside)
        noise = rounding(low, high, np.finfo(outer.dtype).eps, arithmetic)
        return mean_rows(self.gains**exponent * sums, counts, self.weights * noise, exponent)

    def _sums(self, seen: np.ndarray, kind: str, inside: np.ndarray | None) -> np.ndarray:
        """Sums over each row of V, (rows of V, m) float64.

        Kernels sum to zero, so the mean of ``seen`` has no effect; without it float32 keeps its digits for the detail.
        """
        c, combine = self.radius, self.combine
        height, width = seen.shape[0] - 2 * c, seen.shape[1] - 2 * c
        pixels = sent(seen, combine.device, combine.dtype)
        pixels = torch.nn.functional.pad(pixels, (0, -width % ALIGNMENT))
        belongs = None if inside is None else sent(inside, combine.device, combine.dtype)[:, None]
        rows, tile = _steps(combine.device.type, height, width)
        # one workspace for all tiles: fresh memory for each would cost more in page faults than the products
        padded = width + -width % ALIGNMENT
        basis = combine.new_empty(tile, combine.shape[1], padded)
        values = combine.new_empty(tile, combine.shape[0], padded)
        total = torch.empty(height, len(combine), dtype=torch.float64, device=combine.device)
        for top in range(0, height, rows):
            band = pixels[top : min(top + rows, height) + 2 * c]
            filtered = [torch.nn.functional.conv1d(band[:, None], row) for row in self.rows]
            for first in range(0, len(band) - 2 * c, tile):
                count = min(tile, len(band) - 2 * c - first)
                _basis_responses([part[first:] for part in filtered], self, basis[:count])
                if belongs is not None:
                    basis[:count, :, :width] *= belongs[top + first : top + first + count]
                combined = torch.matmul(combine, basis[:count], out=values[:count])  # (count, m, padded)
                total[top + first : top + first + count] = sized(combined, kind)[..., :width].sum(2)
        return total.cpu().numpy()


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
