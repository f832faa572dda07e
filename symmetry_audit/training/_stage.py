"""One stage of a run: the trained parameters, the objective, and the two halves of a step."""

from __future__ import annotations

import math
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from symmetry_audit.layers import SampleAdaptive, kept_elements
from symmetry_audit.training._blind import blind_loss
from symmetry_audit.training._distributed import World, synchronize
from symmetry_audit.training._eq_reg import EquivarianceRegularizer
from symmetry_audit.training._objective import Objective
from symmetry_audit.training._settings import TrainSettings

__all__ = ["Stage"]

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Stage:
    """The objective around ``network``, wrapped for ``world``, and a new optimizer of what is trained.

    A hypernetwork runs in the ``second`` or the only stage, but not in the first of two. ``scaler`` belongs to the
    whole run.
    """

    def __init__(
        self, settings: TrainSettings, network: nn.Module, world: World, scaler: torch.amp.GradScaler, second: bool
    ) -> None:
        self.settings, self.world, self.scaler, self.second = settings, world, scaler, second
        if isinstance(network, SampleAdaptive) and settings.tl_steps:
            network.hypernetwork.requires_grad_(second)
        self.described = _objective(settings, network)  # wrapped below; its element changes from step to step
        self.described.adaptive = second
        self.draws = bool(kept_elements(network))
        self.objective = self._wrapped(network).train()
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(trained, settings.lr, fused=True)

    @property
    def number(self) -> int:
        """1 or 2; always 1 in a run with one stage."""
        return 2 if self.second and self.settings.tl_steps else 1

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return self.optimizer.param_groups[0]["lr"]

    def gradients(self, step: int, rate: float, batch: tuple[np.ndarray, np.ndarray]) -> Tensor:
        """Gradients of ``batch``, in ``accumulate`` parts; returns its loss and mean squared error, (2,) float64."""
        settings, world = self.settings, self.world
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if settings.eq_reg is not None:
            self.described.element = settings.eq_element(step)
        if self.draws:
            torch.manual_seed(settings.draw_seed(step, world.rank))
        dtype = torch.float64 if settings.precision == "fp64" else torch.float32
        x, target = (torch.from_numpy(part).to(world.device, non_blocking=True) for part in batch)
        x, target = x.to(dtype), target.to(dtype) if target.is_floating_point() else target
        self.optimizer.zero_grad(set_to_none=True)
        parts = list(zip(x.chunk(settings.accumulate), target.chunk(settings.accumulate), strict=True))
        found = torch.zeros(2, dtype=torch.float64, device=world.device)
        whole = self.objective
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            with nullcontext() if last or not isinstance(whole, DistributedDataParallel) else whole.no_sync():
                with self._autocast():
                    loss, squared_error = self.objective(*part)
                self.scaler.scale(loss / len(parts)).backward()
            found += torch.stack([loss.detach().double(), squared_error]) / len(parts)
        return found

    def gradient_norm(self) -> Tensor:
        """The norm of the gradient over all trained parameters, (); a larger gradient is scaled down to ``clip``."""
        self.scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        return nn.utils.clip_grad_norm_(parameters, self.settings.clip or math.inf)

    def may_overflow(self) -> bool:
        """With fp16, a step whose gradient overflows is skipped and the scale is halved, down to 1."""
        return self.scaler.is_enabled() and self.scaler.get_scale() > 1

    def update(self) -> None:
        """Update the weights."""
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def _wrapped(self, network: nn.Module) -> nn.Module:
        objective: Any = torch.compile(self.described) if self.settings.compile else self.described
        if self.world.size == 1:
            return objective
        synchronize(network)
        ids = [torch.device(self.world.device).index] if self.world.device != "cpu" else None
        return DistributedDataParallel(objective, device_ids=ids)

    def _autocast(self) -> Any:
        dtype = HALF.get(self.settings.precision)
        return nullcontext() if dtype is None else torch.autocast(self.world.device.partition(":")[0], dtype)


def _objective(settings: TrainSettings, network: nn.Module) -> Objective:
    towards = None
    if settings.eq_reg is not None:
        assert settings.eq_group is not None
        towards = partial(EquivarianceRegularizer, group=settings.eq_group, layers=settings.compared_layers)
    weights = {"eq_reg": settings.eq_reg or 0.0, "eq_output": settings.eq_output, "relax": settings.relax or 0.0}
    loss = settings.loss if settings.self_supervised is None else blind_loss(settings)
    return Objective(network, loss, regularize=towards, paired=settings.eq_paired, **weights)
