"""Kernel models beta (SPEC 2): how a point stencil becomes a continuous kernel that can be rotated."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Protocol

import numpy as np

from symmetry_audit.errors import SettingError, suggest

__all__ = [
    "KERNEL_MODELS",
    "BicubicKernel",
    "FourierKernel",
    "GaussianKernel",
    "KernelModel",
    "kernel_model",
    "keys_cubic",
]


class KernelModel(Protocol):
    """One kernel model; ``points`` are float64 arrays of shape (..., 2) holding (x, y) in px."""

    @property
    def name(self) -> str: ...

    @property
    def sigma(self) -> float | None: ...

    def beta(self, points: np.ndarray) -> np.ndarray:
        """The point-spread function that replaces each stencil point, shape (...)."""
        ...

    def mask(self, points: np.ndarray) -> np.ndarray | float:
        """A window that multiplies the whole kernel (1 where the model has none)."""
        ...

    def support(self, radius: float) -> float:
        """Support radius in px of the kernel of a stencil of radius ``radius``."""
        ...


@dataclass(frozen=True)
class GaussianKernel:
    """Unit-mass isotropic Gaussian of standard deviation ``sigma`` px.

    Raises SettingError for a ``sigma`` outside 0.3 to 64 px.
    """

    sigma: float = 1.5
    name = "gaussian"

    def __post_init__(self) -> None:
        if not (isfinite(self.sigma) and 0.3 <= self.sigma <= 64):
            raise SettingError(f"sigma must be between 0.3 and 64 px, got {self.sigma:g}; the default is 1.5")

    def beta(self, points: np.ndarray) -> np.ndarray:
        variance = self.sigma**2
        x, y = points[..., 0], points[..., 1]
        return np.exp((x * x + y * y) / (-2 * variance)) / (2 * np.pi * variance)

    def mask(self, points: np.ndarray) -> float:
        return 1.0

    def support(self, radius: float) -> float:
        return radius + 4 * self.sigma


@dataclass(frozen=True)
class BicubicKernel:
    """Keys' cubic with a = -1/2, separable (the filter model of B-Conv)."""

    name = "bicubic"
    sigma = None

    def beta(self, points: np.ndarray) -> np.ndarray:
        return keys_cubic(points[..., 0]) * keys_cubic(points[..., 1])

    def mask(self, points: np.ndarray) -> float:
        return 1.0

    def support(self, radius: float) -> float:
        return radius + 2 * sqrt(2)


@dataclass(frozen=True)
class FourierKernel:
    """Dirichlet interpolant of period 7, windowed to |x| <= 4 (the filter model of F-Conv)."""

    name = "fourier"
    sigma = None

    def beta(self, points: np.ndarray) -> np.ndarray:
        return _dirichlet(points[..., 0]) * _dirichlet(points[..., 1])

    def mask(self, points: np.ndarray) -> np.ndarray:
        square = np.square(points).sum(-1)
        # pixels at distance 4 stay on the rim when rotated; rounding must not drop them at some angles
        return np.where(square <= 16 + 1e-9, np.exp(-np.maximum(square / 9 - 1, 0) / 0.2), 0.0)

    def support(self, radius: float) -> float:
        return 4.0


def keys_cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic (1981), a = -1/2, at ``distance`` in px, of any shape: 1 at 0, 0 at other integers and from 2 on."""
    s = np.abs(distance)
    inner = (1.5 * s - 2.5) * s**2 + 1
    outer = ((-0.5 * s + 2.5) * s - 4) * s + 2
    return np.where(s <= 1, inner, np.where(s < 2, outer, 0.0))


def _dirichlet(s: np.ndarray, period: int = 7) -> np.ndarray:
    """sin(pi s) / (period sin(pi s / period)), 1 at multiples of the (odd) period, as a cosine sum."""
    harmonics = np.arange(1, (period + 1) // 2)
    return (1 + 2 * np.cos(2 * np.pi / period * s[..., None] * harmonics).sum(-1)) / period


KERNEL_MODELS = ("gaussian", "bicubic", "fourier")


def kernel_model(name: str, sigma: float | None = None) -> KernelModel:
    """The kernel model ``name``; ``sigma`` (px) belongs to ``gaussian`` alone. Raises SettingError."""
    if name == "gaussian":
        return GaussianKernel() if sigma is None else GaussianKernel(sigma)
    if name not in KERNEL_MODELS:
        raise SettingError(f'unknown kernel model "{name}".{suggest(name, KERNEL_MODELS)}')
    if sigma is not None:
        raise SettingError(f'sigma belongs to the gaussian kernel; leave it out for "{name}"')
    return BicubicKernel() if name == "bicubic" else FourierKernel()
