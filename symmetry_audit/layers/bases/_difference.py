"""Finite differences of PDO-eConv: directional derivatives up to the fourth order."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers.bases._basis import Basis

__all__ = ["DifferenceBasis"]

OPERATORS = ("", "u", "v", "uu", "uv", "vv", "uuv", "uvv", "uuvv")
STENCILS = (
    (0.0, 0.0, 1.0, 0.0, 0.0),
    (0.0, -0.5, 0.0, 0.5, 0.0),
    (0.0, 1.0, -2.0, 1.0, 0.0),
    (-0.5, 1.0, 0.0, -1.0, 0.5),
    (1.0, -4.0, 6.0, -4.0, 1.0),
)
ORDER = len(STENCILS) - 1


class DifferenceBasis(Basis):
    """K = 9 operators 1, d_u, d_v, d_uu, d_uv, d_vv, d_uuv, d_uvv, d_uuvv along the rotated axes, on 5 x 5 pixels.

    A product of directional derivatives is a polynomial in d_x and d_y, and d_x^i d_y^j is the outer product
    of two central differences. These are not functions sampled in space, but they are rotated and deformed in the same
    way: the axes u, v are the columns of D A. (In the published code the axes start at pi / 8, here at 0.)
    Raises SettingError for a window of another size.
    """

    normalization = "columns"

    def __init__(self, kernel_size: int, group: Group, masked: bool = True) -> None:
        if kernel_size != 5:
            raise SettingError(f"difference operators are defined on kernel_size 5 (or 1), got {kernel_size}")
        super().__init__(kernel_size, group, masked)
        stencils = torch.tensor(STENCILS, dtype=torch.float64)
        self.monomials = torch.einsum("jy,ix->ijyx", stencils, stencils).flatten(-2)  # d_x^i d_y^j

    def raw(self, frames: Tensor) -> Tensor:
        axes = torch.linalg.inv_ex(frames).inverse  # ``inv`` waits for a GPU to say whether there is one
        monomials = self.copies.of(self.monomials, frames.device)
        polynomials = torch.stack([self._polynomial(axes, operator) for operator in OPERATORS], dim=-3)
        return torch.einsum("...kij,ijp->...kp", polynomials, monomials)

    @staticmethod
    def _polynomial(axes: Tensor, operator: str) -> Tensor:
        """The coefficients of d_x^i d_y^j in a product of directional derivatives, shape (..., i, j)."""
        found = axes.new_zeros(*axes.shape[:-2], ORDER + 1, ORDER + 1)
        found[..., 0, 0] = 1.0
        for name in operator:
            dx, dy = axes[..., :, "uv".index(name), None, None].unbind(-3)
            # no product is longer than ORDER, so only zeros wrap around
            found = dx * found.roll(1, -2) + dy * found.roll(1, -1)
        return found
