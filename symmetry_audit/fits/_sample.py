"""Windows around a lattice of pixels, projected onto the directions that kernels respond to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, sqrt

import numpy as np
import torch

from symmetry_audit.fits._problem import DeformedFamily
from symmetry_audit.groups import IDENTITY, Affine

__all__ = ["WindowSample", "sample_windows"]

PIXELS = 1 << 14  # of one sample: every third pixel of a 480 x 320 image
COLLINEAR = 1e-5  # relative; known responses add nothing in directions of smaller eigenvalues
CHUNK = 2048  # windows copied out at a time


@dataclass(frozen=True)
class WindowSample:
    """``pixels`` (P, d): windows in the family's subspace; ``rows`` (P,): the row of V that each window is in.

    ``kind`` is the response: abs or energy; ``weights`` (P,) add up to one.
    """

    family: DeformedFamily
    pixels: torch.Tensor
    rows: np.ndarray
    kind: str
    weights: torch.Tensor

    def profiles(self, affine: Affine, stencils: tuple[int, ...]) -> np.ndarray:
        """Mean responses over the sample to the distinct elements, (R, E)."""
        found = self.weights @ self._responses(affine, stencils)
        return found.double().cpu().numpy().reshape(len(stencils), -1)

    def _responses(self, affine: Affine, stencils: tuple[int, ...]) -> torch.Tensor:
        """(P, R E)."""
        kernels = torch.from_numpy(self.family.coefficients(affine, stencils)).to(self.pixels)
        responses = self.pixels @ kernels.reshape(-1, self.pixels.shape[1]).T
        return responses.abs_() if self.kind == "abs" else responses.square_()

    def where(self, chosen: np.ndarray) -> WindowSample:
        """The part of the sample whose rows of V are ``chosen`` (rows of V,) of bool, equally weighted."""
        kept = chosen[self.rows]
        return self._part(torch.from_numpy(np.flatnonzero(kept)), self.rows[kept])

    def thinned(self, step: int) -> WindowSample:
        """Every ``step``-th window, equally weighted."""
        return self._part(torch.arange(0, len(self.rows), step), self.rows[::step])

    def _part(self, index: torch.Tensor, rows: np.ndarray) -> WindowSample:
        pixels = self.pixels[index.to(self.pixels.device)]
        return replace(self, pixels=pixels, rows=rows, weights=_equal(pixels))

    def calibrated(self, strict: np.ndarray) -> WindowSample:
        """Weighted so that the responses under strict rotations are those of the whole image, ``strict`` (R, E).

        Calibration estimators (Deville and Sarndal 1992): the smallest change of weights that makes the
        known means exact. Other means that are nearly combinations of these, such as responses to moderately deformed
        kernels, become several times more accurate too.
        """
        known = self._responses(IDENTITY, tuple(range(len(self.family.stencils)))).double()
        scale = torch.from_numpy(strict.ravel()).to(known)
        if not len(known) or not (scale > 0).all():
            return self
        ones = torch.ones(len(known), 1, dtype=known.dtype, device=known.device)
        table = torch.cat([ones, known / scale], 1)  # every column should have mean one
        gram, missing = table.T @ table / len(table), 1 - table.mean(0)
        change = table @ (torch.linalg.pinv(gram, rtol=COLLINEAR, hermitian=True) @ missing)
        return replace(self, weights=((1 + change) / len(table)).to(self.weights))


def _equal(pixels: torch.Tensor) -> torch.Tensor:
    return pixels.new_full((len(pixels),), 1 / max(len(pixels), 1))


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
    """A square lattice of about ``pixels`` windows of ``image`` (H, W), placed at random by ``seed``, on ``device``.

    V is ``margin`` >= the family's radius px inside every border and must not be empty; the sample has at least one
    window. A lattice is better than random windows, because neighbors have similar responses: every third pixel of
    a photograph of 480 x 320 px gives its mean profile to 0.2 to 0.5 %, as many random pixels to 0.5 to 1.4 %.
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
    # responses are convolutions: the kernel is flipped once rather than every window
    basis = torch.from_numpy(
        family.subspace.basis[:, ::-1, ::-1].reshape(len(family.subspace.basis), -1).T.astype(np.float32)
    ).to(device)
    parts = []
    for first in range(0, len(grid), CHUNK):
        y, x = (grid[first : first + CHUNK] + (margin - c)).T
        parts.append(torch.from_numpy(windows[y, x].reshape(len(y), -1)).to(device) @ basis)
    found = torch.cat(parts)
    return WindowSample(family, found, grid[:, 0], kind, _equal(found))
