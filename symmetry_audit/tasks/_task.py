"""What every restoration task is: a value that makes, from a clean image, what a network takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symmetry_audit.errors import ImageError
from symmetry_audit.tasks._options import Option

__all__ = ["Task", "size_text"]

ALWAYS = ("scale", "sigma", "missing", "peak")  # in every document since the first version; further ones where they are


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task with its settings; make it with ``make_task``, which checks them.

    Every task is a subclass in a file of its own, listed in ``TASKS``. ``name`` is how it is called; ``protocol`` the
    way it is scored and ``backbone`` the network it is trained with unless others are asked for; ``augment`` how its
    patches are moved, None where the recipe decides; ``paired`` says that degraded images are given, not made;
    ``options`` are its settings, each of which is a field. ``scale`` is how much larger a clean image is than the
    network's input, 1 for all tasks but super-resolution.
    """

    name: ClassVar[str]
    protocol: ClassVar[str] = "rgb"
    backbone: ClassVar[str] = "resnet"
    augment: ClassVar[str | None] = None
    paired: ClassVar[bool] = False
    options: ClassVar[tuple[Option, ...]] = ()

    scale: int = 1

    @property
    def text(self) -> str:
        """For people, such as ``super-resolution x2``."""
        return self.name

    @property
    def preparation(self) -> dict[str, Any]:
        """What the result of ``prepare`` depends on beside the images, JSON-ready: prepared pixels are kept under it.

        All settings, for a task with a ``prepare`` of its own; tasks without share one set of pixels. A task may
        return less where it knows that some of its settings do not matter.
        """
        return self.to_dict() if self._prepares() else {"paired": self.paired}

    @property
    def keeps_pixels(self) -> bool:
        """Whether ``prepare`` gives the clean image itself as the input."""
        return not self.paired and not self._prepares()

    def prepare(self, clean: np.ndarray, given: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What is the same in every epoch: (h, w, 3) uint8 input, (scale h, scale w, 3) uint8 clean.

        Both are ``clean``, or for a paired task ``given`` and ``clean``. Raises ImageError where ``given`` is
        missing or of another size, and where nothing is left of an image.
        """
        if not self.paired:
            return clean, clean
        if given is None or given.shape != clean.shape:
            found = "there is none" if given is None else f"it has {size_text(given)}"
            raise ImageError(f"{self.name} needs a degraded image of {size_text(clean)}; {found}")
        return given, clean

    def corrupt(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """``image`` (h, w, 3) uint8 with what is drawn anew every time, as (h, w, 3) float32, never clipped.

        Nothing is drawn by default.
        """
        return image.astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``Task.from_dict`` makes the same task of it."""
        names = dict.fromkeys([*ALWAYS, *(option.name for option in self.options)])
        values = {name: getattr(self, name, None) for name in names}
        return {"name": self.name} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Task:
        """The task of ``to_dict``; settings that the document lacks have their defaults.

        Raises SettingError where it is no task, and where it has settings that this version does not know.
        """
        from symmetry_audit.tasks._table import read_task  # the table knows all tasks

        return read_task(document)

    @classmethod
    def _prepares(cls) -> bool:
        return cls.prepare is not Task.prepare


def size_text(image: np.ndarray) -> str:
    """``640 x 480 px``, width first, for messages."""
    return f"{image.shape[1]} x {image.shape[0]} px"
