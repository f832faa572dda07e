"""The accuracy of a classifier in training, on training patches and on the validation images."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from symmetry_audit.inference import classify
from symmetry_audit.tasks import Pairs, Task
from symmetry_audit.training._distributed import World
from symmetry_audit.training._measure import Measure, Validation, shared

__all__ = ["LABELS"]


def _validate_labels(network: nn.Module, samples: Path, *, pairs: Pairs, task: Task, world: World) -> Validation:
    """Classify every image; there is nothing to save as a sample."""
    found = shared(lambda part: classify(network, part, task, device=world.device), pairs, world)
    scores = {"accuracy": found.accuracy, "cross_entropy": found.cross_entropy}
    return Validation(task.protocol, scores, len(found.images))


LABELS = Measure(
    "accuracy",
    {"accuracy": "valid_accuracy", "cross_entropy": "valid_cross_entropy"},
    lambda error: 1.0 - error,
    _validate_labels,
)
