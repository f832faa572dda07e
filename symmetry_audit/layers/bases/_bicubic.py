"""Bicubic basis of B-Conv: one cubic bump on every pixel of the window."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_audit.layers.bases._basis import Basis, mask_width, radial_mask

__all__ = ["BicubicBasis"]


class BicubicBasis(Basis):
    """B_kl(u) = b(u_x - k) b(u_y - l) m(u) with Keys' cubic b, a = -1/2; K = kernel_size^2, row by row in (l, k)."""

    def raw(self, frames: Tensor) -> Tensor:
        u = self.rotated(frames)
        centres = self.copies.of(self.points, u.device)[: self.kernel_size, 0]
        x, y = (_keys(u[..., None, :, axis] - centres[:, None]) for axis in (0, 1))
        functions = (y[..., :, None, :] * x[..., None, :, :]).flatten(-3, -2)
        if not self.masked:
            return functions
        return functions * radial_mask(u, self.radius, mask_width(self.kernel_size))[..., None, :]


def _keys(s: Tensor) -> Tensor:
    """The cubic convolution kernel of Keys (1981), a = -1/2: 1 at 0, 0 at all other integers."""
    s = s.abs()
    inner = 1 + s**2 * (1.5 * s - 2.5)
    outer = 2 + s * (-4 + s * (2.5 - 0.5 * s))
    return torch.where(s < 1, inner, torch.where(s < 2, outer, 0.0))
