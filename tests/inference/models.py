"""Checkpoints of small untrained networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from symmetry_audit.checkpoints import Card, Checkpoint
from symmetry_audit.nets import build
from symmetry_audit.tasks import TASKS, fingerprint, make_task


def save_checkpoint(path: Path, task: str = "sr", *, seen: Path | None = None, wild: bool = False, **options) -> Path:
    """A run folder (or .safetensors file) with a tiny network for ``task`` (scale 2, or sigma 25).

    It was "trained" on the images below ``seen``. ``wild`` networks give NaN.
    """
    torch.manual_seed(0)
    backbone = {"sr": "edsr", "derain": "rcdnet"}.get(task, "resnet")
    settings = {option.name: float(option.examples[0]) for option in TASKS[task].options if option.required}
    network = build(backbone, options.pop("method", "cnn"), preset="tiny", **options)
    if wild:
        with torch.no_grad():  # finite weights, infinite outputs
            for value in network.parameters():
                value.fill_(1e30)
    images = [] if seen is None else [file for file in sorted(seen.rglob("*.png"))]
    prints = [(file.name, fingerprint(np.asarray(Image.open(file).convert("RGB")))) for file in images]
    card = Card(
        architecture=network.architecture,
        task=make_task(task, **settings).to_dict(),
        step=1234,
        training_images=[(name, found["sha256"], found["phash"]) for name, found in prints],
    )
    file = path if path.suffix == ".safetensors" else path / "best.safetensors"
    Checkpoint(card, network.state_dict()).save(file)
    return path
