"""A restoration task as a value: from a clean image to what a network is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from symmetry_audit.errors import ImageError, SettingError, suggest
from symmetry_audit.tasks._options import checked_options
from symmetry_audit.tasks._resize import resize_8bit

__all__ = ["TASKS", "Task", "make_task"]

# name -> the protocol by which it is scored unless another is asked for
PROTOCOLS = {"sr": "sr-y", "denoise": "rgb", "derain": "derain-y", "inpaint": "rgb"}
TASKS = tuple(PROTOCOLS)


@dataclass(frozen=True)
class Task:
    """One task with its settings; make it with :func:`make_task`, which checks them.

    ``scale`` is that of super-resolution, 1 for the others; ``sigma`` of the noise in grey levels, or the
    (lowest, highest) from which every image draws its own; ``missing`` the share of pixels removed; ``peak``
    the photons that a sample of 255 stands for.
    """

    name: str
    scale: int = 1
    sigma: float | tuple[float, float] | None = None
    missing: float | None = None
    peak: float | None = None

    @property
    def paired(self) -> bool:
        """Whether degraded images are given, not made."""
        return self.name == "derain"

    @property
    def protocol(self) -> str:
        """Name of the protocol by which it is scored unless another is asked for."""
        return PROTOCOLS[self.name]

    @property
    def text(self) -> str:
        """For people: ``super-resolution x2``."""
        return _TEXTS[self.name](self)

    def prepare(self, clean: np.ndarray, given: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What is fixed for an image: (h, w, 3) uint8 input, (scale h, scale w, 3) uint8 clean.

        Super-resolution cuts ``clean`` at the bottom and the right to a multiple of the scale and shrinks it; a
        paired task takes ``given``; for the others both are ``clean``. Raises ImageError where ``given`` is
        missing or of another size, or nothing is left.
        """
        if self.paired:
            if given is None or given.shape != clean.shape:
                found = "there is none" if given is None else f"it has {_size(given)}"
                raise ImageError(f"{self.name} needs a degraded image of {_size(clean)}; {found}")
            return given, clean
        if self.scale == 1:
            return clean, clean
        height, width = (side - side % self.scale for side in clean.shape[:2])
        if not height or not width:
            raise ImageError(f"{_size(clean)} is less than one pixel after shrinking it by {self.scale}; leave it out")
        clean = clean[:height, :width]
        return resize_8bit(clean, 1 / self.scale), clean

    def corrupt(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """``image`` (h, w, 3) uint8 with what is drawn anew every time, as (h, w, 3) float32, never clipped.

        Denoising adds Gaussian noise, independent for every sample. Inpainting sets pixels to 0 in all
        channels, each with probability ``missing``; then, where ``peak`` is given, a sample v becomes
        Poisson(v peak / 255) 255 / peak. The other tasks draw nothing.
        """
        if self.name == "denoise":
            noise = rng.standard_normal(image.shape, dtype=np.float32)
            noise *= np.float32(self.sigma if isinstance(self.sigma, float) else rng.uniform(*self.sigma))
            noise += image
            return noise
        if self.name == "inpaint":
            kept = np.where(rng.random(image.shape[:2])[..., None] < self.missing, np.float32(0), image)
            return kept if self.peak is None else _photons(kept, self.peak, rng)
        return image.astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``Task.from_dict`` makes the same task of it."""
        return asdict(self) | {"sigma": list(self.sigma) if isinstance(self.sigma, tuple) else self.sigma}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Task:
        """The task of ``to_dict``. Raises SettingError where it is none."""
        names = list(cls.__dataclass_fields__)
        if not isinstance(document, Mapping) or sorted(document) != sorted(names):
            raise SettingError(f"a task is described by {', '.join(names)}; got {document!r:.80}")
        return make_task(**document)


def make_task(
    name: str,
    scale: int | None = None,
    sigma: float | tuple[float, float] | None = None,
    missing: float | None = None,
    peak: float | None = None,
) -> Task:
    """The task ``name``: "sr" by ``scale`` (2, 3 or 4; default 2), "denoise" of ``sigma`` (or lowest and highest),
    "derain" of given pairs, "inpaint" of the share ``missing`` of pixels, with Poisson noise of ``peak`` photons
    where that is given.

    Raises SettingError for other names and values, and for options that the task does not take.

    >>> make_task("denoise", sigma=50).text
    'denoising, Gaussian noise of sigma 50'
    """
    if name not in TASKS:
        raise SettingError(f'unknown task "{name}".{suggest(str(name), TASKS)}')
    options = {"scale": None if scale == 1 and name != "sr" else scale, "sigma": sigma, "missing": missing}
    return Task(name, **checked_options(name, options | {"peak": peak}))


def _photons(image: np.ndarray, peak: float, rng: np.random.Generator) -> np.ndarray:
    return (rng.poisson(image * (peak / 255)) * (255 / peak)).astype(np.float32)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]} px"


def _inpainting(task: Task) -> str:
    noise = f", Poisson noise of {task.peak:g} photons at 255" if task.peak else ""
    return f"inpainting, {100 * task.missing:g} % of the pixels missing{noise}"


def _denoising(task: Task) -> str:
    span = f"{task.sigma:g}" if isinstance(task.sigma, float) else "{:g} to {:g}".format(*task.sigma)
    return f"denoising, Gaussian noise of sigma {span}"


_TEXTS = {
    "sr": lambda task: f"super-resolution x{task.scale}",
    "denoise": _denoising,
    "derain": lambda task: "deraining",
    "inpaint": _inpainting,
}
