"""Sampled kernels of a stencil under every element of a group (SPEC 2-3)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from symmetry_audit.kernels._models import KernelModel
from symmetry_audit.kernels._stencils import Stencil

__all__ = ["distinct_elements", "sampled_banks", "sampled_kernels", "window_radius"]


def window_radius(stencil: Stencil, model: KernelModel, stretch: float = 1.0) -> int:
    """c of the window W = {-c..c}^2: ceil(stretch x support radius); ``stretch`` is 1 for rotations."""
    # the slack keeps a support of exactly n px at n, even if rounding made it n + 1e-15
    return ceil(stretch * model.support(stencil.radius) - 1e-9)


def sampled_kernels(stencil: Stencil, matrices: np.ndarray, model: KernelModel, radius: int) -> np.ndarray:
    """phi(A^-1 u) for each A of ``matrices`` (T, 2, 2) and u in W, zero sum; (T, 2c+1, 2c+1), float64.

    Indexed [element, u_y + c, u_x + c]. The residual mean is removed along the sampled envelope beta
    (times the mask), as SPEC 2 prescribes for every model.
    """
    return sampled_banks((stencil,), matrices, model, radius)[0]


def sampled_banks(stencils: Sequence[Stencil], matrices: np.ndarray, model: KernelModel, radius: int) -> np.ndarray:
    """``sampled_kernels`` of several stencils on one window, (R, T, 2c+1, 2c+1).

    The point-spread function is sampled once for every distinct point of the stencils.
    """
    u = np.arange(-radius, radius + 1, dtype=np.float64)
    grid = np.stack(np.meshgrid(u, u), axis=-1)  # (y, x, 2) holding (x, y)
    points = grid @ np.linalg.inv(matrices).swapaxes(1, 2)[:, None]  # (T, y, x, 2)
    points = np.moveaxis(np.moveaxis(points, -1, 0).copy(), 0, -1)  # each coordinate in one piece: twice as fast
    mask = model.mask(points)
    envelope = model.beta(points) * mask
    places = sorted({(x, y) for stencil in stencils for x, y, _ in stencil.points})
    weights = np.zeros((len(stencils), len(places)))
    for index, stencil in enumerate(stencils):
        for x, y, weight in stencil.points:
            weights[index, places.index((x, y))] += weight
    spread = np.stack([model.beta(points - place) * mask for place in places])
    kernels = np.tensordot(weights, spread, 1)
    residual = kernels.sum((2, 3)) / envelope.sum((1, 2))
    return kernels - residual[..., None, None] * envelope


def distinct_elements(kernels: np.ndarray, rtol: float = 1e-10, *, signed: bool = False) -> np.ndarray:
    """For each kernel the index of the first one that responds equally, shape (T,) of int.

    These are equal kernels, and unless responses are ``signed`` those that are equal up to sign: half turns of odd or
    even stencils, mirrors of stencils with a mirror axis. Symmetry is found in the sampled numbers, never assumed from
    the name.
    """
    flat = kernels.reshape(len(kernels), -1)
    scale = rtol * np.abs(flat).max()
    first = np.arange(len(flat))
    for t in range(1, len(flat)):
        for sign in (1.0,) if signed else (1.0, -1.0):
            equal = np.flatnonzero(np.abs(flat[:t] - sign * flat[t]).max(1) <= scale)
            if equal.size:
                first[t] = min(first[t], first[equal[0]])
    return first
