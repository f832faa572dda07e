"""Classification: an image has one of several classes, and there is nothing to degrade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symmetry_audit.data import load_rgb
from symmetry_audit.errors import DataError, ImageError, SettingError
from symmetry_audit.tasks._example import Example
from symmetry_audit.tasks._options import Option
from symmetry_audit.tasks._pairs import Pair, Pairs, listed
from symmetry_audit.tasks._task import Task

__all__ = ["TASK"]


def _checked(value: object) -> tuple[str, ...]:
    given = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    names = tuple(name for name in given if isinstance(name, str) and name)
    if len(names) < 2 or len(set(names)) < len(given):
        raise SettingError(f"--classes takes two different names or more, such as cat,dog, got {value!r:.60}")
    return names


CLASSES = Option("classes", _checked, examples=("cat,dog",))


@dataclass(frozen=True, kw_only=True)
class Classification(Task):
    """One of ``classes`` for every image, in the order of a network's outputs; none until training is planned."""

    name = "classify"
    protocol = "accuracy"
    backbone = "classifier"
    loss = "cross-entropy"
    labelled = True
    options = (CLASSES,)

    classes: tuple[str, ...] | None = None

    @property
    def text(self) -> str:
        return f"classification, {len(self.classes)} classes" if self.classes else "classification"

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.classes or ()

    @property
    def preparation(self) -> dict[str, Any]:
        return {"classes": list(self.class_names)}

    def fitted(self, pairs: Pairs) -> Task:
        """Of the classes of ``pairs``, where they were open. Raises DataError if there are fewer than two."""
        found = sorted({pair.label for pair in pairs.refs if pair.label is not None})
        if missing := [name for name in self.class_names if name not in found]:
            raise DataError(f'"{pairs.text}" has no image of {listed(missing)}; its classes are {listed(found)}')
        if len(found) < 2:
            raise DataError(f'"{pairs.text}" has one class, {found[0]}; a classifier needs two or more')
        return replace(self, classes=self.classes or tuple(found))

    def read(self, pair: Pair) -> Example:
        """The image and the place of its class. Raises ImageError."""
        if pair.label not in self.class_names:
            raise ImageError(f'its class is "{pair.label}", which is none of {listed(self.class_names)}')
        picture = load_rgb(pair.clean)
        pixels = picture.to_8bit()
        return Example(pixels, np.array(self.class_names.index(pair.label)), pixels, picture.grey)

    def example(self, degraded: np.ndarray, clean: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return self.corrupt(degraded, rng), clean


TASK = Classification
