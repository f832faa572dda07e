"""The arms of a network pilot, and one run of one arm: tiny networks that see the same patches (SPEC 8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from symmetry_audit.catalogue import ARMS, Arm
from symmetry_audit.errors import ImageError, ModelError
from symmetry_audit.metrics import find_protocol
from symmetry_audit.nets import architecture_of, build, size_of
from symmetry_audit.tasks import PreparedImages, Task
from symmetry_audit.training import TrainSettings, make_settings, short_run

__all__ = ["ARMS", "PRESET", "Arm", "ArmScores", "Length", "run_arm", "step_seconds", "width_for"]

PRESET = "tiny"


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
    """PSNR in dB of every held-out image at each reading (readings, images), and the seconds of training.

    ``averaged`` is the PSNR at the last reading of the network's mean over the quarter turns of its input.
    """

    psnr: tuple[tuple[float, ...], ...]
    seconds: float
    averaged: tuple[float, ...] | None = None


def run_arm(
    arm: Arm,
    task: Task,
    images: PreparedImages,
    held_out: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    seed: int,
    length: Length,
    device: str = "cpu",
    average: bool = False,
    on_step: Callable[[int], None] = lambda done: None,
) -> ArmScores:
    """Train one arm on ``images`` and score it on ``held_out``, pairs (input (h, w, 3) float32, clean uint8).

    Weights, patches and noise depend on ``seed``, so arms of one seed differ in nothing but the arm. ``average`` asks
    for the scores of the averaged network too; ``on_step`` is called with the number of steps done. Raises ModelError
    if the training diverges.
    """
    readings, averaged, seconds, start = [], None, 0.0, time.perf_counter()
    run = short_run(_settings(arm, task, length, seed), images, task, length.readings, device, on_step)
    for step, network in run:
        seconds += time.perf_counter() - start
        try:
            readings.append(_scores(network, task, held_out, device))
        except ImageError:  # not finite
            raise ModelError(f"the training of {arm.name} diverged with seed {seed}; give another --seed") from None
        if average and step == length.steps:
            averaged = _scores(Averaged(network), task, held_out, device)
        start = time.perf_counter()
    return ArmScores(tuple(readings), seconds, averaged)


def step_seconds(
    arm: Arm, task: Task, images: PreparedImages, length: Length, device: str = "cpu", steps: int = 8
) -> float:
    """Seconds of one step of ``arm``: the median of some, without the first."""
    times: list[float] = []
    settings = _settings(arm, task, replace(length, steps=steps), 0)
    for _ in short_run(settings, images, task, (steps,), device, lambda done: times.append(time.perf_counter())):
        pass
    return float(np.median(np.diff(times)))


def width_for(task: Task) -> int:
    """The width of the networks in channels."""
    return size_of(_backbone(task), PRESET).channels


class Averaged(nn.Module):
    """The mean of a network's outputs over the four quarter turns of its input, each turned back: exactly equivariant
    under quarter turns, without any training (Lemma 4.1 of [SA])."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The mean for images (n, c, h, w)."""
        turned = [self.network(torch.rot90(x, turns, (2, 3))).rot90(-turns, (2, 3)) for turns in range(4)]
        return torch.stack(turned).mean(0)


def _backbone(task: Task) -> str:
    return "edsr" if task.scale > 1 else "resnet"


def _settings(arm: Arm, task: Task, length: Length, seed: int) -> TrainSettings:
    options = {"preset": PRESET, "scale": task.scale, "group": arm.group, "relaxed": arm.relax is not None}
    architecture = architecture_of(build(_backbone(task), arm.method, **options))
    return make_settings(
        task=task.to_dict(),
        architecture=architecture,
        **{"steps": length.steps, "batch": length.batch, "patch": length.patch, "lr": length.lr, "seed": seed},
        **{"schedule": "constant", "warmup": length.warmup, "ema": length.ema},
        **{"augment": arm.augment, "relax": arm.relax},
    )


def _scores(
    network: nn.Module, task: Task, held_out: Sequence[tuple[np.ndarray, np.ndarray]], device: str
) -> tuple[float, ...]:
    return tuple(_psnr(network, task, item, device) for item in held_out)


@torch.no_grad()
def _psnr(network: nn.Module, task: Task, item: tuple[np.ndarray, np.ndarray], device: str) -> float:
    degraded, clean = item
    x = torch.from_numpy(np.ascontiguousarray(degraded.transpose(2, 0, 1)))[None].to(device)
    restored = network(x)[0].clamp(0, 255).cpu().numpy().transpose(1, 2, 0)
    return find_protocol(task.protocol).psnr(restored, clean, task.scale)
