"""The noise of measurements: Poisson, Gaussian, or both."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.self_supervised._sure import MixedSURE

__all__ = ["Noise"]


@dataclass(frozen=True)
class Noise:
    """y = gamma Poisson(u / gamma) + sigma n, with n standard normal, independent for every entry of u >= 0.

    ``gamma`` is the value of one photon and ``sigma`` the standard deviation, both in the unit of u. ``gamma`` = 0
    leaves the Poisson noise out, ``sigma`` = 0 the Gaussian noise. Raises SettingError for negative numbers.

    >>> Noise(gamma=0.05)
    Noise(gamma=0.05, sigma=0.0)
    """

    gamma: float = 0.0
    sigma: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (isfinite(value) and value >= 0):
                raise SettingError(f"{name} must be 0 or more, got {value}")

    def sample(self, u: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``u`` with noise, drawn anew. Of negative values, which have no Poisson noise, the counts are 0.

        The gradient passes through the Gaussian part alone: counts have none.
        """
        if self.gamma:
            u = torch.poisson(u.clamp(min=0) / self.gamma, generator) * self.gamma
        if self.sigma:
            u = u + self.sigma * torch.randn(u.shape, dtype=u.dtype, device=u.device, generator=generator)
        return u

    def sure(self, tau: float = 0.01) -> MixedSURE:
        """The estimate of the risk under this noise; ``tau`` as there."""
        return MixedSURE(self.gamma, self.sigma, tau)
