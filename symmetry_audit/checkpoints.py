"""Trained networks as files: weights as safetensors, everything about them as JSON in the same file's header.

Reading a file runs no code: the JSON names an architecture of this package, and the rest is numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from inspect import signature
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
from symmetry_audit.results import Origin, read_fields
from symmetry_audit.tasks import TASKS, Task

__all__ = ["BEST_FILE", "CHECKPOINT_SCHEMA", "Card", "Checkpoint", "load_checkpoint", "read_tensors", "write_tensors"]

CHECKPOINT_SCHEMA = "symaudit.checkpoint/1"
BEST_FILE = "best.safetensors"
TRAIN_AGAIN = "train the network again"
OR_NEWER = "update symaudit if a newer version wrote it, else train the network again"
HEADER = "symaudit"  # the entry of the safetensors header that holds our JSON
CHECKSUM = "symaudit.sha256"  # the entry with the digest of that JSON and of all tensors


Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Card(BaseModel):
    """What a checkpoint says about itself.

    ``training_images`` holds (name, SHA-256, perceptual hash) of each image; the hash of a flat image is None. Fields
    that an older version did not write take their defaults, so a new field needs one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: str = Field(default=CHECKPOINT_SCHEMA, alias="schema")
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
    def architecture(self) -> dict[str, Any]:
        """The arguments of ``build``. Raises ModelError if one is missing, or if only a newer version knows it."""
        return self._filled(self.card.architecture, build, "architecture")

    @property
    def task(self) -> Task:
        """The task that the network was trained for. Raises ModelError if it is unknown or of a newer version."""
        origin = Origin(self._name, TRAIN_AGAIN, ModelError)
        options = dict.fromkeys(option.name for task in TASKS.values() for option in task.options)
        held = read_fields(self.card.task, origin, ["name"], options, "task")
        try:
            return Task.from_dict(held)
        except (SymmetryAuditError, TypeError, KeyError, ValueError) as error:
            raise self._unusable(f"its task: {one_line(error)}", OR_NEWER) from None

    @property
    def training_images(self) -> tuple[tuple[str, str, str | None], ...]:
        """(name, SHA-256, perceptual hash) of every clean image that it was trained on."""
        return self.card.training_images

    def network(self) -> nn.Module:
        """The network with its weights, in eval mode.

        Raises ModelError if the two do not fit, or if a newer version built the network.
        """
        architecture = self.architecture
        try:
            network = build(**architecture)
        except (SymmetryAuditError, AttributeError, TypeError, KeyError, ValueError) as error:
            raise self._unusable(f"its architecture: {one_line(error)}", OR_NEWER) from None
        wanted = {name: _form(value) for name, value in network.state_dict().items()}
        for name in [*wanted, *self.weights]:
            if wanted.get(name) != (_form(self.weights[name]) if name in self.weights else None):
                raise self._unusable(f'its weights do not fit its architecture, first at "{name}"')
        network.load_state_dict(self.weights)
        return network.eval()

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises ModelError."""
        write_tensors(path, {f"model.{name}": value for name, value in self.weights.items()}, self.card)

    @property
    def _name(self) -> str:
        return str(self.path or "the checkpoint")

    def _filled(self, held: Mapping[str, Any], make: Callable[..., Any], at: str) -> dict[str, Any]:
        """The keyword arguments of ``make``: those in ``held``, and its defaults for the rest. Raises ModelError."""
        options = signature(make).parameters.values()
        required = [option.name for option in options if option.default is option.empty]
        defaults = {option.name: option.default for option in options if option.default is not option.empty}
        return read_fields(held, Origin(self._name, TRAIN_AGAIN, ModelError), required, defaults, at)

    def _unusable(self, reason: str, remedy: str = TRAIN_AGAIN) -> ModelError:
        return ModelError(f"{self._name} cannot be used ({reason}); {remedy}")


def _form(value: Tensor) -> tuple[tuple[int, ...], bool]:
    """Shape, and whether the values are real numbers: these must agree."""
    return tuple(value.shape), value.is_floating_point()


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Load a .safetensors file, or the folder of a training run: the state with the best validation.

    Raises ModelError if there is none, or if it is damaged, truncated, of another kind or of a newer version.
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
    """Write tensors by name and ``card`` as one safetensors file. Raises ModelError if it cannot be written."""
    # copies, because safetensors refuses tensors that share memory
    whole = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    header = card.to_json()
    write_atomically(path, encode(whole, {HEADER: header, CHECKSUM: _digest(header, whole)}), error=ModelError)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Card]:
    """Read what ``write_tensors`` wrote; older files have no checksum. Raises ModelError."""
    if not path.is_file():
        raise ModelError(f"there is no file {path}; give a checkpoint or the folder of a training run")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            entries = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"{path} is truncated or not a safetensors file ({one_line(error)}); copy it again or retrain"
        ) from None
    header = entries.get(HEADER)
    if header is None:
        raise ModelError(f"{path} is not a checkpoint of symaudit: its header does not describe a network")
    # a damaged name of the checksum must not pass for a file without one
    if len(entries) > 1 and entries.get(CHECKSUM) != _digest(header, tensors):
        raise ModelError(f"{path} is damaged: its checksum does not fit its content; copy it again or retrain")
    card = _card(header, Origin(str(path), TRAIN_AGAIN, ModelError))
    if any(value.is_floating_point() and not torch.isfinite(value).all() for value in tensors.values()):
        raise ModelError(f"{path} holds NaN or infinite weights; train the network again")
    return tensors, card


def _digest(header: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the header and of the name, type, shape and bytes of each tensor."""
    digest = sha256(header.encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"\0{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _card(header: str, origin: Origin) -> Card:
    """The card of a checkpoint's header. Raises ModelError."""
    try:
        origin.check_schema(json.loads(header), CHECKPOINT_SCHEMA)
        return Card.model_validate_json(header)
    except ValidationError as error:
        first = sorted(error.errors(), key=lambda item: item["type"] != "extra_forbidden")[0]
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise origin.newer(where) from None
        raise origin.damaged(f"{where}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise origin.damaged(f"its header: {one_line(error)}") from None
