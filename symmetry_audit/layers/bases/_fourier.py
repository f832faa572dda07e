"""Two-dimensional Fourier basis of F-Conv."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from symmetry_audit.groups import Group
from symmetry_audit.layers.bases._basis import Basis, mask_width, radial_mask

__all__ = ["FourierBasis"]


class FourierBasis(Basis):
    """cos and sin of 2 pi (k u_x + l u_y) / p times the mask, |k|, |l| <= (p - 1) / 2, orthonormalized.

    One of each pair +-(k, l) is enough; with the constant these are K = p^2 functions.
    """

    normalization = "symmetric"

    def __init__(self, kernel_size: int, group: Group, masked: bool = True) -> None:
        super().__init__(kernel_size, group, masked)
        c = self.radius
        waves = [(k, j) for j in range(c + 1) for k in range(-c, c + 1) if (j, k) > (0, 0)]
        self.waves = torch.tensor(waves, dtype=torch.float64)

    def raw(self, frames: Tensor) -> Tensor:
        u = self.rotated(frames)
        phases = 2 * pi / self.kernel_size * self.copies.of(self.waves, u.device) @ u.mT
        functions = torch.cat([torch.ones_like(phases[..., :1, :]), phases.cos(), phases.sin()], dim=-2)
        if not self.masked:
            return functions
        return functions * radial_mask(u, self.radius, mask_width(self.kernel_size))[..., None, :]
