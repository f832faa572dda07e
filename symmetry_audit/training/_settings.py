"""Everything that decides what a training run computes, as one frozen, printable value."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, pi
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from symmetry_audit.catalogue import BACKBONES, METHODS
from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.groups import Group

__all__ = ["RECIPES", "TrainSettings", "make_settings"]

EQ_STREAM = 0xE0  # tells these random numbers from those of patches and noise


class TrainSettings(BaseModel):
    """The settings of one run; two runs with the same settings, data and number of processes are the same run."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task: dict[str, Any]  # Task.to_dict()
    architecture: dict[str, Any]  # of nets.build
    start: tuple[float, float] | None = None  # (a, b), where the w that all layers share starts; at 0 by default
    # how long: steps of all stages together; minutes stop earlier and speed the schedule up, at the price that
    # two such runs are no longer equal bit for bit
    steps: int = Field(20_000, ge=1)
    minutes: float | None = Field(None, gt=0)
    tl_steps: int = Field(0, ge=0)  # of them the first, in which SA runs without its hypernetwork (TL)
    batch: int = Field(16, ge=1)  # patches over all processes
    accumulate: int = Field(1, ge=1)  # parts into which a batch is cut
    patch: int = Field(48, ge=8)  # side of an input patch in pixels
    augment: Literal["flips+turns", "flips", "hflip", "none"] = "flips+turns"
    loss: Literal["l1", "mse", "stages"] = "l1"  # "stages": of RCDNet, over everything that it unrolls
    lr: float = Field(1e-3, gt=0)
    stage2_lr: float = Field(0.5, gt=0)  # beside lr, once the hypernetwork runs after tl_steps
    schedule: Literal["constant", "cosine", "multistep"] = "cosine"
    milestones: tuple[float, ...] = ()  # of "multistep", as parts of the first (or only) stage
    stage2_milestones: tuple[float, ...] = ()
    gamma: float = Field(0.5, gt=0, le=1)
    warmup: int = Field(0, ge=0)  # steps
    clip: float | None = Field(None, gt=0)  # largest norm of the gradient
    ema: float | None = Field(None, gt=0, lt=1)  # decay of the averaged weights that are validated and kept
    precision: Literal["fp64", "fp32", "bf16", "fp16"] = "fp32"
    compile: bool = False
    seed: int = Field(0, ge=0)
    validate_every: int = Field(500, ge=1)  # steps; the state is saved as often
    log_every: int = Field(50, ge=1)
    hyper_init: Literal["zero", "audit"] = "zero"
    eq_reg: float | None = Field(None, gt=0)  # weight of EQ-Reg towards eq_group
    eq_group: str | None = None
    eq_layers: int | tuple[str, ...] | None = None  # as EquivarianceRegularizer has them
    relax: float | None = Field(None, ge=0)  # weight of the squares of what relaxed layers add to their filters
    recipe: str = "quick"
    audit: dict[str, Any] | None = None  # what was taken from a report, for the record; nothing is computed from it

    @model_validator(mode="after")
    def _together(self) -> TrainSettings:
        if self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} cannot be cut into {self.accumulate} equal parts")
        if self.tl_steps >= self.steps:
            raise ValueError(f"tl_steps must leave steps for the second stage, got {self.tl_steps} of {self.steps}")
        if self.tl_steps and not self.adaptive:
            raise ValueError("only SA has a first stage without its hypernetwork; leave out tl_steps")
        if self.hyper_init == "audit" and not self.adaptive:
            raise ValueError("only SA has a hypernetwork to be fitted to an audit; leave out hyper_init")
        if not all(0 < part < 1 for part in (*self.milestones, *self.stage2_milestones)):
            raise ValueError("milestones are parts of a stage, between 0 and 1")
        if (self.eq_reg is None) != (self.eq_group is None) or (self.eq_layers is not None and self.eq_reg is None):
            raise ValueError("EQ-Reg needs a weight, eq_reg, and a group, eq_group")
        if self.eq_reg is not None and self.compile:
            raise ValueError("EQ-Reg looks into the network, which compile closes; leave one of them out")
        if (self.relax is None) == bool(self.architecture.get("relaxed")):
            raise ValueError("relax is for networks with relaxed layers, and these need it")
        if self.loss == "stages" and self.architecture.get("backbone") not in _unfolding():
            raise ValueError(f'the loss "stages" is that of {" or ".join(_unfolding())}; use l1 or mse')
        return self

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> TrainSettings:
        """The settings of ``model_dump``, perhaps written by an older version: missing fields have their defaults.

        Raises SettingError where fields are unknown, and where it is no such document.
        """
        if not isinstance(document, Mapping):
            raise SettingError(f"settings of a run are a mapping, got {document!r:.80}")
        if unknown := sorted(document.keys() - cls.model_fields.keys()):
            raise SettingError(f"the settings have {', '.join(unknown)}: written by a newer symaudit; update symaudit")
        try:
            found = cls.model_validate(document)
        except ValidationError as error:
            raise SettingError(_first(error)) from None
        if "start" in document:
            return found
        return found.model_copy(update={"start": found._start_of_old_settings()})

    def _start_of_old_settings(self) -> tuple[float, float] | None:
        """Before there was ``start``, a w that all layers share started where ``audit`` says."""
        w = (self.audit or {}).get("w")
        return tuple(w) if w and self.deformed and self.architecture.get("preset") != "paper" else None

    @property
    def deformed(self) -> bool:
        """Whether the network's filters have a w that is trained."""
        method = METHODS.get(self.architecture.get("method", ""))
        return method is not None and method.deformed

    @property
    def adaptive(self) -> bool:
        """Whether the network has a hypernetwork."""
        method = METHODS.get(self.architecture.get("method", ""))
        return method is not None and method.adaptive

    def eq_element(self, step: int) -> int:
        """The element of ``eq_group`` that EQ-Reg turns the batch of ``step`` by, drawn from all but the identity."""
        rng = np.random.default_rng([self.seed, step, EQ_STREAM])
        return int(rng.integers(1, Group.parse(self.eq_group).order))

    @property
    def part(self) -> int:
        """Patches that are run through the network at a time, over all processes."""
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
        begin, end = (second_from, self.steps) if second else (0, self.tl_steps or self.steps)
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
        return base * (0.01 + 0.99 * (1 + cos(pi * done)) / 2)  # never 0: a step without effect is a step lost


