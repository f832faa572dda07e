"""Windows around a lattice of pixels, projected onto the directions that kernels respond to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
import torch

from symmetry_audit.engine import Rows, blocks, sized
from symmetry_audit.fits._middle import middle
from symmetry_audit.fits._problem import DeformedFamily
from symmetry_audit.groups import IDENTITY, Affine
from symmetry_audit.kernels import sees_sign

__all__ = ["WindowSample", "sample_windows"]

PIXELS = 1 << 14  # of one sample: every third pixel of a 480 x 320 image
COLLINEAR = 1e-5  # relative; known responses add nothing in directions of smaller eigenvalues
CHUNK = {"cpu": 256, "cuda": 8192}  # windows copied out at a time: a megabyte stays in the cache


@dataclass(frozen=True)
class WindowSample:
    """``pixels`` (P, d): windows in the family's subspace; ``rows`` (P,): the row of V that each window is in.

    ``kind`` is the kind of response; ``weights`` (P,) add up to one.
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

    def slopes(self, affine: Affine, stencils: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """``profiles`` and their derivatives with respect to a and b, (R, E, 2).

        A response is r = x k(a, b), so that d|r| = sign(r) x dk, d(r^2) = 2 r x dk and d(max(r, 0)^2) = 2 max(r, 0)
        x dk: the windows enter through their mean under these weights, which serves the value and both derivatives.
        """
        parts = torch.from_numpy(self.family.slopes(affine, stencils)).to(self.pixels)  # (3, R, E, d)
        signed = self.pixels @ parts[0].flatten(0, 1).T
        if self.kind == "abs":
            signed = torch.copysign(self.weights[:, None], signed, out=signed)
        else:
            signed = (signed.clamp_(min=0) if sees_sign(self.kind) else signed).mul_(2 * self.weights[:, None])
        found = (parts.flatten(1, 2) * (signed.T @ self.pixels)).sum(-1)
        value, *along = found.double().cpu().numpy().reshape(3, len(stencils), -1)
        return value if self.kind == "abs" else value / 2, np.stack(along, axis=-1)

    def _responses(self, affine: Affine, stencils: tuple[int, ...]) -> torch.Tensor:
        """(P, R E)."""
        kernels = torch.from_numpy(self.family.coefficients(affine, stencils)).to(self.pixels)
        responses = self.pixels @ kernels.flatten(0, 1).T
        return sized(responses, self.kind)

    def where(self, chosen: np.ndarray) -> WindowSample:
        """The part of the sample whose rows of V are ``chosen`` (rows of V,) of bool, equally weighted."""
        kept = chosen[self.rows]
        index = torch.from_numpy(np.flatnonzero(kept)).to(self.pixels.device)
        return self._part(self.pixels[index], self.rows[kept])

    def thinned(self, step: int) -> WindowSample:
        """Every ``step``-th window, equally weighted."""
        return self._part(self.pixels[::step], self.rows[::step])

    def _part(self, pixels: torch.Tensor, rows: np.ndarray) -> WindowSample:
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
    image: Rows,
    family: DeformedFamily,
    margin: int,
    *,
    kind: str = "abs",
    pixels: int = PIXELS,
    seed: int = 0,
    device: str = "cpu",
    rows: np.ndarray | None = None,
    inside: Rows | None = None,
) -> WindowSample:
    """A square lattice of about ``pixels`` windows of ``image`` (H, W), placed at random by ``seed``, on ``device``.

    V is ``margin`` >= the family's radius px inside every border and must not be empty; the sample of all of it has at
    least one window. A lattice is better than random windows, because neighbors have similar responses: every third
    pixel of a photograph of 480 x 320 px gives its mean profile to 0.2 to 0.5 %, as many random pixels to 0.5 to 1.4 %.
    With ``rows`` (n,), rows of V in order, windows are in these alone and placed as if they were all of V; the sample's
    ``rows`` are then places in this array. With ``inside`` (n, columns) of bool, windows are about these pixels alone.
    """
    c = family.radius
    rows = np.arange(image.shape[0] - 2 * margin) if rows is None else rows
    height, width = len(rows), image.shape[1] - 2 * margin
    step = max(1, round(sqrt((height * width if inside is None else _pixels(inside)) / pixels)))
    offsets = np.random.default_rng(seed).integers(0, step, 2)
    lines, columns = (np.arange(first % n, n, step) for first, n in zip(offsets, (height, width), strict=True))
    offset, windows = middle(image), _windows(image, 2 * c + 1)
    grid = np.stack(np.meshgrid(lines, columns, indexing="ij"), -1).reshape(-1, 2)
    if inside is not None:
        grid = grid[np.concatenate([np.asarray(inside[y : y + 1])[0, columns] for y in lines])]
    # responses are convolutions: the kernel is flipped once rather than every window
    basis = torch.from_numpy(
        family.subspace.basis[:, ::-1, ::-1].reshape(len(family.subspace.basis), -1).T.astype(np.float32)
    ).to(device)
    found = basis.new_empty(len(grid), basis.shape[1])
    chunk = CHUNK[basis.device.type]
    for first in range(0, len(grid), chunk):
        line, column = grid[first : first + chunk].T
        y, x = rows[line] + (margin - c), column + (margin - c)
        part = (windows(y, x).reshape(len(y), -1) - offset).astype(np.float32, copy=False)
        torch.matmul(torch.from_numpy(part).to(device), basis, out=found[first : first + chunk])
    return WindowSample(family, found, grid[:, 0], kind, _equal(found))


def _pixels(inside: Rows) -> int:
    return sum(int(np.count_nonzero(np.asarray(inside[first:stop]))) for first, stop in blocks(inside, *inside.shape))


def _windows(image: Rows, side: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """What gives the windows of ``side`` px that start at (y, x), (n,) each: (n, side, side)."""
    if isinstance(image, np.ndarray):
        view = np.lib.stride_tricks.sliding_window_view(image, (side, side))
        return lambda y, x: view[y, x]
    return lambda y, x: np.stack(
        [np.asarray(image[first : first + side, left : left + side]) for first, left in zip(y, x, strict=True)]
    )
