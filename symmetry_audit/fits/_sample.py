"""Windows around a lattice of pixels, reduced to the directions that kernels can see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, sqrt

import numpy as np
import torch

from symmetry_audit.fits._problem import DeformedFamily
from symmetry_audit.groups import Affine

__all__ = ["WindowSample", "sample_windows"]

PIXELS = 1 << 14  # of one sample: every third pixel of a 480 x 320 image
CHUNK = 2048  # windows copied out at a time


@dataclass(frozen=True)
class WindowSample:
    """``pixels`` (P, d): windows in the family's subspace; ``rows`` (P,): the row of V that each one stands in.

    ``kind`` is the response: abs or energy.
    """

    family: DeformedFamily
    pixels: torch.Tensor
    rows: np.ndarray
    kind: str

    def profiles(self, affine: Affine, stencils: tuple[int, ...]) -> np.ndarray:
        """Mean responses over the sample to the distinct elements, (R, E)."""
        kernels = torch.from_numpy(self.family.coefficients(affine, stencils)).to(self.pixels)
        responses = self.pixels @ kernels.reshape(-1, self.pixels.shape[1]).T
        responses = responses.abs_() if self.kind == "abs" else responses.square_()
        return responses.mean(0).double().cpu().numpy().reshape(kernels.shape[:2])

    def where(self, chosen: np.ndarray) -> WindowSample:
        """The part of the sample whose rows of V are ``chosen`` (rows of V,) of bool."""
        kept = chosen[self.rows]
        return replace(self, pixels=self.pixels[torch.from_numpy(kept).to(self.pixels.device)], rows=self.rows[kept])

    def thinned(self, step: int) -> WindowSample:
        """Every ``step``-th window."""
        return replace(self, pixels=self.pixels[::step].contiguous(), rows=self.rows[::step])


def sample_windows(
    image: np.ndarray,
    family: DeformedFamily,
    margin: int,
    *,
    kind: str = "abs",
    pixels: int = PIXELS,
    seed: int = 0,
    device: str = "cpu",
) -> WindowSample:
    """A square lattice of about ``pixels`` windows of ``image`` (H, W), placed at random by ``seed``.

    A lattice, because responses of neighbours tell nearly the same: every third pixel of a small image
    gives its mean profile to a few parts in 10,000, as many pixels drawn at random to one in a hundred.
    """
    c = family.radius
    height, width = image.shape[0] - 2 * margin, image.shape[1] - 2 * margin
    step = max(1, ceil(sqrt(height * width / pixels)))
    offsets = np.random.default_rng(seed).integers(0, step, 2)
    rows, columns = (np.arange(first % n, n, step) for first, n in zip(offsets, (height, width), strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(
        (image - image.mean()).astype(np.float32), (2 * c + 1, 2 * c + 1)
    )
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    # responses are convolutions: the kernel is turned once rather than every window
    basis = torch.from_numpy(
        family.subspace.basis[:, ::-1, ::-1].reshape(len(family.subspace.basis), -1).T.astype(np.float32)
    ).to(device)
    parts = []
    for first in range(0, len(grid), CHUNK):
        y, x = (grid[first : first + CHUNK] + (margin - c)).T
        parts.append(torch.from_numpy(windows[y, x].reshape(len(y), -1)).to(device) @ basis)
    return WindowSample(family, torch.cat(parts), grid[:, 0], kind)
