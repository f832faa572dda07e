"""Everything that determines the numbers of a training run, as one frozen, printable value."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, pi
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from symmetry_audit.catalogue import BACKBONES, METHODS
from symmetry_audit.groups import Group
from symmetry_audit.options import RECIPES, ScheduleOptions
from symmetry_audit.options import recipe as defaults_of

__all__ = ["OUTPUT", "RECIPES", "TrainSettings", "make_settings"]

OUTPUT = "output"  # the name of a network's own output among the layers that EQ-Reg compares
EQ_STREAM, DRAW_STREAM = 0xE0, 0xE1  # separate these random numbers from those of patches and noise


class TrainSettings(ScheduleOptions):
    """The settings of one run; two runs with the same settings, data and number of processes are the same run."""

    document: ClassVar[str] = "the training run"

    task: dict[str, Any]  # Task.to_dict()
    architecture: dict[str, Any]  # of nets.build
    start: tuple[float, float] | None = None  # (a, b), where the w that all layers share starts; at 0 by default
    eq_group: str | None = None  # the group that EQ-Reg teaches, with the weight eq_reg
    audit: dict[str, Any] | None = None  # what was taken from a report; a note, from which nothing is computed

    @model_validator(mode="after")
    def _together(self) -> TrainSettings:
        if self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} cannot be cut into {self.accumulate} equal parts")
        if self.tl_steps >= self.steps:
            raise ValueError(f"tl_steps must leave steps for the second stage, got {self.tl_steps} of {self.steps}")
        if self.tl_steps and not self.adaptive:
            raise ValueError("only SA has a first stage without its hypernetwork; remove --tl-steps")
        if self.hyper_init == "audit" and not self.adaptive:
            raise ValueError("only SA has a hypernetwork that can be fitted to an audit; remove --hyper-init")
        if not all(0 < part < 1 for part in (*self.milestones, *self.stage2_milestones)):
            raise ValueError("milestones are fractions of a stage, between 0 and 1")
        if (self.eq_reg is None) != (self.eq_group is None) or (self.eq_layers is not None and self.eq_reg is None):
            raise ValueError("EQ-Reg needs a weight, --eq-reg, and a group, --group; give both or neither")
        if self.eq_reg is None and (self.eq_paired or self.eq_output is not None):
            raise ValueError("--eq-paired and --eq-output belong to --eq-reg; add it, with weight 0 for no penalty")
        if self.eq_reg == 0 and not (self.eq_paired or self.eq_output):
            raise ValueError("--eq-reg 0 changes nothing; add --eq-paired to train on rotated pairs, or give a weight")
        if self.eq_reg is not None and self.compile:
            raise ValueError(
                "EQ-Reg reads features inside the network, which --compile hides; use --eq-reg or --compile, not both"
            )
        if (self.relax is None) == bool(self.architecture.get("relaxed")):
            raise ValueError("--relax and relaxed layers belong together; set both or neither")
        if self.blind and (self.compile or self.precision in ("bf16", "fp16")):
            raise ValueError(
                "--self-supervised compares outputs that differ by little and draws anew within a step; use it with "
                "--precision fp32 or fp64 and without --compile"
            )
        if self.blind and self.eq_paired:
            raise ValueError("--eq-paired turns clean images, which --self-supervised has none of; remove one of them")
        if self.loss != "cross-entropy" and self._classifies:
            raise ValueError(f'a classifier is trained with the loss "cross-entropy", not "{self.loss}"')
        if self.loss == "cross-entropy" and not self._classifies:
            raise ValueError('the loss "cross-entropy" is for classify only; use l1 or mse')
        if (owners := _unrolled(self.loss)) and self.architecture.get("backbone") not in owners:
            raise ValueError(f'the loss "{self.loss}" is for {" or ".join(owners)} only; use l1 or mse')
        return self

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> TrainSettings:
        """Settings from ``model_dump``, perhaps of an older version: missing fields take their defaults.

        Raises SettingError if fields are unknown, or if it is not such a document.
        """
        found = super().from_dict(document)
        if "start" in document:
            return found
        return found.model_copy(update={"start": found._start_of_old_settings()})

    def _start_of_old_settings(self) -> tuple[float, float] | None:
        """Before the field ``start`` existed, ``audit`` held the initial value of a shared w."""
        w = (self.audit or {}).get("w")
        return tuple(w) if w and self.deformed and self.architecture.get("preset") != "paper" else None

    @property
    def _classifies(self) -> bool:
        """Whether the network gives logits."""
        backbone = BACKBONES.get(self.architecture.get("backbone", ""))
        return backbone is not None and backbone.classifies

    @property
    def deformed(self) -> bool:
        """Whether the network's filters have a trained w."""
        method = METHODS.get(self.architecture.get("method", ""))
        return method is not None and method.deformed

    @property
    def adaptive(self) -> bool:
        """Whether the network has a hypernetwork."""
        method = METHODS.get(self.architecture.get("method", ""))
        return method is not None and method.adaptive

    @property
    def blind(self) -> bool:
        """Whether no clean image is used in training."""
        return self.self_supervised is not None

    def eq_element(self, step: int) -> int:
        """The element of ``eq_group`` by which EQ-Reg rotates the batch of ``step``, never the identity."""
        assert self.eq_group is not None
        rng = np.random.default_rng([self.seed, step, EQ_STREAM])
        return int(rng.integers(1, Group.parse(self.eq_group).order))

    def draw_seed(self, step: int, rank: int) -> int:
        """The seed of what the network itself draws in ``step`` in the process ``rank``."""
        return int(np.random.default_rng([self.seed, step, rank, DRAW_STREAM]).integers(2**63))

    @property
    def compared_layers(self) -> int | tuple[str, ...] | None:
        """The layers that EQ-Reg compares: of weight 0 none, but the output may have a weight of its own."""
        if self.eq_reg:
            return self.eq_layers
        return (OUTPUT,) if self.eq_output else ()

    @property
    def part(self) -> int:
        """Number of patches that run through the network at a time, all processes together."""
        return self.batch // self.accumulate

    def second_stage_due(self, step: int, elapsed: float = 0.0) -> bool:
        """Whether the hypernetwork runs from ``step`` on, ``elapsed`` minutes into the run."""
        timed = self.minutes is not None and elapsed >= self.minutes * self.tl_steps / self.steps
        return step >= self.tl_steps or timed

    def rate(self, step: int, elapsed: float = 0.0, second_from: int | None = None) -> float:
        """The learning rate of ``step``, counted from 0, ``elapsed`` minutes into the run.

        ``second_from`` is the step at which the second of two stages began, None before it.
        """
        second = bool(self.tl_steps) and second_from is not None
        begin, end = (second_from or 0, self.steps) if second else (0, self.tl_steps or self.steps)
        done = (step - begin) / (end - begin)
        if self.minutes is not None:
            share = self.tl_steps / self.steps
            timed = elapsed / self.minutes
            timed = (timed - share) / (1 - share) if second else timed / (share or 1)
            done = min(max(done, timed, 0.0), 1.0)
        base = self.lr * (self.stage2_lr if second else 1.0)
        if step - begin < self.warmup:
            base *= (step - begin + 1) / self.warmup
        if self.schedule == "constant":
            return base
        if self.schedule == "multistep":
            milestones = self.stage2_milestones if second else self.milestones
            return base * self.gamma ** sum(done >= part for part in milestones)
        return base * (0.01 + 0.99 * (1 + cos(pi * done)) / 2)  # never 0, so that no step is without effect


def make_settings(recipe: str = "quick", **given: Any) -> TrainSettings:
    """The settings of ``recipe``, replaced by those of ``given`` that are not None.

    Raises SettingError, which names the first wrong setting.
    """
    given = {key: value for key, value in given.items() if value is not None}
    return TrainSettings(**{**defaults_of(recipe), **given, "recipe": recipe})


def _unrolled(loss: str) -> list[str]:
    """The networks with unrolled stages that alone can have ``loss``; none for a loss of any network."""
    return [name for name, backbone in BACKBONES.items() if backbone.loss == loss]
