"""The arms of a network pilot, and one run of one arm: tiny networks that see the same patches (SPEC 8)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from symmetry_audit.metrics import find_protocol
from symmetry_audit.nets import architecture_of, build
from symmetry_audit.tasks import PreparedImages, Task
from symmetry_audit.training import TrainSettings, make_settings, short_run

__all__ = ["ARMS", "Arm", "ArmScores", "Length", "run_arm"]

RELAX = 0.1  # weight of the free filters of the relaxed arm


@dataclass(frozen=True)
class Arm:
    """One way to train: method and group of the network, its relaxation, and the augmentation of the patches."""

    name: str
    method: str = "cnn"
    group: str | None = None
    augment: str = "none"
    relax: float | None = None


ARMS = {
    arm.name: arm
    for arm in (
        Arm("plain"),
        Arm("mirrored", augment="hflip"),
        Arm("augmented", augment="flips+turns"),
        Arm("p4", "gcnn", "p4"),
        Arm("relaxed", "gcnn", "p4", relax=RELAX),
        Arm("p8", "fconv", "p8"),
    )
}


@dataclass(frozen=True)
class Length:
    """How long the runs of a pilot are; it is read at half its steps too."""

    steps: int = 240
    batch: int = 4
    patch: int = 32
    lr: float = 1e-3
    warmup: int = 20
    ema: float = 0.98

    @property
    def readings(self) -> tuple[int, int]:
        """The steps after which the network is scored."""
        return self.steps // 2, self.steps


@dataclass(frozen=True)
class ArmScores:
    """PSNR in dB of every held-out image at each reading (readings, images), and the seconds of training."""

    psnr: tuple[tuple[float, ...], ...]
    seconds: float


def run_arm(
    arm: Arm,
    task: Task,
    images: PreparedImages,
    held_out: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    seed: int,
    length: Length,
    device: str = "cpu",
) -> ArmScores:
    """Train one arm on ``images`` and score it on ``held_out``, pairs (input (h, w, 3) float32, clean uint8).

    Weights, patches and noise depend on ``seed``, so arms of one seed differ in nothing but the arm.
    """
    readings, seconds, start = [], 0.0, time.perf_counter()
    for _, network in short_run(_settings(arm, task, length, seed), images, task, length.readings, device):
        seconds += time.perf_counter() - start
        readings.append(tuple(_psnr(network, task, item, device) for item in held_out))
        start = time.perf_counter()
    return ArmScores(tuple(readings), seconds)


def _settings(arm: Arm, task: Task, length: Length, seed: int) -> TrainSettings:
    backbone = "edsr" if task.scale > 1 else "resnet"
    options = {"preset": "tiny", "scale": task.scale, "group": arm.group, "relaxed": arm.relax is not None}
    architecture = architecture_of(build(backbone, arm.method, **options))
    return make_settings(
        task=task.to_dict(),
        architecture=architecture,
        **{"steps": length.steps, "batch": length.batch, "patch": length.patch, "lr": length.lr, "seed": seed},
        **{"schedule": "constant", "warmup": length.warmup, "ema": length.ema},
        **{"augment": arm.augment, "relax": arm.relax},
    )


@torch.no_grad()
def _psnr(network: nn.Module, task: Task, item: tuple[np.ndarray, np.ndarray], device: str) -> float:
    degraded, clean = item
    x = torch.from_numpy(np.ascontiguousarray(degraded.transpose(2, 0, 1)))[None].to(device)
    restored = network(x)[0].clamp(0, 255).cpu().numpy().transpose(1, 2, 0)
    return find_protocol(task.protocol).psnr(restored, clean, task.scale)
