"""Responses of one image to kernels of any shape, by fast Fourier transforms of tiles, CPU or CUDA.

Deformed kernels share far fewer row and column filters than rotated kernels do. So from an axis ratio of about 1.2
on, products of spectra are faster than the factored bank.
"""

from __future__ import annotations

from math import ceil

import numpy as np
import torch
from scipy.fft import next_fast_len

from symmetry_audit.engine._device import sent, sized
from symmetry_audit.engine._window import Rows, mean_rows, rounding, row_counts, seen_window, sums_of_tiles, told
from symmetry_audit.kernels import RESPONSES

__all__ = ["kernel_rows"]

TILE = 320  # px along each side of a transform: small enough for the caches of a CPU
KERNELS = {"cpu": 4, "cuda": 256}  # transformed at a time


def kernel_rows(
    image: Rows,
    kernels: np.ndarray,
    margin: int,
    kind: str = "abs",
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    inside: Rows | None = None,
) -> np.ndarray:
    """Means of responses of a ``kind`` (SPEC 3) over each row of V, (rows of V, m) float64.

    ``image`` is (H, W), ``kernels`` (m, k, k) with k odd and a sum of zero each; V is as in ``StrictEngine.row_means``,
    with a ``margin`` >= (k - 1) / 2.
    """
    c = kernels.shape[1] // 2
    outer = seen_window(image, margin, c)
    low, high, mean = told(outer)
    weights = torch.from_numpy(kernels).to(device, dtype)
    # the mean has no effect; without it float32 keeps its digits for the detail
    sums = sums_of_tiles(
        outer,
        c,
        inside,
        len(kernels),
        lambda tile, belongs: _sums(
            sent(tile - mean, device, dtype),
            weights,
            kind,
            None if belongs is None else sent(belongs, device, dtype),
        ),
    )
    noise = rounding(low, high, np.finfo(outer.dtype).eps, torch.finfo(dtype).eps)
    counts = row_counts(outer.shape[0] - 2 * c, outer.shape[1] - 2 * c, inside)
    return mean_rows(sums, counts, np.abs(kernels).sum((1, 2)) * noise, RESPONSES[kind])


def _sums(pixels: torch.Tensor, kernels: torch.Tensor, kind: str, belongs: torch.Tensor | None) -> np.ndarray:
    """Sums of responses over each row of V, (rows of V, m) float64; ``pixels`` are V and the radius around it."""
    c = kernels.shape[1] // 2
    height, width = pixels.shape[0] - 2 * c, pixels.shape[1] - 2 * c
    rows, columns = (_tile(length, 2 * c) for length in (height, width))
    size = tuple(next_fast_len(length + 2 * c, real=True) for length in (rows, columns))
    spectra = torch.fft.rfft2(kernels, size)
    total = torch.zeros(height, len(kernels), dtype=torch.float64, device=pixels.device)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            tile = torch.fft.rfft2(pixels[top : top + rows + 2 * c, left : left + columns + 2 * c], size)
            cut = slice(2 * c, 2 * c + min(rows, height - top)), slice(2 * c, 2 * c + min(columns, width - left))
            for first in range(0, len(spectra), KERNELS[pixels.device.type]):
                chosen = slice(first, first + KERNELS[pixels.device.type])
                values = torch.fft.irfft2(tile * spectra[chosen], size)[:, *cut]
                values = sized(values, kind)
                if belongs is not None:
                    values *= belongs[top : top + rows, left : left + columns]
                total[top : top + rows, chosen] += values.sum(2).T
    return total.cpu().numpy()


def _tile(length: int, overlap: int) -> int:
    """The side of equal tiles that together cover ``length`` px, each no longer than the transform allows."""
    return ceil(length / ceil(length / max(TILE - overlap, TILE // 4)))
