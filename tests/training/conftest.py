"""Tiny runs: four photographs, a network of a few thousand weights, a handful of steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symmetry_audit.nets import build
from symmetry_audit.tasks import PatchCache, Task, make_task, open_pairs
from symmetry_audit.training import TrainResult, TrainSettings, make_settings, train
from tests.conftest import save_photos


@pytest.fixture
def images(tmp_path: Path, rng: np.random.Generator) -> tuple[Path, Path]:
    """Folders of training and validation photographs."""
    return save_photos(tmp_path / "train", rng, 4), save_photos(tmp_path / "valid", rng, 2)


@pytest.fixture
def settings() -> Callable[..., TrainSettings]:
    """Settings of a short run; ``method`` and ``backbone`` of a tiny network, ``task`` a Task."""

    def make(
        method: str = "cnn", backbone: str = "resnet", task: Task | None = None, relaxed: bool = False, **given: Any
    ) -> TrainSettings:
        task = task or make_task("denoise", sigma=25)
        group = None if method == "cnn" else "p4"
        network = build(backbone, method, preset="tiny", scale=task.scale, group=group, relaxed=relaxed)
        short = {"steps": 6, "batch": 4, "patch": 32, "validate_every": 3, "log_every": 2, "lr": 1e-3, "warmup": 0}
        return make_settings(task=task.to_dict(), architecture=network.architecture, **{**short, **given})

    return make


@pytest.fixture
def run(images: tuple[Path, Path], tmp_path: Path) -> Callable[..., TrainResult]:
    """Train with settings into a folder of tmp_path."""

    def start(settings: TrainSettings, folder: str = "run", **options: Any) -> TrainResult:
        task = Task.from_dict(settings.task)
        pairs, valid = (open_pairs(str(one), task) for one in images)
        cache = PatchCache(pairs, task, tmp_path / "cache")
        return train(settings, pairs, valid, tmp_path / folder, cache=cache, **options)

    return start
