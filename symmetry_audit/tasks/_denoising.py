"""Denoising: Gaussian noise of fixed strength, or of a strength drawn for every image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.tasks._options import Option, checked_number
from symmetry_audit.tasks._task import Task

__all__ = ["TASK"]

MAX_SIGMA = 255.0  # grey levels


def _checked(value: object) -> float | tuple[float, float]:
    """A number, or (lowest, highest) if they differ."""
    ends = (value, value) if isinstance(value, Real) else value
    if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
        raise SettingError(f"--sigma takes one number, or a lowest and a highest, got {value!r}")
    low, high = (checked_number("sigma", end) for end in ends)
    if not 0 <= min(low, high) <= max(low, high) <= MAX_SIGMA:
        raise SettingError(f"--sigma must be between 0 and {MAX_SIGMA:g} grey levels, got {value!r}")
    if low > high:
        raise SettingError(f"--sigma takes the lower number first; write {high:g}:{low:g}")
    return low if low == high else (low, high)


SIGMA = Option("sigma", _checked, examples=("25", "5:35"), required=True)


@dataclass(frozen=True, kw_only=True)
class Denoising(Task):
    """Gaussian noise of ``sigma`` grey levels, or of a sigma drawn for every image from (lowest, highest)."""

    name = "denoise"
    blind: ClassVar[Mapping[str, Any] | None] = {}
    options = (SIGMA,)

    sigma: float | tuple[float, float]

    @property
    def text(self) -> str:
        span = "{:g} to {:g}".format(*self.sigma) if isinstance(self.sigma, tuple) else f"{self.sigma:g}"
        return f"denoising, Gaussian noise of sigma {span}"

    @property
    def noise(self) -> tuple[float, float]:
        """0 and sigma. Raises SettingError for a range."""
        if isinstance(self.sigma, tuple):
            raise SettingError("without clean images the noise must be known; give --sigma one number, such as 25")
        return 0.0, self.sigma

    def corrupt(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """``image`` plus noise, independent for every sample. (Of grey pictures only one channel of it is used.)"""
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        noise *= np.float32(rng.uniform(*self.sigma) if isinstance(self.sigma, tuple) else self.sigma)
        noise += image
        return noise

    def noise_variance(self, mean: np.ndarray, square: np.ndarray) -> np.ndarray:
        """sigma^2, or its mean over the span: (lowest^2 + lowest highest + highest^2) / 3."""
        low, high = self.sigma if isinstance(self.sigma, tuple) else (self.sigma, self.sigma)
        return np.full_like(mean, (low * low + low * high + high * high) / 3)


TASK = Denoising
