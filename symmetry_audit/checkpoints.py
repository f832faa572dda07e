"""Trained networks as files: weights as safetensors, everything about them as JSON in the same file's header.

Reading one executes no code: the JSON names one of our own architectures, the rest is numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import safetensors
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import save as encode
from torch import Tensor, nn

from symmetry_audit.errors import ModelError, SymmetryAuditError, one_line
from symmetry_audit.files import write_atomically
from symmetry_audit.nets import build
from symmetry_audit.tasks import Task

__all__ = ["BEST_FILE", "CHECKPOINT_SCHEMA", "Card", "Checkpoint", "load_checkpoint", "read_tensors", "write_tensors"]

CHECKPOINT_SCHEMA = "symaudit.checkpoint/1"
BEST_FILE = "best.safetensors"
HEADER = "symaudit"  # the entry of the safetensors header that holds our JSON


Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Card(BaseModel):
    """What a checkpoint says of itself. ``training_images`` holds (name, SHA-256, perceptual hash)
    of each, the last one None where the image is flat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: str = Field(CHECKPOINT_SCHEMA, alias="schema")
    architecture: dict[str, Any]
    task: dict[str, Any]
    step: int = Field(ge=0)
    settings: dict[str, Any] = {}
    data: dict[str, Any] = {}
    audit: dict[str, Any] | None = None
    w: dict[str, Any] | None = None
    validation: dict[str, Any] | None = None
    training_images: tuple[tuple[str, Digest, Hash | None], ...] = ()
    versions: dict[str, str] = {}

    def to_json(self) -> str:
        """One JSON document, without NaN or Infinity."""
        return json.dumps(self.model_dump(by_alias=True), allow_nan=False, ensure_ascii=False)


class Checkpoint:
    """A trained network and its ``card``; ``weights`` are those of ``network()`` by name."""

    def __init__(self, card: Card, weights: Mapping[str, Tensor], path: Path | None = None) -> None:
        self.card, self.weights, self.path = card, dict(weights), path

    @property
    def task(self) -> Task:
        """What the network was trained for. Raises ModelError where it is no task."""
        try:
            return Task.from_dict(self.card.task)
        except (SymmetryAuditError, TypeError, KeyError, ValueError) as error:
            raise self._damaged(f"its task: {one_line(error)}") from None

    @property
    def training_images(self) -> tuple[tuple[str, str, str | None], ...]:
        """(name, SHA-256, perceptual hash) of every clean image that it was trained on."""
        return self.card.training_images

    def network(self) -> nn.Module:
        """The network with its weights, in eval mode. Raises ModelError where the two do not fit."""
        try:
            network = build(**self.card.architecture)
        except (SymmetryAuditError, AttributeError, TypeError, KeyError, ValueError) as error:
            raise self._damaged(f"its architecture: {one_line(error)}") from None
        wanted = {name: _form(value) for name, value in network.state_dict().items()}
        for name in [*wanted, *self.weights]:
            if wanted.get(name) != (_form(self.weights[name]) if name in self.weights else None):
                raise self._damaged(f'its weights do not fit its architecture, first at "{name}"')
        network.load_state_dict(self.weights)
        return network.eval()

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises ModelError."""
        write_tensors(path, {f"model.{name}": value for name, value in self.weights.items()}, self.card)

    def _damaged(self, reason: str) -> ModelError:
        return ModelError(f"{self.path or 'the checkpoint'} cannot be used ({reason}); train it again")


def _form(value: Tensor) -> tuple[tuple[int, ...], bool]:
    """Shape, and whether it holds real numbers: what has to agree."""
    return tuple(value.shape), value.is_floating_point()


def load_checkpoint(path: str | Path) -> Checkpoint:
    """From a .safetensors file, or the folder of a training run: the best state by its validation.

    Raises ModelError where there is none, or where it is damaged, cut off or of another kind.
    """
    path = Path(path)
    if path.is_dir():
        path = path / BEST_FILE
        if not path.is_file():
            raise ModelError(f"{path.parent} holds no {BEST_FILE}; give a folder that symaudit train wrote")
    tensors, card = read_tensors(path)
    weights = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
    return Checkpoint(card, weights, path)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], card: Card) -> None:
    """Tensors by name and ``card`` as one safetensors file. Raises ModelError where it cannot be written."""
    # copies, because safetensors refuses tensors that share memory
    whole = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    write_atomically(path, encode(whole, {HEADER: card.to_json()}), error=ModelError)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Card]:
    """What ``write_tensors`` wrote. Raises ModelError."""
    if not path.is_file():
        raise ModelError(f"there is no file {path}; give a checkpoint or the folder of a training run")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(HEADER)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is no whole safetensors file ({one_line(error)}); copy or train it again") from None
    if header is None:
        raise ModelError(f"{path} is not a checkpoint of symaudit: its header says nothing of the network")
    try:
        found = json.loads(header).get("schema")
        if found != CHECKPOINT_SCHEMA:
            raise ModelError(f'{path} has schema "{found}", expected "{CHECKPOINT_SCHEMA}"; train it again')
        card = Card.model_validate_json(header)
    except (ValidationError, ValueError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path} has a damaged header ({one_line(error)}); train it again") from None
    if any(value.is_floating_point() and not torch.isfinite(value).all() for value in tensors.values()):
        raise ModelError(f"{path} holds NaN or infinite weights; train it again")
    return tensors, card
