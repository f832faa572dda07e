"""The base of all restoration tasks: a value that makes degraded images from clean ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from symmetry_audit.data import ImageRef, load_rgb
from symmetry_audit.errors import ImageError
from symmetry_audit.metrics import PROTOCOLS, Score
from symmetry_audit.tasks._example import Example
from symmetry_audit.tasks._options import Option

if TYPE_CHECKING:
    from symmetry_audit.tasks._pairs import Pair, Pairs

__all__ = ["Task", "size_text"]

ALWAYS = ("scale", "sigma", "missing", "peak")  # in every document since the first version; other fields may be missing


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task with its settings; make it with ``make_task``, which checks them.

    Every task is a subclass in a file of its own, listed in ``TASKS``. ``name`` is its name; ``protocol`` and
    ``backbone`` are its usual scoring and network, ``further`` the protocols by which its images are scored as well,
    out of all its ``protocols``; ``baselines`` restore without a network, the first one by doing as little as it can.
    ``loss`` and ``augment`` are its usual loss and how its patches are flipped and rotated, None if the network and the
    recipe decide. ``paired`` says that degraded images come with the clean ones and are not made, ``masked`` that they
    are made of the clean ones and of masks, ``labelled`` that images come with a class each. ``blind`` are the settings
    that training without clean images adds, None for a task that cannot. ``options`` are its settings, each of which is
    a field. ``outputs`` is the number of channels of a restored image. ``scale`` is how much larger a clean image is
    than the degraded one, 1 for all tasks but super-resolution.
    """

    name: ClassVar[str]
    protocol: ClassVar[str] = "rgb"
    further: ClassVar[tuple[str, ...]] = ()
    protocols: ClassVar[Mapping[str, Any]] = PROTOCOLS
    baselines: ClassVar[tuple[str, ...]] = ("identity",)
    backbone: ClassVar[str] = "resnet"
    loss: ClassVar[str | None] = None
    augment: ClassVar[str | None] = None
    paired: ClassVar[bool] = False
    masked: ClassVar[bool] = False
    outputs: ClassVar[int] = 3
    labelled: ClassVar[bool] = False
    blind: ClassVar[Mapping[str, Any] | None] = None
    options: ClassVar[tuple[Option, ...]] = ()

    scale: int = 1

    @property
    def text(self) -> str:
        """A name for people, such as ``super-resolution x2``."""
        return self.name

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes that a labelled task tells apart, in the order of a network's outputs; none by default."""
        return ()

    @property
    def preparation(self) -> dict[str, Any]:
        """The settings that the result of ``prepare`` depends on, JSON-ready; part of the identity of cached pixels.

        These are all settings if the task has a ``prepare`` of its own; tasks without one share their pixels. A task
        may return fewer settings if it knows that the others do not matter.
        """
        return self.to_dict() if self._prepares() else {"paired": self.paired}

    @property
    def repeats(self) -> int:
        """The number of examples that are made of one clean image and the masks."""
        return 1

    @property
    def pictures(self) -> bool:
        """Whether a network gets a degraded picture alone, as ``prepare`` makes it, and returns a picture."""
        return type(self).read is Task.read

    @property
    def keeps_pixels(self) -> bool:
        """Whether ``prepare`` returns the clean image itself as the degraded one."""
        return not self.paired and not self._prepares()

    def fitted(self, pairs: Pairs) -> Task:
        """The task with what it takes from its training images: by default itself."""
        return self

    def picture(self, ref: ImageRef) -> np.ndarray:
        """A clean image as a picture (H, W, 3) uint8. Raises ImageError."""
        return load_rgb(ref).to_8bit()

    def read(self, pair: Pair) -> Example:
        """Decode and prepare the files of ``pair``. Raises ImageError."""
        clean = load_rgb(pair.clean)
        pixels = clean.to_8bit()
        degraded = None if pair.degraded is None else self.picture(pair.degraded)
        return Example(*self.prepare(pixels, degraded), pixels, clean.grey)

    def prepare(self, clean: np.ndarray, degraded: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The pixels that are the same in every epoch: (h, w, 3) uint8 degraded, (scale h, scale w, 3) uint8 clean.

        By default both are ``clean``, or ``degraded`` and ``clean`` for a paired task. Raises ImageError if
        ``degraded`` is missing or of another size, or if no pixel of an image is left.
        """
        if not self.paired:
            return clean, clean
        if degraded is None or degraded.shape != clean.shape:
            found = "there is none" if degraded is None else f"it has {size_text(degraded)}"
            raise ImageError(f"{self.name} needs a degraded image of {size_text(clean)}; {found}")
        return degraded, clean

    def corrupt(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """``image`` (h, w, 3) uint8 with noise that is drawn anew every time, as (h, w, 3) float32, never clipped.

        By default there is no noise. Of grey pictures, whose channels are equal, the first channel of the result is
        used for all three: see ``one_field``.
        """
        return image.astype(np.float32)

    def example(self, degraded: np.ndarray, clean: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """What a network gets in training, (h, w, C) float32, and its target, from two prepared patches or a label.

        By default the corrupted ``degraded`` and ``clean`` as float32.
        """
        return self.corrupt(degraded, rng), clean.astype(np.float32)

    def measurement(self, degraded: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """What training without clean images has: a network's input (h, w, 3) and what of it is measured, (h, w, 1).

        Both are float32; the latter is 1 where a pixel is measured and 0 where the input is always 0. The input is the
        image at these pixels, with ``noise``. By default the corrupted ``degraded``, measured everywhere.
        """
        return self.corrupt(degraded, rng), np.ones((*degraded.shape[:2], 1), np.float32)

    @property
    def noise(self) -> tuple[float, float]:
        """(gamma, sigma) in grey levels of y = gamma Poisson(u / gamma) + sigma n, of a task that can be ``blind``.

        Raises SettingError where the settings leave them open.
        """
        return 0.0, 0.0

    def shown(self, degraded: np.ndarray) -> np.ndarray:
        """The image, like a clean one, in a network's input (h, w, C): by default all of it."""
        return degraded

    def displayed(self, image: np.ndarray) -> np.ndarray:
        """A clean image, or one like it, as a picture (H, W, 3) in 0..255 for people; by default itself."""
        return image

    def scored(self, way: Any, restored: np.ndarray, clean: np.ndarray, degraded: np.ndarray) -> Score:
        """The score of ``restored`` under ``way``, one of the task's protocols; ``degraded`` is a network's input."""
        return way.score(restored, clean, self.scale)

    def restored_by(self, baseline: str, degraded: np.ndarray, pair: Pair) -> np.ndarray:
        """What one of the task's baselines makes of a network's input; the files of ``pair`` are its origin.

        By default "identity", which does nothing.
        """
        return self.shown(degraded)

    @property
    def noisy(self) -> bool:
        """Whether ``corrupt`` adds anything."""
        return type(self).corrupt is not Task.corrupt

    def noise_variance(self, mean: np.ndarray, square: np.ndarray) -> np.ndarray | None:
        """The mean variance of what ``corrupt`` adds to pixels, in squared grey levels, if there is a formula.

        For noise with mean zero that is independent from pixel to pixel, given the pixels. Of the pixels ``mean`` is
        the mean in grey levels, ``square`` the mean squared distance from the level of their image; both have the
        shape of the result. By default 0 for a task without noise, None (draw it) for one with a ``corrupt`` of its
        own.
        """
        return None if self.noisy else np.zeros_like(mean)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``Task.from_dict`` makes the same task from it."""
        names = dict.fromkeys([*ALWAYS, *(option.name for option in self.options)])
        values = {name: getattr(self, name, None) for name in names}
        values = {name: value for name, value in values.items() if name in ALWAYS or value is not None}
        return {"name": self.name} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Task:
        """The task that ``to_dict`` described; settings that the document lacks take their defaults.

        Raises SettingError if it is not a task, or if it has settings that this version does not know.
        """
        from symmetry_audit.tasks._table import read_task  # the table knows all tasks

        return read_task(document)

    @classmethod
    def _prepares(cls) -> bool:
        return cls.prepare is not Task.prepare


def size_text(image: np.ndarray) -> str:
    """``640 x 480 px``, width first, for messages."""
    return f"{image.shape[1]} x {image.shape[0]} px"
