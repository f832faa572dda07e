"""Stein's unbiased risk estimate: how far a restorer is from clean measurements, from noisy ones alone."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import torch
from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.self_supervised._grey import one_channel, per_field
from symmetry_audit.self_supervised._operators import LinearOperator

__all__ = ["GaussianSURE", "MixedSURE", "PoissonSURE", "Restore"]

Restore = Callable[[Tensor], Tensor]  # from measurements to images
LOW, HIGH = (1 - sqrt(5)) / 2, (1 + sqrt(5)) / 2  # of a skew probe
HIGH_SHARE = (1 - sqrt(1 / 5)) / 2


class MixedSURE:
    """An estimate of || A f(y) - A x ||^2 / m for y = gamma Poisson(A x / gamma) + sigma n, without A x.

    With h = A f, entries numbered by i, all sums over the m entries that are measured::

        1/m sum_i (h_i(y) - y_i)^2 - gamma y_i - sigma^2
            + 2 (gamma y_i + sigma^2) dh_i/dy_i - 2 gamma sigma^2 d^2 h_i/dy_i^2

    (Stein 1981; Le Montagner, Angelini and Olivo-Marin 2014). Derivatives are differences of random probes of size
    ``tau`` in the unit of y: about a hundredth of the range of y.

    * b_i = +-1 with equal chances: dh_i/dy_i = E b_i (h_i(y + tau b) - h_i(y)) / tau.
    * c_i with moments 0, 1, 1 - the golden ratio or its conjugate: d^2 h_i/dy_i^2 =
      E c_i (h_i(y + tau c) + h_i(y - tau c) - 2 h_i(y)) / tau^2. (Symmetric probes have the mean 0 here.)

    For Gaussian noise the mean is the risk, up to terms of order tau^2. For Poisson noise the formula is of first
    order in gamma: its mean exceeds the risk by gamma^2 / m sum_i E y_i d^2 h_i/dy_i^2 and terms of higher order.
    It is exact where h is affine in every single y_i. Of an image whose channels are equal, so that they hold one field
    of noise, probes are equal too: derivatives are then those by the common value of the channels. f runs
    once more, or three times for both kinds of noise.
    Raises SettingError for gamma or sigma below 0 and tau not above 0.
    """

    def __init__(self, gamma: float, sigma: float, tau: float = 0.01) -> None:
        if not (gamma >= 0 and sigma >= 0 and tau > 0):
            raise SettingError(f"gamma and sigma must be 0 or more, and tau above 0; got {gamma}, {sigma} and {tau}")
        self.gamma, self.sigma, self.tau = gamma, sigma, tau

    def __call__(
        self,
        restore: Restore,
        y: Tensor,
        operator: LinearOperator,
        *,
        restored: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The estimate for each image, (N,), in the squared unit of ``y`` (N, ...). Negative values occur.

        ``restore`` is f, from measurements to images; ``restored`` is f(y), where that is known already.
        """
        measured, grey = operator.measured(y), one_channel(y)
        found = operator.forward(restore(y) if restored is None else restored)
        terms = (found - y).square() - self.gamma * y - self.sigma**2

        def at(probe: Tensor) -> Tensor:
            return operator.forward(restore(y + self.tau * probe))

        if self.gamma or self.sigma:
            b = measured * per_field(_signs(y, generator), grey)
            terms = terms + 2 / self.tau * b * (self.gamma * y + self.sigma**2) * (at(b) - found)
        if self.gamma and self.sigma:
            c = measured * per_field(_skew(y, generator), grey)
            bent = c * (at(c) + at(-c) - 2 * found) / self.tau**2
            terms = terms - 2 * self.gamma * self.sigma**2 * bent
        return (measured * terms).flatten(1).sum(1) / measured.flatten(1).sum(1)


class GaussianSURE(MixedSURE):
    """``MixedSURE`` for y = A x + sigma n."""

    def __init__(self, sigma: float, tau: float = 0.01) -> None:
        super().__init__(0.0, sigma, tau)


class PoissonSURE(MixedSURE):
    """``MixedSURE`` for y = gamma Poisson(A x / gamma)."""

    def __init__(self, gamma: float, tau: float = 0.01) -> None:
        super().__init__(gamma, 0.0, tau)


def _signs(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """+1 or -1 with equal chances."""
    return 2 * (_uniform(like, generator) < 0.5).to(like) - 1


def _skew(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Of mean 0, mean square 1 and mean cube 1."""
    return torch.where(_uniform(like, generator) < HIGH_SHARE, HIGH, LOW).to(like)


def _uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(like.shape, device=like.device, generator=generator)
