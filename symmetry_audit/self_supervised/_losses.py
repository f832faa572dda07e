"""Equivariant imaging [EI] and its robust form [REI]: a restorer learns what its operator hides, from symmetry."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.self_supervised._grey import one_channel, per_field
from symmetry_audit.self_supervised._noise import Noise
from symmetry_audit.self_supervised._operators import LinearOperator
from symmetry_audit.self_supervised._sure import Restore
from symmetry_audit.self_supervised._transforms import Shifts, Transforms

__all__ = ["EILoss", "REILoss"]

SILENT = Noise()


class EILoss:
    """|| A f(y) - y ||^2 / n + weight mean (f(A T_g x) - T_g x)^2 with x = f(y), for measurements without noise.

    n counts all entries of y, those that are always 0 included, as in the released code. T_g are the random
    ``transforms``. Both terms have the squared unit of y. f runs once on y and once on the transformed images; the
    gradient passes through both sides of the second term.

    >>> from symmetry_audit.self_supervised import MaskOperator
    >>> operator, y = MaskOperator(torch.ones(8, 8)), torch.rand(2, 3, 8, 8)
    >>> EILoss()(lambda y: y, y, operator).tolist()
    [0.0, 0.0]
    """

    def __init__(self, transforms: Transforms | None = None, weight: float = 1.0) -> None:
        """``transforms`` are three ``Shifts`` by default. Raises SettingError for a weight below 0."""
        self.transforms, self.weight = _checked(transforms, weight)

    def __call__(
        self,
        restore: Restore,
        y: Tensor,
        operator: LinearOperator,
        *,
        restored: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The loss of each image, (N,). ``restore`` is f, from measurements to images; ``restored`` is f(y)."""
        x = restore(y) if restored is None else restored
        consistency = (operator.forward(x) - y).square().flatten(1).mean(1)
        return consistency + self.weight * _equivariance(restore, x, operator, SILENT, self.transforms, generator)


class REILoss:
    """SURE + weight mean (f(noise(A T_g x)) - T_g x)^2 with x = f(y), for measurements with ``noise``.

    SURE is ``MixedSURE`` with its step ``tau``; A T_g x gets noise of the same kind, after negative values were set to
    0. Otherwise as ``EILoss``. f runs once more than there, and three times more for mixed noise.

    >>> from symmetry_audit.self_supervised import MaskOperator
    >>> operator, noise = MaskOperator(torch.ones(8, 8)), Noise(gamma=0.05)
    >>> y = noise.sample(torch.rand(2, 3, 8, 8))
    >>> REILoss(noise)(lambda y: y, y, operator).shape
    torch.Size([2])
    """

    def __init__(
        self, noise: Noise, transforms: Transforms | None = None, weight: float = 1.0, tau: float = 0.01
    ) -> None:
        """``transforms`` are three ``Shifts`` by default. Raises SettingError for a weight below 0, tau not above 0."""
        self.transforms, self.weight = _checked(transforms, weight)
        self.noise, self.sure = noise, noise.sure(tau)

    def __call__(
        self,
        restore: Restore,
        y: Tensor,
        operator: LinearOperator,
        *,
        restored: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The loss of each image, (N,); negative values occur. Arguments as for ``EILoss``."""
        x = restore(y) if restored is None else restored
        risk = self.sure(restore, y, operator, restored=x, generator=generator)
        grey = one_channel(y)
        return risk + self.weight * _equivariance(restore, x, operator, self.noise, self.transforms, generator, grey)


def _checked(transforms: Transforms | None, weight: float) -> tuple[Transforms, float]:
    if not weight >= 0:
        raise SettingError(f"the weight of the transformed images must be 0 or more, got {weight}")
    return transforms or Shifts(), weight


def _equivariance(
    restore: Restore,
    x: Tensor,
    operator: LinearOperator,
    noise: Noise,
    transforms: Transforms,
    generator: torch.Generator | None,
    grey: Tensor | None = None,
) -> Tensor:
    """The mean of (f(noise(A T_g x)) - T_g x)^2 over transformations, channels and pixels, (N,).

    The images that are ``grey``, (N,) bool, get one field of noise for all channels.
    """
    wanted = transforms(x, generator)
    clean = operator.forward(wanted)
    noisy = noise.sample(clean, generator)
    if grey is not None:
        noisy = clean + per_field(noisy - clean, grey.repeat(len(clean) // len(x)))
    found = restore(noisy * operator.measured(clean))
    return (found - wanted).square().unflatten(0, (-1, len(x))).flatten(2).mean((0, 2))