SR = {"batch": 16, "patch": 48, "augment": "flips+turns", "loss": "l1", "schedule": "multistep", "validate_every": 1000}
# The published protocols (released code of [SA]; epochs of 1000 steps, the last of which it never runs), and ours
RECIPES: dict[str, dict[str, Any]] = {
    "quick": {"warmup": 100},
    "sa-sr-stage1": {**SR, "steps": 149_000, "lr": 1e-4, "milestones": (100 / 149,)},
    "sa-sr": {
        **{**SR, "steps": 248_000, "tl_steps": 149_000, "lr": 1e-4},
        **{"milestones": (100 / 149,), "stage2_milestones": (50 / 99,)},
    },
    "sa-denoise-stage1": {**SR, "augment": "none", "steps": 149_000, "lr": 1.3e-4, "milestones": (100 / 149,)},
    "sa-denoise": {
        **{**SR, "augment": "none", "steps": 248_000, "tl_steps": 149_000, "lr": 1.3e-4},
        **{"milestones": (100 / 149,), "stage2_milestones": (50 / 99,)},
    },
    # 16,600 samples an epoch, 99 epochs, a fifth of the rate every 45
    "sa-derain": {
        **{"batch": 16, "patch": 64, "augment": "hflip", "loss": "stages", "schedule": "multistep"},
        **{"steps": 102_713, "lr": 4e-4, "milestones": (45 / 99, 90 / 99), "gamma": 0.2, "validate_every": 1038},
    },
}


def make_settings(recipe: str = "quick", **given: Any) -> TrainSettings:
    """The settings of ``recipe`` with those ``given`` (not None) in their place.

    Raises SettingError that names the first one that is wrong.
    """
    if recipe not in RECIPES:
        raise SettingError(f'no recipe is called "{recipe}".{suggest(recipe, RECIPES)}')
    given = {name: value for name, value in given.items() if value is not None}
    try:
        return TrainSettings(**{**RECIPES[recipe], **given, "recipe": recipe})
    except ValidationError as error:
        raise SettingError(_first(error)) from None


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, for people."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}"


def _unfolding() -> list[str]:
    """The networks that the loss "stages" is for."""
    return [name for name, backbone in BACKBONES.items() if backbone.stages]
