"""One training run; if killed and started again, it ends with the same weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from torch import nn

from symmetry_audit.checkpoints import BEST_FILE, Card, Checkpoint, load_checkpoint, write_tensors
from symmetry_audit.errors import Interrupted, ModelError
from symmetry_audit.tasks import PatchSampler
from symmetry_audit.training._average import Average
from symmetry_audit.training._clock import Clock
from symmetry_audit.training._distributed import World
from symmetry_audit.training._log import Log
from symmetry_audit.training._measure import Measure, Validation
from symmetry_audit.training._objective import without_hypernetwork
from symmetry_audit.training._settings import TrainSettings
from symmetry_audit.training._signals import StopSign
from symmetry_audit.training._stage import Stage
from symmetry_audit.training._state import LAST_FILE, RunState, pack

__all__ = ["SAMPLES", "Interrupted", "Loop", "Progress"]

SAMPLES = "samples"  # folder of pictures

Batch = tuple[np.ndarray, np.ndarray]
Progress = Callable[[int, int, Mapping[str, float]], None]  # (step, steps, loss and PSNR so far)


class Loop:
    """The steps of one run in one process of a world; the first process, which has the ``log``, writes all files.

    ``state`` is the end of an earlier part of the run. It is saved at validations and every ``save_every`` steps.
    ``enter_stage2`` is called when the second or only stage begins; ``measure`` says what is maximized; ``validation``
    is called with the network and a prefix for the names of samples.
    """

    def __init__(
        self,
        settings: TrainSettings,
        network: nn.Module,
        sampler: PatchSampler,
        world: World,
        folder: Path,
        *,
        card: Card,
        measure: Measure,
        validation: Callable[[nn.Module, Path], Validation],
        log: Log | None = None,
        state: RunState | None = None,
        save_every: int | None = None,
        enter_stage2: Callable[[], None] = lambda: None,
        progress: Progress = lambda step, steps, values: None,
    ) -> None:
        self.settings, self.network, self.sampler, self.world, self.folder = settings, network, sampler, world, folder
        self.card, self.measure, self.validation, self.log = card, measure, validation, log
        self.save_every, self.enter_stage2, self.progress = save_every, enter_stage2, progress
        self.state = state or RunState()
        self.position = self.state.position
        self.average = Average(network, settings.ema, self.state.average)
        self.clock = Clock(settings.steps, settings.minutes, self.position.step, self.position.seconds)
        self.scaler = torch.amp.GradScaler(world.device.partition(":")[0], enabled=settings.precision == "fp16")
        if self.position.scaler:
            self.scaler.load_state_dict(self.position.scaler)
        self.stop, self.stopping = StopSign(), False  # asked in this process, and known to all processes
        self.saved = self.position.step  # the step of the last state on disk

    def run(self) -> None:
        """Run the remaining steps. Raises ModelError if the loss is not finite, Interrupted when asked to stop."""
        settings = self.settings
        self.begin()
        with ThreadPoolExecutor(1) as reader, self.stop.watched():
            for step, batch in self.batches(reader):
                if self._second_stage_begins():
                    self._enter_stage(begins=True)
                self.step(step, batch)
                done = step + 1 == settings.steps or self.clock.over()
                if done or (step + 1) % settings.validate_every == 0:
                    self._validate_and_save()
                elif (step + 1) % settings.log_every == 0:
                    self._write_row()
                if self.save_every and (step + 1) % self.save_every == 0 and self.saved <= step:
                    self._save()
                if done:
                    return
                # several processes stop when all know of it, one step later
                if self.stopping or (self.world.size == 1 and self.stop.asked):
                    self._save()
                    raise Interrupted(f"stopped after step {step + 1}; the same command continues")

    def begin(self) -> None:
        """Enter the current stage, with the saved state of its optimizer."""
        begins = self._second_stage_begins()
        self._enter_stage(begins)
        if self.state.restore is not None and not begins:  # a new stage begins with a new optimizer
            self.state.restore(self.stage.optimizer)

    def batches(self, reader: ThreadPoolExecutor) -> Iterator[tuple[int, Batch]]:
        """(step, its patches) of all remaining steps, read while the previous step is computed."""

        def read(step: int) -> Batch:
            return self.sampler.batch(step, self.settings.batch, self.world.rank, self.world.size)

        first = self.position.step
        ahead = reader.submit(read, first)
        for step in range(first, self.settings.steps):
            batch = ahead.result()
            if step + 1 < self.settings.steps:
                ahead = reader.submit(read, step + 1)
            yield step, batch

    def step(self, step: int, batch: Batch) -> None:
        """One step: gradients, one message with everything that the processes have to agree on, and new weights."""
        rate = self.settings.rate(step, self.clock.elapsed, self.position.second_from)
        found = self.stage.gradients(step, rate, batch)
        wish = found.new_tensor([float(self.stop.asked), self.clock.seconds() / 60])
        agreed = self.world.mean(torch.cat([found, wish]))
        # a GPU is waited for once, here
        values = torch.cat([agreed, self.stage.gradient_norm().to(agreed)[None]]).tolist()
        loss, error, stop, self.clock.elapsed, norm = values
        self.stopping = stop > 0
        if not math.isfinite(loss):
            self._refuse(step, "loss")
        if not (math.isfinite(norm) or self.stage.may_overflow()):
            self._refuse(step, "gradient")
        self.stage.update()
        self.average.follow(self.network)
        self.position.step = step + 1
        if self.log is not None:
            self.log.note(loss, error, norm)
        seen = {"loss": loss, self.measure.name: self.measure.of(error), "eta": self.clock.left(step + 1)}
        self.progress(step + 1, self.settings.steps, seen)

    def _second_stage_begins(self) -> bool:
        """Whether the second stage begins with the next step, which the position then records.

        A run without a first stage begins with the second.
        """
        if self.position.second_from is not None:
            return False
        due = self.settings.second_stage_due(self.position.step, self.clock.elapsed)
        if due:
            self.position.second_from = self.position.step
        return due

    def _enter_stage(self, begins: bool) -> None:
        """Set up the stage of the position, which ``begins`` or continues."""
        if begins:
            self.enter_stage2()
            self.average.restart(self.network, "hypernetwork.")
        second = self.position.second_from is not None
        self.stage = Stage(self.settings, self.network, self.world, self.scaler, second)

    def _refuse(self, step: int, what: str) -> NoReturn:
        """Stop with ModelError. The last saved state, which is finite, is kept."""
        saved = f"{LAST_FILE} holds step {self.saved}" if self.saved else "no earlier state was saved"
        hint = "start over with a smaller --lr, or with --clip and --warmup"
        raise ModelError(f"the {what} of step {step + 1} is NaN or infinite; {saved}; {hint}")

    def mend(self) -> None:
        """Write the best state if a kill came between the last state and its best."""
        path, best = self.folder / BEST_FILE, self.position.best_step

        def lost() -> bool:
            return best == self.position.step and not (path.is_file() and load_checkpoint(path).card.step == best)

        if best is not None and self.world.from_first(lost):
            network, found = self._validated()
            self._save_best(network, found)

    def _validate_and_save(self) -> None:
        network, found = self._validated()
        self._write_row(found)
        # in the first stage it is an SA network whose hypernetwork returns 0, so both stages compare
        score = found.scores[self.measure.name]
        better = self.position.best is None or score > self.position.best
        if better:
            self.position.best, self.position.best_step = score, self.position.step
        self._save()
        if better:  # after the state, from which it is found again
            self._save_best(network, found)

    def _validated(self) -> tuple[nn.Module, Validation]:
        """The network whose weights count, and its scores."""
        network = deepcopy(self.network).float()
        if self.average.weights:
            network.load_state_dict(self.average.weights)
        samples = self.folder / SAMPLES / f"step_{self.position.step:07d}"
        second = self.position.second_from is not None
        try:
            return network, self.validation(network if second else without_hypernetwork(network), samples)
        except ModelError:  # finite weights, but so large that the images are not finite
            self._refuse(self.position.step - 1, "output")

    def _save_best(self, network: nn.Module, found: Validation) -> None:
        if self.world.first:
            Checkpoint(self._card(found), network.state_dict()).save(self.folder / BEST_FILE)

    def _card(self, found: Validation | None = None) -> Card:
        scores, w = (None, None) if found is None else (found.to_dict(), found.w)
        return self.card.model_copy(update={"step": self.position.step, "validation": scores, "w": w})

    def _save(self) -> None:
        """Write the whole state."""
        self.saved = self.position.step
        if self.log is None:
            return
        self.log.mark(self.position)
        self.position.seconds = self.clock.seconds()
        self.position.scaler = self.scaler.state_dict() if self.scaler.is_enabled() else None
        tensors = pack(self.network, self.stage.optimizer, self.average.weights, vars(self.position))
        write_tensors(self.folder / LAST_FILE, tensors, self._card())

    def _write_row(self, found: Validation | None = None) -> None:
        if self.log is None:
            return
        scores = {} if found is None else {self.measure.scores[name]: value for name, value in found.scores.items()}
        where = {"step": self.position.step, "stage": self.stage.number}
        self.log.add(**where, seconds=self.clock.seconds(), lr=self.stage.rate, **scores)
        if found is not None:
            self.progress(self.position.step, self.settings.steps, {"valid": found.scores[self.measure.name]})
