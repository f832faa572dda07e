"""Circular harmonics on rings: the bases of Har-Net and of E2-CNN."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from symmetry_audit.layers.bases._basis import Basis, radial_mask

__all__ = ["HarmonicBasis", "SteerableBasis"]


class RingBasis(Basis):
    """R_j(|u|) cos(k phi) and R_j(|u|) sin(k phi) for rings j = 0 .. radius and frequencies k <= ``highest(j)``.

    Functions of frequency 1 and more vanish at the centre, where phi has no value.
    """

    normalization = "symmetric"

    @abstractmethod
    def highest(self, ring: int) -> int:
        """The highest frequency on a ring."""

    @abstractmethod
    def profile(self, distance: Tensor, ring: int) -> Tensor:
        """R_j at distances from the centre in pixels, of any shape; the result has the same shape."""

    def raw(self, frames: Tensor) -> Tensor:
        u = self.rotated(frames)
        centre = (self.copies.of(self.points, u.device) == 0).all(-1)
        # neither the root nor the angle has a derivative at the centre
        x, y = torch.where(centre, 1.0, u[..., 0]), torch.where(centre, 0.0, u[..., 1])
        distance, phi = torch.where(centre, 0.0, torch.hypot(x, y)), torch.atan2(y, x)
        functions = []
        for ring in range(self.radius + 1):
            radial = self.profile(distance, ring)
            functions.append(radial)
            for k in range(1, self.highest(ring) + 1):
                around = torch.where(centre, 0.0, radial)
                functions += [around * torch.cos(k * phi), around * torch.sin(k * phi)]
        return self.masking(u) * torch.stack(functions, dim=-2)

    def masking(self, u: Tensor) -> Tensor | float:
        """The factor of all functions, (..., 1, points)."""
        return 1.0


class HarmonicBasis(RingBasis):
    """Har-Net: rings exp(-(r - j)^2 / 0.72), frequencies up to 2 j, always masked; K = 15 on 5 x 5 pixels."""

    def highest(self, ring: int) -> int:
        return 2 * ring

    def profile(self, distance: Tensor, ring: int) -> Tensor:
        return torch.exp(-((distance - ring) ** 2) / 0.72)

    def masking(self, u: Tensor) -> Tensor:
        return radial_mask(u, self.radius, 0.2)[..., None, :]


class SteerableBasis(RingBasis):
    """E2-CNN: the default rings and frequencies of e2cnn 0.2 and escnn 1.0 (Weiler and Cesa, 2019).

    Ring 0 is the centre pixel. The outermost ring has standard deviation 0.4, the others 0.6. There is no mask.
    Frequencies are limited to those that a ring can resolve: K = 6, 11 and 18 on 3 x 3, 5 x 5 and 7 x 7 pixels.
    """

    def highest(self, ring: int) -> int:
        return min(2 * ring, 2) if ring in (0, self.radius) else 2 * ring - (ring + 1) % 2

    def profile(self, distance: Tensor, ring: int) -> Tensor:
        if ring == 0:
            return (distance == 0).to(distance.dtype)
        width = 0.4 if ring == self.radius else 0.6
        return torch.exp(-((distance - ring) ** 2) / (2 * width**2))
