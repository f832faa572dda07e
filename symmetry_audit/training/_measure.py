"""What a run maximizes, and what a validation finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from symmetry_audit.tasks import Pairs
from symmetry_audit.training._distributed import World

__all__ = ["Measure", "Validation", "shared"]

T = TypeVar("T", bound=Any)  # a result with ``images``, one score each


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
    for the names of samples, and by name the images, the task and the world, whose processes share the images.
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


def shared(score: Callable[[Pairs], T], pairs: Pairs, world: World) -> T:
    """What ``score`` finds for ``pairs``, of which every process scores its part; the same everywhere.

    The scores are in the order of the images' names, as those of one process, so that their means are the same.
    """

    def part() -> T | None:
        own = replace(pairs, refs=pairs.refs[world.rank :: world.size])
        return score(own) if own.refs else None

    parts = [found for found in world.each(part) if found is not None]
    images = sorted((row for found in parts for row in found.images), key=lambda row: row.image)
    return replace(parts[0], images=tuple(images))
