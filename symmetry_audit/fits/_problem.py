"""The kernels of the deformed group G_w as a function of w (SPEC 3 and 5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, log

import numpy as np
import torch
from numpy.polynomial.chebyshev import chebder, chebvander

from symmetry_audit.groups import MAX_RATIO, Affine, Group
from symmetry_audit.kernels import (
    KernelModel,
    KernelSubspace,
    Stencil,
    kernel_subspace,
    sampled_banks,
    sampled_kernels,
    window_radius,
)

__all__ = ["DeformedFamily"]

SUBSPACE = 3e-3  # of the norm: profiles are right to 0.1 % up to ratio 1.5 and to 0.3 % at 2; the sample errs more
DEGREE = 9  # of the polynomials in (a, b)
RATIOS, ANGLES = 5, 8  # deformations whose kernels span those of all others, at least
ROTATED = 256  # rotations times angles, at least: groups with few rotations need more angles to span the others
SMOOTH = 1.5  # px; narrower and other kernels change too fast with (a, b) for polynomials
STEP = 1e-3  # in (a, b), of their slopes, which are differences: far below any ratio that matters, far above rounding


@dataclass(frozen=True)
class DeformedFamily:
    """The stencils' kernels under every deformation of a group, for one kernel model.

    All stencils share one window, wide enough for ``max_ratio``; ``index`` (T,) says which of the distinct
    elements gives the response to element t. Half of the elements are distinct where every stencil is odd or even and
    responses are not ``signed``, since half turns commute with every deformation. Mirrors do not, so nothing else is
    shared.
    """

    stencils: tuple[Stencil, ...]
    group: Group
    model: KernelModel
    max_ratio: float = MAX_RATIO
    signed: bool = False

    @property
    def radius(self) -> int:
        """c of the window {-c..c}^2."""
        return max(window_radius(stencil, self.model, self.max_ratio) for stencil in self.stencils)

    @cached_property
    def index(self) -> np.ndarray:
        """Position among the distinct elements of every element's representative, (T,) of int."""
        return np.unique(self._representatives, return_inverse=True)[1]

    @cached_property
    def _representatives(self) -> np.ndarray:
        order, half = np.arange(self.group.order), self.group.rotations // 2
        if self.signed or self.group.rotations % 2 or not self._parity:
            return order
        # the half turn of A_t is A_{t + T/2}, mirrored or not
        return order - half * (order % self.group.rotations >= half)

    @property
    def _parity(self) -> bool:
        return all(_has_parity(stencil, self.model) for stencil in self.stencils)

    @cached_property
    def distinct(self) -> np.ndarray:
        """The distinct elements, (E,) of int: indices into the group."""
        return np.unique(self._representatives)

    @cached_property
    def _matrices(self) -> np.ndarray:
        return self.group.matrices()[self.distinct]

    def kernels(self, affine: Affine, stencils: tuple[int, ...] | None = None) -> np.ndarray:
        """phi(B^-1 u) of the distinct elements B of D A D^-1, (R, E, k, k), for ``stencils`` (default: all)."""
        chosen = self.stencils if stencils is None else tuple(self.stencils[r] for r in stencils)
        return sampled_banks(chosen, affine.conjugate(self._matrices), self.model, self.radius)

    @cached_property
    def subspace(self) -> KernelSubspace:
        """The span of the kernels of all admitted deformations."""
        angles = max(ANGLES, ceil(ROTATED / self.group.rotations))
        ratios = np.linspace(1.0, self.max_ratio, RATIOS)
        axes = [Affine.from_axes(angle, ratio) for ratio in ratios for angle in np.arange(angles) * np.pi / angles]
        side = 2 * self.radius + 1
        return kernel_subspace(np.concatenate([self.kernels(w).reshape(-1, side, side) for w in axes]), SUBSPACE)

    def coefficients(self, affine: Affine, stencils: tuple[int, ...]) -> np.ndarray:
        """The kernels of ``stencils`` in the subspace, (R, E, d).

        Smooth kernels are interpolated, which takes a tenth of the time of sampling and is more accurate than the
        subspace.
        """
        return self._interpolated(affine, stencils, 1)[0] if self._smooth else self._projected(affine, stencils)

    def slopes(self, affine: Affine, stencils: tuple[int, ...]) -> np.ndarray:
        """``coefficients`` and their derivatives with respect to a and b, (3, R, E, d)."""
        if self._smooth:
            return self._interpolated(affine, stencils, 3)
        steps = (0.0, 0.0), (STEP, 0.0), (0.0, STEP)
        here, *beside = (self._projected(Affine(affine.a + a, affine.b + b), stencils) for a, b in steps)
        return np.stack([here, *((there - here) / STEP for there in beside)])

    @property
    def _smooth(self) -> bool:
        return self.model.sigma is not None and self.model.sigma >= SMOOTH

    def _projected(self, affine: Affine, stencils: tuple[int, ...]) -> np.ndarray:
        return self.subspace.coefficients(self.kernels(affine, stencils))

    def _interpolated(self, affine: Affine, stencils: tuple[int, ...], parts: int) -> np.ndarray:
        """The first ``parts`` of the value and the derivatives with respect to a and b, (parts, R, E, d)."""
        limit = log(self.max_ratio)
        (a, along_a), (b, along_b) = (_chebyshev(value / limit) for value in (affine.a, affine.b))
        weights = [np.outer(a, b), np.outer(along_a, b) / limit, np.outer(a, along_b) / limit]
        rows = torch.from_numpy(np.stack(weights[:parts]).reshape(parts, -1).astype(np.float32))
        tables = (self._polynomials[r] for r in stencils)
        found = [(rows @ table.flatten(1)).unflatten(1, table.shape[1:]) for table in tables]
        return torch.stack(found, dim=1).numpy()

    @cached_property
    def _polynomials(self) -> torch.Tensor:
        """Chebyshev coefficients in (a, b) of every kernel's coordinates in the subspace, (R, (DEGREE + 1)^2, E, d)."""
        nodes = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
        scale = log(self.max_ratio)
        values = [self.subspace.coefficients(self.kernels(Affine(scale * x, scale * y))) for x in nodes for y in nodes]
        transform = np.linalg.inv(chebvander(nodes, DEGREE))
        table = np.kron(transform, transform) @ np.stack(values).reshape(len(values), -1)
        table = np.moveaxis(table.reshape(-1, *values[0].shape), 1, 0)
        return torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))


def _chebyshev(x: float) -> tuple[np.ndarray, np.ndarray]:
    """The polynomials T_0 to T_DEGREE at ``x`` in [-1, 1], and their derivatives there."""
    return chebvander(x, DEGREE), chebvander(x, DEGREE - 1) @ chebder(np.eye(DEGREE + 1))


def _has_parity(stencil: Stencil, model: KernelModel) -> bool:
    """Whether a half turn leaves the sampled kernel as it is, up to sign."""
    straight, rotated = sampled_kernels(stencil, Group(2).matrices(), model, window_radius(stencil, model))
    return min(np.abs(straight - rotated).max(), np.abs(straight + rotated).max()) <= 1e-10 * np.abs(straight).max()
