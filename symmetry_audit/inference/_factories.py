"""Networks that Python code builds, and the weights that are loaded into them."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from symmetry_audit.errors import ModelError, one_line, suggest
from symmetry_audit.inference._python_files import import_file, import_root

__all__ = ["build_network", "holds_weights", "is_factory"]

NAME = r"[^\W\d][\w.]*"
FACTORY = re.compile(rf"(?:{NAME}|.+\.py):{NAME}")
NESTS = ("params_ema", "params", "state_dict", "model")  # keys under which restoration codebases store weights
SUFFIXES = (".safetensors", ".pt", ".pth")


def is_factory(text: str) -> bool:
    """Whether ``text`` reads package.module:name or path/file.py:name.

    >>> is_factory("models.edsr:Edsr.small"), is_factory("../models/edsr.py:Edsr"), is_factory("runs/edsr")
    (True, True, False)
    """
    return FACTORY.fullmatch(text) is not None


def build_network(text: str, keywords: Mapping[str, Any], weights: str | Path | None = None) -> nn.Module:
    """What the factory ``text`` returns for ``keywords``, with ``weights`` from a file, in eval mode.

    Runs the code that ``text`` names; reading ``weights`` runs none. Raises ModelError.
    """
    with _importing_from(_root(text)):
        factory = _found(text)
        try:
            network = factory(**keywords)
        except (Exception, SystemExit) as error:  # foreign code can raise anything
            listed = ", ".join(f"{name}={value!r}" for name, value in keywords.items())
            raise ModelError(f"{text}({listed}) failed ({type(error).__name__}: {one_line(error)})") from None
    if not isinstance(network, nn.Module):
        raise ModelError(f"{text} returned {type(network).__name__}, expected a network (torch.nn.Module)")
    if weights is not None:
        _load(network, text, Path(weights))
    return network.eval()


def _root(text: str) -> str:
    """The folder that is searched first: that of the file's outermost package, or the current one."""
    module = text.rpartition(":")[0]
    return str(import_root(Path(module))) if module.endswith(".py") else os.getcwd()


@contextmanager
def _importing_from(folder: str) -> Iterator[None]:
    """Search for modules in ``folder`` first."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _found(text: str) -> Callable[..., object]:
    module, _, path = text.rpartition(":")
    is_file = module.endswith(".py")
    try:
        found = import_file(Path(module)) if is_file else importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a script may even exit the process
        reason = f"{type(error).__name__}: {one_line(error)}"
        hint = (
            "check the path and the file"
            if is_file
            else "install it, run symaudit from the folder that contains it, or give path/file.py:name"
        )
        raise ModelError(f"cannot import {module} ({reason}); {hint}") from None
    try:
        return reduce(getattr, path.split("."), found)
    except AttributeError:
        names = [name for name, value in vars(found).items() if callable(value) and not name.startswith("_")]
        raise ModelError(f'{module} has no "{path}".{suggest(path, names)}') from None


def _load(network: nn.Module, text: str, path: Path) -> None:
    """Raises ModelError if the weights do not match those of ``network`` exactly."""
    wanted, state = network.state_dict(), _state_dict(path)
    if state.keys() != wanted.keys() and all(name.startswith("module.") for name in state):  # of DataParallel
        state = {name.removeprefix("module."): value for name, value in state.items()}
    missing = [name for name in wanted if name not in state]
    unexpected = [name for name in state if name not in wanted]
    if missing or unexpected:
        found = ((missing, "missing"), (unexpected, "unexpected"))
        parts = [f'{len(names)} {what} (first "{names[0]}")' for names, what in found if names]
        raise ModelError(f"{path} does not fit {text}: weights {' and '.join(parts)}; check the factory's arguments")
    for name, value in wanted.items():
        if isinstance(value, Tensor) and value.shape != state[name].shape:
            shapes = f"{tuple(state[name].shape)}, the network has {tuple(value.shape)}"
            raise ModelError(f'{path} does not fit {text}: "{name}" is {shapes}; check the factory\'s arguments')
    network.load_state_dict(state)


def holds_weights(path: Path) -> bool:
    """Whether the file at ``path`` holds weights by name alone; no pickled code runs."""
    try:
        return bool(_state_dict(path))
    except ModelError:
        return False


def _state_dict(path: Path) -> Mapping[str, Tensor]:
    """Weights by name. No pickled code runs. Raises ModelError."""
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"weights are read from {', '.join(SUFFIXES)}, got {path}")
    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    state = _content(path)
    while isinstance(state, Mapping) and (nest := next((name for name in NESTS if name in state), None)):
        if isinstance(state[nest], Tensor):
            break
        state = state[nest]
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        entries = (
            f"entries {', '.join(map(str, list(state)[:5]))}" if isinstance(state, Mapping) else type(state).__name__
        )
        raise ModelError(f"{path} holds {entries} instead of weights by name; save only the network's state_dict()")
    return state


def _content(path: Path) -> object:
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise many types for damaged files
        if path.suffix.lower() == ".safetensors":
            raise ModelError(
                f"{path} is truncated or not a safetensors file ({one_line(error)}); copy or save it again"
            ) from None
        raise ModelError(
            f"{path} is damaged, or holds more than weights, which could run code and is therefore refused; "
            "save only the network's state_dict()"
        ) from None
