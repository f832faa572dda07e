"""The whole state of a run as one file, so that a continued run gives the same bits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import Tensor, nn
from torch.optim import Adam

from symmetry_audit.errors import ModelError, one_line

__all__ = ["LAST_FILE", "RunPosition", "RunState", "pack", "unpack"]

LAST_FILE = "last.safetensors"
PROGRESS = "progress"


@dataclass
class RunPosition:
    """How far a run is: the part of its state that is not tensors."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    step: int = 0
    second_from: int | None = None  # the step at which the second stage began
    seconds: float = 0.0
    best: float | None = None  # score of the best state so far
    scaler: dict[str, Any] | None = None
    best_step: int | None = None  # that of the best state; None in states of older versions
    threads: int | None = None  # of torch
    log: str | None = None  # SHA-256 of log.csv
    notes: list[tuple[str, str, str]] = field(default_factory=list)  # of steps that have no row of log.csv yet


POSITION = TypeAdapter(RunPosition)


@dataclass
class RunState:
    """Where a run continues: its position, its averaged weights, and a function that restores an optimizer's moments.

    By default, the beginning of a run.
    """

    position: RunPosition = field(default_factory=RunPosition)
    average: dict[str, Tensor] | None = None
    restore: Callable[[Adam], None] | None = None


def pack(
    network: nn.Module, optimizer: Adam, average: Mapping[str, Tensor], progress: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Weights, the optimizer's moments, averaged weights, torch's generator and ``progress`` (JSON) as tensors."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    tensors = {f"model.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.items()}
    for parameter, moments in optimizer.state.items():
        for key, value in moments.items():
            tensors[f"optimizer.{names[id(parameter)]}.{key}"] = torch.as_tensor(value)
    tensors["generator.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["generator.cuda"] = torch.cuda.get_rng_state()
    text = json.dumps(dict(progress), allow_nan=False).encode()
    tensors[PROGRESS] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    return tensors


def unpack(tensors: Mapping[str, Tensor], path: Path, network: nn.Module, device: str) -> RunState:
    """The state that ``pack`` made, from ``path``. Loads its weights into ``network``, its generators into torch.

    Averaged weights go to ``device``. Raises ModelError if the state does not fit ``network``.
    """
    progress, average, restore = _unpack(tensors, network)
    try:
        position = POSITION.validate_json(json.dumps(progress))
    except ValidationError:
        raise ModelError(f"{path} is damaged; start over with --force") from None
    return RunState(position, {name: value.to(device) for name, value in average.items()}, restore)


def _unpack(
    tensors: Mapping[str, Tensor], network: nn.Module
) -> tuple[dict[str, Any], dict[str, Tensor], Callable[[Adam], None]]:

    def part(name: str) -> dict[str, Tensor]:
        return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}

    try:
        network.load_state_dict(part("model"))
        progress = dict(json.loads(bytes(tensors[PROGRESS].tolist())))
        torch.set_rng_state(tensors["generator.cpu"])
        if torch.cuda.is_available() and "generator.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["generator.cuda"])
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelError(f"the saved state does not fit this network ({one_line(error)})") from None
    moments = part("optimizer")

    def restore(optimizer: Adam) -> None:
        names = {id(parameter): name for name, parameter in network.named_parameters()}
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                own = {key: moments.get(f"{names[id(parameter)]}.{key}") for key in ("step", "exp_avg", "exp_avg_sq")}
                held = {key: value for key, value in own.items() if value is not None}
                if len(held) == len(own):
                    step = held.pop("step")
                    # a fused optimizer needs the count on the parameter's device
                    optimizer.state[parameter] = {"step": step.to(parameter.device)} | {
                        k: v.to(parameter) for k, v in held.items()
                    }

    return progress, part("average"), restore
