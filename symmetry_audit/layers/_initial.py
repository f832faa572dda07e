"""Initial coefficients: random filters that rotate well from the first step."""

from __future__ import annotations

from functools import lru_cache
from math import pi, sqrt

import numpy as np
import torch
from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.layers.bases import Basis

__all__ = ["INITS", "initial_weight"]

INITS = ("smooth", "kaiming")
PENALTY = 3e4  # weight of an equivariance error relative to the energy of a filter
DEFORMED_RATIO = 1.5
ANGLES = 8


def initial_weight(shape: torch.Size, basis: Basis, fan_in: int, init: str, deformed: bool) -> Tensor:
    """Random coefficients of ``shape`` (..., K) for filters over ``fan_in`` channels, float64.

    "kaiming" draws them from the same uniform distribution for all functions, as published (He et al. 2015, a = sqrt
    5). Filters of Fourier, bicubic and harmonic bases then change their gain when rotated by 45 degrees. "smooth" draws
    Gaussian coefficients whose covariance is the inverse of G + 30,000 E: c' G c is the energy of the filter with
    coefficients c, and c' E c is the mean squared error of rotating it, see ``_forms``. All directions keep some
    variance, so training can reach every filter. The variance of a response to smooth images is 1/3 of that of the
    images, as it is for the published coefficients and white noise. He's factor 2 trains far worse, since smooth
    filters add up more. Raises SettingError for another ``init``.
    """
    if init not in INITS:
        raise SettingError(f'init must be "smooth" or "kaiming", got "{init}"')
    if init == "kaiming":
        bound = 1 / sqrt(shape[1:].numel())
        return torch.empty(shape, dtype=torch.float64, device="cpu").uniform_(-bound, bound)
    root = _smooth_root(basis, deformed)
    return torch.randn(*shape[:-1], len(root), dtype=torch.float64, device="cpu") @ root.T / sqrt(3 * fan_in)


@lru_cache(maxsize=64)
def _smooth_root(basis: Basis, deformed: bool) -> Tensor:
    """A root of the covariance, (K, K), scaled so that responses to the random image of ``_forms`` have variance 1."""
    inverses: list[Tensor | None] = [None]
    if deformed:
        angles = pi * np.arange(ANGLES) / ANGLES
        bent = [Affine.from_axes(angle, DEFORMED_RATIO).matrix for angle in angles]
        inverses += [torch.from_numpy(np.linalg.inv(matrix)) for matrix in bent]
    forms = zip(*(_forms(basis, w) for w in inverses), strict=True)
    energy, gain, error = (sum(parts) / len(inverses) for parts in forms)
    values, vectors = torch.linalg.eigh(energy + PENALTY * error)
    root = vectors * values.rsqrt()
    return root / torch.einsum("kq,kl,lq->", root, gain, root).sqrt()


def _forms(basis: Basis, inverse: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """The quadratic forms (K, K) of a filter's energy, of its response and of its equivariance error under one w.

    The error is the variance, over the group, of the response at the centre: each element's response to the image that
    is rotated by it. The image is random and isotropic (in the deformed coordinates) with autocorrelation
    exp(-d^2 / 4), that of Gaussian blobs of 1 px. The responses to it have the covariance
    c' phi(u) exp(-|u - u'|^2 / 4) phi(u')' c.
    """
    order = basis.group.order
    functions = basis.sample(inverse).mT  # element, point, function
    points = basis.rotated(basis.inverses if inverse is None else basis.inverses @ inverse)
    stacked = functions.flatten(0, 1)
    total = stacked.T @ _correlation(points.flatten(0, 1)) @ stacked / order**2
    each = (one.T @ _correlation(where) @ one for one, where in zip(functions, points, strict=True))
    own = sum(each, torch.zeros_like(total)) / order
    return stacked.T @ stacked / order, own, own - total


def _correlation(points: Tensor) -> Tensor:
    return torch.exp(-(points[:, None] - points).square().sum(-1) / 4)
