"""Inpainting: pixels are missing, and the others may hold Poisson noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.tasks._options import Option, checked_number
from symmetry_audit.tasks._task import Task

__all__ = ["TASK"]

MAX_PEAK = 1e9  # photons; beyond this the noise is negligible, and the counts overflow


def _checked_missing(value: object) -> float:
    number = checked_number("missing", value)
    if not 0 < number < 1:
        raise SettingError(f"--missing must be between 0 and 1, got {value!r}; 0.3 removes 30 % of the pixels")
    return number


def _checked_peak(value: object) -> float:
    number = checked_number("peak", value)
    if not 0 < number <= MAX_PEAK:
        raise SettingError(f"--peak must be above 0 and at most {MAX_PEAK:g} photons, got {value!r}")
    return number


MISSING = Option("missing", _checked_missing, examples=("0.3",), required=True)
PEAK = Option("peak", _checked_peak, examples=("40",))


@dataclass(frozen=True, kw_only=True)
class Inpainting(Task):
    """The share ``missing`` of the pixels is removed; the others get Poisson noise if ``peak`` is set.

    ``peak`` is the number of photons for a value of 255.
    """

    name = "inpaint"
    options = (MISSING, PEAK)

    missing: float
    peak: float | None = None

    @property
    def text(self) -> str:
        noise = f", Poisson noise of {self.peak:g} photons at 255" if self.peak else ""
        return f"inpainting, {100 * self.missing:g} % of the pixels missing{noise}"

    def corrupt(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Pixels set to 0 in all channels, each with probability ``missing``; then Poisson(v peak / 255) 255 / peak."""
        kept = np.where(rng.random(image.shape[:2])[..., None] < self.missing, np.float32(0), image)
        if self.peak is None:
            return kept
        return (rng.poisson(kept * (self.peak / 255)) * (255 / self.peak)).astype(np.float32)

    def noise_variance(self, mean: np.ndarray, square: np.ndarray) -> np.ndarray:
        """For missing pixels that are filled with the level m of their image, and others at m + (z - m) / kept.

        So the input has the mean v of the clean pixel. A pixel is missing or not, which gives a variance of
        (1 / kept - 1) (v - m)^2, and Poisson noise adds v 255 / (peak kept).
        """
        kept = 1 - self.missing
        photons = 0.0 if self.peak is None else 255 / self.peak
        return (1 / kept - 1) * square + photons / kept * mean


TASK = Inpainting
