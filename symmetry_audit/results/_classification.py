"""How well one network classifies one test set, as frozen values, to and from JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from symmetry_audit.results._documents import Origin, check_agreement, dump_checked, read_json, read_value, unchecked
from symmetry_audit.results._evaluation import EvaluatedModel
from symmetry_audit.results._report import DatasetInfo
from symmetry_audit.results._skipped import SkippedImage
from symmetry_audit.results._symmetrization import mean

__all__ = ["CLASSIFICATION_SCHEMA", "ClassScore", "Classification", "ImageLabel"]

CLASSIFICATION_SCHEMA = "symaudit.classification/1"
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class ImageLabel:
    """One image: its class, the ``predicted`` one, the cross-entropy -ln p of its class in nats, and the seconds."""

    image: str
    label: str
    predicted: str
    cross_entropy: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """One class: how many ``images`` it has, how many were ``predicted`` to be of it, and how many of both.

    ``interval`` is the 95 % interval of Wilson for its ``recall``; None without images.
    """

    DERIVED = ("recall", "precision")

    name: str
    images: int
    predicted: int
    correct: int
    interval: Interval | None

    @property
    def recall(self) -> float | None:
        """The share of its images that are recognized; None without images."""
        return self.correct / self.images if self.images else None

    @property
    def precision(self) -> float | None:
        """The share of what was predicted to be of this class that is; None where nothing was."""
        return self.correct / self.predicted if self.predicted else None

    def to_dict(self) -> dict[str, Any]:
        """Its fields, recall and precision."""
        return {**asdict(self), "recall": self.recall, "precision": self.precision}


@dataclass(frozen=True, kw_only=True)
class Classification:
    """The classes that ``model`` gives to every image of a test set.

    ``interval`` is the 95 % interval of Wilson for the ``accuracy``, with the images as independent draws. ``settings``
    holds the device; the rest is as in :class:`Evaluation`.
    """

    DERIVED = ("schema", "accuracy", "cross_entropy", "confusion", "reasons")

    model: EvaluatedModel
    task: Mapping[str, Any]
    task_text: str
    data: DatasetInfo
    settings: Mapping[str, Any]
    interval: Interval
    classes: tuple[ClassScore, ...]
    images: tuple[ImageLabel, ...]
    skipped: tuple[SkippedImage, ...] = ()

    @property
    def correct(self) -> int:
        """How many images are recognized."""
        return sum(item.label == item.predicted for item in self.images)

    @property
    def accuracy(self) -> float:
        """The share of the images that are recognized, 0 to 1."""
        return self.correct / len(self.images)

    @property
    def cross_entropy(self) -> float:
        """Mean of -ln p of the right class, in nats."""
        return mean(item.cross_entropy for item in self.images)

    @property
    def seconds(self) -> float:
        """Mean time for an image."""
        return mean(item.seconds for item in self.images)

    @property
    def confusion(self) -> tuple[tuple[int, ...], ...]:
        """The number of images by their class (rows) and the predicted one (columns), in the order of ``classes``."""
        names = [item.name for item in self.classes]
        pairs = [(item.label, item.predicted) for item in self.images]
        return tuple(tuple(pairs.count((label, predicted)) for predicted in names) for label in names)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first; what is null is explained in ``reasons``, by path."""
        reasons = {}
        for item in self.classes:
            if item.recall is None:
                reasons |= dict.fromkeys((f"classes.{item.name}.{name}" for name in ("recall", "interval")), "no image")
            if item.precision is None:
                reasons[f"classes.{item.name}.precision"] = "no image was predicted to be of this class"
        computed = {"accuracy": self.accuracy, "cross_entropy": self.cross_entropy, "confusion": self.confusion}
        classes = [item.to_dict() for item in self.classes]
        document = {"schema": CLASSIFICATION_SCHEMA, **asdict(self), "classes": classes, **computed, "reasons": reasons}
        return json.loads(json.dumps(document))  # tuples as lists, as from a file

    def to_json(self) -> str:
        """``to_dict`` as text, without NaN or Infinity."""
        return dump_checked(self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> Classification:
        """Read what ``symaudit evaluate --json`` printed for a classifier. Raises ReportError."""
        return cls.from_dict(read_json(path, "save what evaluate --json prints"), str(path))

    @classmethod
    def from_dict(cls, document: Any, where: str = "the evaluation") -> Classification:
        """The inverse of ``to_dict``. Raises ReportError where it is damaged or of another or a newer schema."""
        origin = Origin(where, "evaluate again")
        document = unchecked(document, origin)
        origin.check_schema(document, CLASSIFICATION_SCHEMA)
        found = read_value(cls, document, origin)
        if not found.images:
            raise origin.damaged("it has no images")
        check_agreement(document, found.to_dict(), origin)
        return found
