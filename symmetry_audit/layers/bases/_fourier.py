"""Two-dimensional Fourier bases: that of F-Conv, and its coarser half, from which OSCNet makes streaks."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers.bases._basis import Basis, mask_width, radial_mask

__all__ = ["CoarseFourierBasis", "FourierBasis"]


class FourierBasis(Basis):
    """cos and sin of 2 pi (k u_x + l u_y) / p times the mask, |k|, |l| <= (p - 1) / 2, orthonormalized.

    One of each pair +-(k, l) is enough; with the constant these are K = p^2 functions.
    """

    normalization = "symmetric"

    def __init__(self, kernel_size: int, group: Group, masked: bool = True) -> None:
        super().__init__(kernel_size, group, masked)
        c = self.highest
        waves = [(k, j) for j in range(c + 1) for k in range(-c, c + 1) if (j, k) > (0, 0)]
        self.waves = torch.tensor(waves, dtype=torch.float64)

    @property
    def highest(self) -> int:
        """The largest |k| and |l|."""
        return self.radius

    @property
    def period(self) -> float:
        """The longest period, in pixels."""
        return self.kernel_size

    def raw(self, frames: Tensor) -> Tensor:
        u = self.rotated(frames)
        phases = 2 * pi / self.period * self.copies.of(self.waves, u.device) @ u.mT
        functions = torch.cat([torch.ones_like(phases[..., :1, :]), phases.cos(), phases.sin()], dim=-2)
        if not self.masked:
            return functions
        return functions * radial_mask(u, self.radius, mask_width(self.kernel_size))[..., None, :]


class CoarseFourierBasis(FourierBasis):
    """The Fourier functions of a window of q pixels, about half as wide, stretched over this one.

    cos and sin of 2 pi (k u_x + l u_y) / period times the mask, |k|, |l| <= (q - 1) / 2 = floor((p - 1) / 4), with
    period = q (p - 1) / (q - 1); K = q^2. OSCNet has q = 5 on 9 x 9 pixels, so a period of 10 pixels.
    Raises SettingError for a window of less than 5 pixels.
    """

    def __init__(self, kernel_size: int, group: Group, masked: bool = True) -> None:
        if kernel_size < 5:
            raise SettingError(f"coarse Fourier functions need a kernel_size of 5 or more (or 1), got {kernel_size}")
        super().__init__(kernel_size, group, masked)

    @property
    def highest(self) -> int:
        return self.radius // 2

    @property
    def period(self) -> float:
        return (2 * self.highest + 1) * self.radius / self.highest
