"""A short training run in memory, without a folder, validation or stages: for pilots that compare networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy

import torch
from torch import nn

from symmetry_audit.nets import build
from symmetry_audit.tasks import PatchSampler, PreparedImages, Task
from symmetry_audit.training._average import Average
from symmetry_audit.training._distributed import World
from symmetry_audit.training._settings import TrainSettings
from symmetry_audit.training._stage import Stage

__all__ = ["short_run"]


def _unseen(step: int) -> None:
    """Show nothing."""


def short_run(
    settings: TrainSettings,
    images: PreparedImages,
    task: Task,
    at: Sequence[int],
    device: str = "cpu",
    on_step: Callable[[int], None] = _unseen,
) -> Iterator[tuple[int, nn.Module]]:
    """Train a new network on ``images``; yields (step, network for evaluation) after each step of ``at``, ascending.

    The last of ``at`` ends the run; ``on_step`` is called with the number of steps done. Runs with the same seed and
    sizes see the same patches with the same noise, whatever the network is. The networks that are yielded have the
    averaged weights if the settings ask for that.
    """
    torch.manual_seed(settings.seed)
    network = build(**settings.architecture).to(device)
    world = World(device=device)
    stage = Stage(settings, network, world, torch.amp.GradScaler(enabled=False), second=True)
    average = Average(network, settings.ema)
    sampler = PatchSampler(images, task, settings.patch, settings.seed, settings.augment, blind=settings.blind)
    for step in range(at[-1]):
        stage.gradients(step, settings.rate(step), sampler.batch(step, settings.batch))
        stage.update()
        average.follow(network)
        on_step(step + 1)
        if step + 1 in at:
            yield step + 1, _evaluated(network, average)


def _evaluated(network: nn.Module, average: Average) -> nn.Module:
    """A copy of the network for evaluation, with the averaged weights if there are any."""
    copied = deepcopy(network)
    if average.weights:
        copied.load_state_dict(average.weights)
    return copied.eval()
