"""The base of all filter bases: the window, the rotated and deformed coordinates, the mask, the normalization."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import torch
from torch import Tensor

from symmetry_audit.devices import DeviceCopies
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group

__all__ = ["Basis", "mask_width", "radial_mask"]


class Basis(ABC):
    """K functions phi_k on the plane, sampled for every element A of a group at u = A^-1 D^-1 x (SPEC 9).

    x runs over the ``points`` of a square window, ``kernel_size`` pixels wide, x right and y down, row by row.
    Constants are float64 on the CPU; ``copies`` has them on other devices. A new basis overrides ``raw``.

    Parameters
    ----------
    kernel_size : int
        Side of the window in pixels, odd.
    group : Group
        The group whose elements rotate the functions.
    masked : bool
        Whether a basis with a radial mask uses it. Without other rotations than quarter turns, which map pixels to
        pixels, it needs no mask.

    Raises
    ------
    SettingError
        For a window without a centre pixel.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.groups import Group
    >>> from symmetry_audit.layers import Basis
    >>> class Gaussian(Basis):
    ...     def raw(self, frames):
    ...         return torch.exp(-self.rotated(frames).square().sum(-1) / 2)[..., None, :]
    >>> Gaussian(5, Group(4)).sample().shape  # element, function, point
    torch.Size([4, 1, 25])
    """

    normalization: str | None = None  # None, "columns" or "symmetric", see ``mixing``

    def __init__(self, kernel_size: int, group: Group, masked: bool = True) -> None:
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise SettingError(f"filters need a centre pixel: kernel_size must be odd and positive, got {kernel_size}")
        self.kernel_size, self.group, self.masked = kernel_size, group, masked
        self.radius = (kernel_size - 1) // 2
        axis = torch.arange(-self.radius, self.radius + 1, dtype=torch.float64)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        self.points = torch.stack([x.flatten(), y.flatten()], dim=-1)
        self.inverses = torch.from_numpy(group.matrices()).mT  # orthogonal
        self.copies = DeviceCopies()

    @abstractmethod
    def raw(self, frames: Tensor) -> Tensor:
        """The functions before normalization at u = frame @ x: (..., 2, 2) -> (..., K, points)."""

    def sample(self, inverse: Tensor | None = None) -> Tensor:
        """phi_k(A^-1 D^-1 x), shape (..., order, K, points), for ``inverse`` = D^-1 of shape (..., 2, 2).

        Without ``inverse``: D = 1. Differentiable with respect to ``inverse``.
        """
        if inverse is None:
            return self.undeformed
        inverses = self.copies.of(self.inverses, inverse.device)
        return self._mixed(self.raw(inverses @ inverse.double()[..., None, :, :]))

    @cached_property
    def undeformed(self) -> Tensor:
        """The samples at D = 1, shape (order, K, points)."""
        return self._mixed(self.raw(self.inverses))

    @property
    def size(self) -> int:
        """K, the number of functions."""
        return self.undeformed.shape[-2]

    def _mixed(self, functions: Tensor) -> Tensor:
        return functions if self.mixing is None else self.copies.of(self.mixing, functions.device) @ functions

    @cached_property
    def mixing(self) -> Tensor | None:
        """The (K, K) matrix that normalizes the functions over all elements at D = 1, or None.

        "columns": each function has mean energy 1 over the elements. "symmetric": the functions are orthonormal over
        elements and points together, by the symmetric inverse root of the Gram matrix. That root is unique, unlike
        principal components, whose signs differ between machines and would have to be stored with the weights.
        """
        if self.normalization is None:
            return None
        functions = self.raw(self.inverses)
        gram = torch.einsum("okp,olp->kl", functions, functions) / self.group.order
        if self.normalization == "columns":
            return torch.diag(gram.diagonal().rsqrt())
        values, vectors = torch.linalg.eigh(gram)
        if values[0] < 1e-6 * values[-1]:
            raise SettingError(
                f"the functions of this basis are linearly dependent on {self.kernel_size} x {self.kernel_size} "
                f"pixels under {self.group}; use a larger kernel_size"
            )
        return vectors @ torch.diag(values.rsqrt()) @ vectors.T

    def rotated(self, frames: Tensor) -> Tensor:
        """u = frame @ x for all points: (..., 2, 2) -> (..., points, 2)."""
        points = self.copies.of(self.points, frames.device)
        return points[:, :1] * frames[..., None, :, 0] + points[:, 1:] * frames[..., None, :, 1]


def radial_mask(u: Tensor, radius: int, width: float) -> Tensor:
    """exp(-ramp(|u|^2 / radius^2 - 1) / width), shape (..., points): 1 on the disc, then a fast decay.

    The published mask has ramp(t) = max(t, 0), whose kink is exactly on the pixels at distance ``radius``.
    This mask is smooth there. It has the same values wherever |u|^2 is an integer, that is on all undeformed windows.
    """
    step = 1.0 / radius**2  # from the rim to the next larger integer
    beyond = (u.square().sum(-1) / radius**2 - 1.0).clamp_min(0.0)
    near = beyond.clamp_max(step)
    ramp = near.square() * (2.0 - near / step) / step + (beyond - near)
    return torch.exp(-ramp / width)


def mask_width(kernel_size: int) -> float:
    """The width of the published masks of Fourier and bicubic filters, by the size of the window."""
    return 0.2 if kernel_size > 4 else 2.0
