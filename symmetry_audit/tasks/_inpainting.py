"""Inpainting: pixels are missing, anew in every epoch or the same ones always, and others may hold Poisson noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.tasks._options import Option, checked_number
from symmetry_audit.tasks._task import Task, size_text

__all__ = ["TASK"]

MAX_PEAK = 1e9  # photons; beyond this the noise is negligible, and the counts overflow
KEPT = 255  # in the fourth channel of a prepared image: this pixel is measured


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


def _checked_whole(name: str, least: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise SettingError(f"--{name} must be a whole number of {least} or more, got {value!r}")
        return value

    return check


MISSING = Option("missing", _checked_missing, examples=("0.3",), required=True)
PEAK = Option("peak", _checked_peak, examples=("40",))
MASK_SEED = Option("mask_seed", _checked_whole("mask-seed", 0), examples=("0",))
SQUARE = Option("square", _checked_whole("square", 1), examples=("512",))
RESIZE = Option("resize", _checked_whole("resize", 1), examples=("256",))


@dataclass(frozen=True, kw_only=True)
class Inpainting(Task):
    """The share ``missing`` of the pixels is removed; the others get Poisson noise if ``peak`` is set.

    ``peak`` is the number of photons for a value of 255, so that one photon is gamma = 1 / peak in images of [0, 1].
    With ``mask_seed`` the same pixels are missing always, and in all images of one size: those that this seed draws.
    ``square`` takes the central square of this side in px first, and ``resize`` reduces it to that side by bilinear
    interpolation with antialiasing. [EI] and [REI] use square 512, resize 256.
    """

    name = "inpaint"
    further = ("rei",)
    blind: ClassVar[Mapping[str, Any] | None] = {"mask_seed": 0}
    options = (MISSING, PEAK, MASK_SEED, SQUARE, RESIZE)

    missing: float
    peak: float | None = None
    mask_seed: int | None = None
    square: int | None = None
    resize: int | None = None

    def __post_init__(self) -> None:
        if self.resize is not None and (self.square is None or self.resize > self.square):
            raise SettingError("--resize reduces the central square; give its side as --square, at least as large")

    @property
    def text(self) -> str:
        parts = [f"inpainting, {100 * self.missing:g} % of the pixels missing"]
        parts += [] if self.mask_seed is None else [f"always those of mask {self.mask_seed}"]
        parts += [f"Poisson noise of {self.peak:g} photons at 255"] if self.peak else []
        parts += [f"the central {self.square} px"] if self.square else []
        parts += [f"reduced to {self.resize} px"] if self.resize else []
        return ", ".join(parts)

    @property
    def preparation(self) -> dict[str, Any]:
        """Nothing that other tasks do not do either, unless pixels are cropped or the mask is stored beside them."""
        mask = {} if self.mask_seed is None else {"mask_seed": self.mask_seed, "missing": self.missing}
        cropped = {} if self.square is None else {"square": self.square, "resize": self.resize}
        own = {"name": self.name, **mask, **cropped} if mask or cropped else {}
        return {"paired": False} | own

    @property
    def keeps_pixels(self) -> bool:
        """Whether nothing is stored beside the clean image."""
        return self.mask_seed is None

    @property
    def noise(self) -> tuple[float, float]:
        """One photon in grey levels, and 0."""
        return (0.0 if self.peak is None else 255 / self.peak), 0.0

    def prepare(self, clean: np.ndarray, degraded: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The clean image, cropped; with a fixed mask also (h, w, 4), whose last channel is 255 where it is kept.

        Raises ImageError for an image that is smaller than ``square``.
        """
        clean = self._cropped(clean)
        if self.mask_seed is None:
            return clean, clean
        return np.dstack([clean, KEPT * _mask(self.mask_seed, clean.shape[:2], self.missing)]), clean

    def corrupt(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What ``measurement`` gives, without the mask."""
        return self.measurement(image, rng)[0]

    def measurement(self, degraded: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of value v come as Poisson(v peak / 255) 255 / peak, missing ones as 0 in all channels.

        Those of the fourth channel are missing, if there is one, otherwise each with probability ``missing``.
        """
        if degraded.shape[2] > 3:
            kept = degraded[..., 3:] == KEPT
        else:
            kept = rng.random(degraded.shape[:2])[..., None] >= self.missing
        pixels = np.where(kept, degraded[..., :3], np.float32(0))
        if self.peak is not None:
            pixels = (rng.poisson(pixels * (self.peak / 255)) * (255 / self.peak)).astype(np.float32)
        return pixels, kept.astype(np.float32)

    def noise_variance(self, mean: np.ndarray, square: np.ndarray) -> np.ndarray:
        """For missing pixels that are filled with the level m of their image, and others at m + (z - m) / kept.

        So the input has the mean v of the clean pixel. A pixel is missing or not, which gives a variance of
        (1 / kept - 1) (v - m)^2, and Poisson noise adds v 255 / (peak kept).
        """
        kept = 1 - self.missing
        photons = 0.0 if self.peak is None else 255 / self.peak
        return (1 / kept - 1) * square + photons / kept * mean

    def _cropped(self, image: np.ndarray) -> np.ndarray:
        if self.square is None:
            return image
        if min(image.shape[:2]) < self.square:
            raise ImageError(
                f"{size_text(image)} is smaller than --square {self.square}; lower it, or remove the image"
            )
        top, left = ((side - self.square) // 2 for side in image.shape[:2])
        image = image[top : top + self.square, left : left + self.square]
        if self.resize is None:
            return image
        return np.asarray(Image.fromarray(image).resize((self.resize, self.resize), Image.Resampling.BILINEAR))


@lru_cache(maxsize=8)
def _mask(seed: int, size: tuple[int, int], missing: float) -> np.ndarray:
    """1 for pixels that are kept and 0 for missing ones, ``size`` uint8, each missing with probability ``missing``."""
    return (np.random.default_rng((seed, *size)).random(size) >= missing).astype(np.uint8)


TASK = Inpainting
