"""One training run; killed and started again it ends with the same weights."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from symmetry_audit.checkpoints import BEST_FILE, Card, Checkpoint, write_tensors
from symmetry_audit.errors import Interrupted, ModelError
from symmetry_audit.layers import SampleAdaptive
from symmetry_audit.tasks import PatchSampler
from symmetry_audit.training._distributed import World, synchronise
from symmetry_audit.training._equivariance import EquivarianceRegularizer
from symmetry_audit.training._log import Log
from symmetry_audit.training._objective import Objective, without_hypernetwork
from symmetry_audit.training._settings import TrainSettings
from symmetry_audit.training._state import pack
from symmetry_audit.training._validate import Validation

__all__ = ["LAST_FILE", "SAMPLES", "Interrupted", "Loop", "Progress"]

LAST_FILE = "last.safetensors"
SAMPLES = "samples"  # folder of pictures
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

Progress = Callable[[int, int, Mapping[str, float]], None]  # (step, steps, loss and PSNR so far)


@dataclass
class Position:
    """How far a run is: what its state holds beside tensors."""

    step: int = 0
    second_from: int | None = None  # the step at which the second stage began
    seconds: float = 0.0
    best: float | None = None  # PSNR in dB of the best state so far
    scaler: dict[str, Any] | None = None


class Loop:
    """The steps of one run in one process of a world; the first process validates, saves and logs."""

    def __init__(
        self,
        settings: TrainSettings,
        network: nn.Module,
        sampler: PatchSampler,
        world: World,
        *,
        card: Card,
        validation: Callable[[nn.Module, Path], Validation],
        folder: Path,
        log: Log | None = None,
        enter_stage2: Callable[[], None] = lambda: None,
        progress: Progress = lambda step, steps, values: None,
    ) -> None:
        self.settings, self.network, self.sampler, self.world = settings, network, sampler, world
        self.card, self.validation, self.folder, self.log = card, validation, folder, log
        self.enter_stage2, self.progress = enter_stage2, progress
        self.position, self.average = Position(), {}
        if settings.ema is not None:
            self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.scaler = torch.amp.GradScaler(world.device.partition(":")[0], enabled=settings.precision == "fp16")
        self.second = self.signalled = self.stopping = False
        self.begin, self.clock, self.started = time.monotonic(), 0.0, 0  # of this part of the run
        self.elapsed = 0.0  # minutes into the run, the same number in all processes
        self.saved = 0  # the step of the last state on disk
        self.since: list[tuple[float, float, float]] = []  # loss, squared error, gradient norm since the last row

    def run(self, restore: Callable[[torch.optim.Adam], None] | None = None) -> None:
        """Take all steps that are left. Raises ModelError where the loss is no number, Interrupted where asked to."""
        settings, start = self.settings, self.position.step
        self.started = self.saved = start
        if self.position.scaler:
            self.scaler.load_state_dict(self.position.scaler)
        self.begin, self.clock = time.monotonic(), self.position.seconds
        self.elapsed = self.clock / 60
        begins = self._second_stage_begins()
        self._set_stage(begins)
        if restore is not None and not begins:  # a new stage begins with a new optimizer
            restore(self.optimizer)
        with ThreadPoolExecutor(1) as reader, self._stoppable():
            for step, batch in self._batches(reader, start):
                if step != start and self._second_stage_begins():
                    self._set_stage(begins=True)
                self._step(step, batch)
                self.position.step = step + 1
                done = step + 1 == settings.steps or self._out_of_time()
                if done or (step + 1) % settings.validate_every == 0:
                    self._validate_and_save()
                elif (step + 1) % settings.log_every == 0:
                    self._write_row()
                # several processes stop where all know of it, which is one step later
                if (self.stopping or (self.world.size == 1 and self.signalled)) and not done:
                    self._save()
                    raise Interrupted(f"stopped after step {step + 1}; the same command continues")
                if done:
                    return

    def _batches(self, reader: ThreadPoolExecutor, start: int) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
        """(step, its patches), read while the step before is computed."""

        def read(step: int) -> tuple[np.ndarray, np.ndarray]:
            return self.sampler.batch(step, self.settings.batch, self.world.rank, self.world.size)

        ahead = reader.submit(read, start)
        for step in range(start, self.settings.steps):
            batch = ahead.result()
            if step + 1 < self.settings.steps:
                ahead = reader.submit(read, step + 1)
            yield step, batch

    def _second_stage_begins(self) -> bool:
        """Whether it does with the next step; then the position says so. A run without a first one begins with it."""
        if self.position.second_from is not None:
            return False
        due = self.settings.second_stage_due(self.position.step, self.elapsed)
        if due:
            self.position.second_from = self.position.step
        return due

    def _set_stage(self, begins: bool) -> None:
        """The network, optimizer and wrapping for the stage that the position is in, which ``begins`` or goes on."""
        settings = self.settings
        self.second = second = self.position.second_from is not None
        adaptive = isinstance(self.network, SampleAdaptive)
        if adaptive and settings.tl_steps:
            self.network.hypernetwork.requires_grad_(second)
        if begins:
            self.enter_stage2()
            own = self.network.state_dict()
            self.average |= {name: own[name].detach().clone() for name in self.average if "hypernetwork." in name}
        objective = self._objective()
        objective.adaptive = second
        self.described = objective  # what is wrapped below, whose element changes from step to step
        if settings.compile:
            objective = torch.compile(objective)
        if self.world.size > 1:
            synchronise(self.network)
            ids = [torch.device(self.world.device).index] if self.world.device != "cpu" else None
            objective = DistributedDataParallel(objective, device_ids=ids)
        self.objective = objective.train()
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(trained, settings.lr, fused=True)

    def _objective(self) -> Objective:
        settings = self.settings
        towards = None
        if settings.eq_reg is not None:
            towards = partial(EquivarianceRegularizer, group=settings.eq_group, layers=settings.eq_layers)
        weights = {"eq_reg": settings.eq_reg or 0.0, "relax": settings.relax or 0.0}
        return Objective(self.network, settings.loss, regularize=towards, **weights)

    def _step(self, step: int, batch: tuple[np.ndarray, np.ndarray]) -> None:
        settings, world = self.settings, self.world
        for group in self.optimizer.param_groups:
            group["lr"] = settings.rate(step, self.elapsed, self.position.second_from)
        if settings.eq_reg is not None:
            self.described.element = settings.eq_element(step)
        dtype = torch.float64 if settings.precision == "fp64" else torch.float32
        x, clean = (torch.from_numpy(part).to(world.device, dtype, non_blocking=True) for part in batch)
        self.optimizer.zero_grad(set_to_none=True)
        parts = list(zip(x.chunk(settings.accumulate), clean.chunk(settings.accumulate), strict=True))
        totals = torch.zeros(4, dtype=torch.float64, device=world.device)
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            with nullcontext() if last or world.size == 1 else self.objective.no_sync():
                with self._autocast():
                    loss, squared_error = self.objective(*part)
                self.scaler.scale(loss / len(parts)).backward()
            totals[:2] += torch.stack([loss.detach().double(), squared_error]) / len(parts)
        totals[2:] = torch.tensor([float(self.signalled), self.seconds() / 60])
        # one message for all that the processes have to agree on
        loss, squared_error, stop, self.elapsed = world.mean(totals).tolist()
        self.stopping = stop > 0
        norm = self._update(step, loss)
        if world.first:
            self.since.append((loss, squared_error, norm))
        self.progress(
            step + 1, settings.steps, {"loss": loss, "psnr": _psnr(squared_error), "eta": self._left(step + 1)}
        )

    def _update(self, step: int, loss: float) -> float:
        """Change the weights, unless loss or gradient are no numbers; returns the gradient's norm."""
        self.scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = float(nn.utils.clip_grad_norm_(parameters, self.settings.clip or math.inf))
        # fp16 skips steps whose gradient overflows and halves its scale, which helps down to a scale of one
        overflow = self.scaler.is_enabled() and self.scaler.get_scale() > 1
        if not math.isfinite(loss) or not (math.isfinite(norm) or overflow):
            self._refuse(step, "loss" if not math.isfinite(loss) else "gradient")
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average:
            self._follow()
        return norm

    def _refuse(self, step: int, what: str) -> None:
        """Stop; the last saved state, which is a good one, stays. Raises ModelError."""
        saved = f"{LAST_FILE} holds step {self.saved}" if self.saved else "nothing was saved before it"
        hint = "start over with a smaller --lr, or with --clip and --warmup"
        raise ModelError(f"the {what} of step {step + 1} is no finite number; {saved}; {hint}")

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the averaged weights follow."""
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - self.settings.ema)
            else:
                self.average[name].copy_(value)

    def _validate_and_save(self) -> None:
        world = self.world
        if world.first:
            network = deepcopy(self.network).float()
            if self.average:
                network.load_state_dict(self.average)
            samples = self.folder / SAMPLES / f"step_{self.position.step:07d}"
            try:
                found = self.validation(network if self.second else without_hypernetwork(network), samples)
            except ModelError:  # weights that are finite, but so large that the images are not
                self._refuse(self.position.step - 1, "output")
            self._write_row(found)
            # a network of the first stage is an SA network whose hypernetwork says 0: the two compare
            if self.position.best is None or found.psnr > self.position.best:
                self.position.best = found.psnr
                Checkpoint(self._card(found), network.state_dict()).save(self.folder / BEST_FILE)
            self._save()
        world.wait()

    def _card(self, found: Validation | None = None) -> Card:
        scores = None if found is None else dict(vars(found))
        w = scores.pop("w") if scores else None
        return self.card.model_copy(update={"step": self.position.step, "validation": scores, "w": w})

    def _save(self) -> None:
        """Write the whole state."""
        if not self.world.first:
            return
        self.position.seconds = self.seconds()
        self.position.scaler = self.scaler.state_dict() if self.scaler.is_enabled() else None
        tensors = pack(self.network, self.optimizer, self.average, vars(self.position))
        write_tensors(self.folder / LAST_FILE, tensors, self._card())
        self.saved = self.position.step

    def _write_row(self, found: Validation | None = None) -> None:
        if self.log is None:
            return
        loss, squared_error, norm = np.mean(self.since, axis=0).tolist()
        self.since.clear()
        row = {"step": self.position.step, "stage": 2 if self.second and self.settings.tl_steps else 1}
        row |= {"seconds": self.seconds(), "lr": self.optimizer.param_groups[0]["lr"], "loss": loss}
        row |= {"train_psnr": _psnr(squared_error), "gradient_norm": norm}
        if found is not None:
            row |= {"valid_psnr": found.psnr, "valid_ssim": found.ssim, "input_psnr": found.input_psnr}
            self.progress(self.position.step, self.settings.steps, {"valid": found.psnr})
        self.log.add(**row)

    def seconds(self) -> float:
        """How long the run has taken, earlier parts of it included."""
        return self.clock + time.monotonic() - self.begin

    def _out_of_time(self) -> bool:
        return self.settings.minutes is not None and self.elapsed >= self.settings.minutes

    def _left(self, step: int) -> float:
        """Seconds until the end, at the pace of this process so far."""
        pace = (time.monotonic() - self.begin) / (step - self.started)
        left = pace * (self.settings.steps - step)
        return left if self.settings.minutes is None else min(left, 60 * (self.settings.minutes - self.elapsed))

    def _autocast(self) -> Any:
        dtype = DTYPES.get(self.settings.precision)
        if dtype is None:
            return nullcontext()
        return torch.autocast(self.world.device.partition(":")[0], dtype)

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the step in work and save."""

        def ask(number: int, frame: Any) -> None:
            self.signalled = True

        try:
            before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _psnr(squared_error: float) -> float:
    return 10 * math.log10(255**2 / max(squared_error, 1e-10))
