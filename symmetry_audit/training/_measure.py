"""What a run maximizes, and what a validation finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Measure", "Validation"]


@dataclass(frozen=True)
class Validation:
    """Mean ``scores`` by name over ``images`` images under ``protocol``."""

    protocol: str
    scores: Mapping[str, float]
    images: int
    w: dict[str, float] | None = None  # w of the filters, for the first images

    def to_dict(self) -> dict[str, Any]:
        """Everything but w, JSON-ready."""
        return {"protocol": self.protocol, **self.scores, "images": self.images}


@dataclass(frozen=True)
class Measure:
    """What a run maximizes: the score ``name`` of a validation, whose ``scores`` by column of log.csv have it first.

    ``of`` takes the mean squared error of training patches to the same score. ``validate`` takes the network, a prefix
    for the names of samples, and by name the images, the task and the device.
    """

    name: str
    scores: Mapping[str, str]
    of: Callable[[float], float]
    validate: Callable[..., Validation]

    @property
    def column(self) -> str:
        """The column of log.csv for training patches."""
        return f"train_{self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of log.csv."""
        return (*("step", "stage", "seconds", "lr", "loss", self.column, "gradient_norm"), *self.scores.values())
