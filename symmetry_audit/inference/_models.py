"""Networks from anywhere: our checkpoints, Python factories, TorchScript, torch.export and ONNX files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from symmetry_audit.checkpoints import Checkpoint, load_checkpoint
from symmetry_audit.errors import ModelError, SettingError, one_line
from symmetry_audit.inference._factories import build_network, is_factory
from symmetry_audit.inference._network_files import FileNetwork, read_export, read_torchscript
from symmetry_audit.inference._offers import is_script, what_to_give
from symmetry_audit.inference._onnx_files import read_onnx
from symmetry_audit.inference._range import BYTES, Adapted, ValueRange
from symmetry_audit.inference._restore import restore_image

__all__ = ["Model", "load_model"]

READERS = {
    ".pt": ("torchscript", read_torchscript),
    ".ts": ("torchscript", read_torchscript),
    ".pt2": ("export", read_export),
    ".onnx": ("onnx", read_onnx),
}
PROBE = 64  # px; a side that most networks accept, also networks that need multiples of 8, 16, 32 or 64


@dataclass(frozen=True)
class Model:
    """A network to measure.

    ``network`` is in eval mode and takes images (N, 3, H, W) float32 in 0..255 to (N, 3, scale H, scale W), unclipped.
    ``kind`` is "checkpoint", "factory", "torchscript", "export" or "onnx"; only the first has a ``checkpoint``.
    """

    name: str
    kind: str
    network: nn.Module
    scale: int
    checkpoint: Checkpoint | None = None

    def in_range(self, values: ValueRange) -> Model:
        """The same network, which is no checkpoint, with its input and output in ``values``."""
        bare, grey = self.network, False
        if isinstance(bare, Adapted):
            bare, grey = bare.network, bare.grey
        return replace(self, network=bare if values == BYTES and not grey else Adapted(bare, values, grey=grey))


def load_model(
    text: str | Path,
    *,
    weights: str | Path | None = None,
    arguments: Mapping[str, Any] | str | None = None,
    scale: int | None = None,
    unit: float | tuple[float, float] = 255.0,
    trust: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Model:
    """The network that ``text`` names:

    * the folder of a training run, or a .safetensors file that ``symaudit train`` wrote;
    * ``package.module:factory``, importable from here or from the current folder, or ``path/file.py:factory``, which is
      called with the keyword ``arguments`` (a mapping, or JSON text) and returns an nn.Module. ``weights`` is then a
      state dict as .safetensors, .pt, .pth, .ckpt, .bin or .tar, bare or in containers, such as Lightning's, perhaps
      with a prefix before all names;
    * a TorchScript file (.pt, .ts), a torch.export file (.pt2) or an ONNX file (.onnx, by onnxruntime).

    ``unit`` is the value of white in the network's input and output, or (black, white), such as (-1, 1). A network for
    single channels runs on red, green and blue one after another. ``scale`` is the factor by which the network
    enlarges. If it is None, the network runs once on a small image to find it. ``say`` is told what was found in
    ``weights`` and what is unusual about a file.

    A factory is Python code, which is run. TorchScript and .pt2 files can run their author's code too: TorchScript can
    write files, and torch reads parts of a .pt2 file by pickle. They are refused without ``trust``; load none from
    people whom you do not trust. Checkpoints, ``weights`` and ONNX files run no code of their authors.

    Raises SettingError if options do not fit together, ModelError if the network cannot be built or run, or is not
    trusted.
    """
    text = str(text)
    values = ValueRange.of(unit)
    _check(text, weights, arguments, scale, values)
    if is_factory(text):
        return _foreign(text, "factory", build_network(text, _keywords(arguments), weights, say), scale, values)
    name, suffix = os.path.normpath(text), Path(text).suffix.lower()
    if is_script(Path(text)):
        suffix = ".pt"
    if suffix in READERS and not os.path.isdir(text):
        kind, read = READERS[suffix]
        network = read(Path(text), trust=trust)
        if network.channels_last:
            say(f"Note: {name} takes images in the layout N, H, W, C; they are passed to it so")
        return _foreign(name, kind, network, scale, values)
    if suffix != ".safetensors" and not os.path.isdir(text):
        raise ModelError(f'"{text}" is not a network: {what_to_give(text, (".safetensors", *READERS))}')
    checkpoint = load_checkpoint(text)
    return Model(name, "checkpoint", checkpoint.network(), checkpoint.task.scale, checkpoint)


def _check(text: str, weights: object, arguments: object, scale: int | None, values: ValueRange) -> None:
    if not is_factory(text) and (weights is not None or arguments is not None):
        raise SettingError(
            "weights and arguments are for a factory, package.module:name or path/file.py:name; "
            f'"{text}" contains its own'
        )
    if scale is not None and scale < 1:
        raise SettingError(f"scale must be 1 or more, got {scale}")
    own = text.endswith(".safetensors") or os.path.isdir(text)
    if own and (values != BYTES or scale is not None):
        raise SettingError(f'"{text}" is a checkpoint, which knows its scale and unit; do not pass them')


def _keywords(arguments: Mapping[str, Any] | str | None) -> dict[str, Any]:
    try:
        found = json.loads(arguments) if isinstance(arguments, str) else arguments or {}
    except ValueError as error:
        raise SettingError(f'arguments are not valid JSON ({one_line(error)}); write them as {{"width": 64}}') from None
    if not isinstance(found, Mapping):
        raise SettingError(f'arguments must be a JSON object, such as {{"width": 64}}, got {found!r}')
    return dict(found)


def _foreign(name: str, kind: str, network: nn.Module, scale: int | None, values: ValueRange) -> Model:
    """The Model of a network that does not describe itself."""
    sides = network.sides(PROBE) if isinstance(network, FileNetwork) else (PROBE, PROBE)
    colour = network if values == BYTES else Adapted(network, values)
    if scale is not None:
        return Model(name, kind, colour, scale)
    try:
        return Model(name, kind, colour, _probed(name, colour, sides))
    except ModelError as error:
        grey = Adapted(network, values, grey=True)
        try:
            return Model(name, kind, grey, _probed(name, grey, sides))
        except ModelError:
            raise error from None


def _probed(name: str, network: nn.Module, sides: tuple[int, int]) -> int:
    """The factor by which ``network`` enlarges an image of height and width ``sides``. Raises ModelError."""
    image = np.broadcast_to(np.linspace(0, 255, sides[1], dtype=np.float32)[:, None], (*sides, 3))
    try:
        result = restore_image(network, image)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None
    except Exception as error:  # whatever somebody else's code raises
        size = f"{sides[1]} x {sides[0]} px"
        raise ModelError(f"{name} failed on an RGB image of {size} ({one_line(error)}); {_HINT}") from None
    if not np.isfinite(result).all():
        raise ModelError(
            f"{name} returned NaN or infinite values for a grey ramp; if its input range is 0 to 1, give --unit 1"
        )
    return len(result) // sides[0]


_HINT = "if it only accepts RGB images of another size, give its scale"
