"""Weights by name from files of other codebases, under whatever containers and prefixes these keep them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from symmetry_audit.errors import ModelError, one_line
from symmetry_audit.inference._network_files import holds_script

__all__ = ["SUFFIXES", "holds_weights", "load_weights"]

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".tar")
DEPTH = 4  # of containers within containers
SCALAR: Any = np.float64(0).__reduce__()[0]  # what numbers of NumPy are pickled by
# What beside weights codebases store, and what cannot run code: numbers of NumPy, options, paths
HARMLESS = [
    argparse.Namespace,
    PosixPath,
    np.dtype,
    *{type(np.dtype(kind)) for kind in (bool, *np.sctypeDict.values()) if np.dtype(kind).kind in "biuf"},
    SCALAR,
    (SCALAR, "numpy.core.multiarray.scalar"),  # as numpy 1 wrote it
]
COMPILED = "_orig_mod"  # torch.compile puts it wherever it wraps a part
# Entries that are no weights: counters of weight averaging, of FLOP counters, of batch normalization
COUNTERS = ("n_averaged", "total_ops", "total_params", "num_batches_tracked")
AVERAGED = ("ema", "swa", "averag")  # in the names of containers
# Names under which trainers keep the network among other things: losses, a discriminator
WRAPPERS = {
    *("module", "model", "net", "network", "netG", "net_g", "G", "gen", "generator", "backbone"),
    *("ema", "model_ema", "ema_model", "net_ema", "params_ema", "generator_ema"),
}


@dataclass(frozen=True)
class _Found:
    """Weights below ``path`` in a file, as the network calls them once ``prefix`` is taken off.

    ``weights`` has those of the network's names that were found, ``unexpected`` the names that are left over and count
    as a fault, ``beside`` those that belong to something else.
    """

    path: tuple[str, ...]
    prefix: str
    weights: Mapping[str, Tensor]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    beside: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        return not self.missing and not self.unexpected

    @property
    def averaged(self) -> bool:
        return any(word in part.lower() for part in (*self.path, self.prefix) for word in AVERAGED)


def load_weights(network: nn.Module, text: str, path: Path, say: Callable[[str], None]) -> None:
    """Give ``network``, which ``text`` built, the weights in the file at ``path``. No pickled code runs.

    They may lie in containers and below one prefix common to all; where several fit, an average is taken before the
    others. ``say`` is told what was chosen. Raises ModelError if nothing in the file fits exactly.
    """
    content = _content(path)
    wanted = {_plain(name): name for name in network.state_dict()}
    found = [one for place, state in _containers(content) for one in _readings(place, state, wanted)]
    if not found:
        raise ModelError(
            f"{path} holds {_entries(content)} instead of weights by name; save only the network's state_dict()"
        )
    fitting = sorted((one for one in found if one.fits), key=lambda one: (not one.averaged, len(one.beside)))
    if not fitting:
        raise ModelError(_misfit(min(found, key=_distance), text, path))
    state = network.state_dict()
    sized = [one for one in fitting if _resized(one, state) is None]
    if not sized and (name := _resized(fitting[0], state)):
        shapes = f"{tuple(fitting[0].weights[name].shape)}, the network has {tuple(state[name].shape)}"
        raise ModelError(f'{path} does not fit {text}: "{name}" is {shapes}; check the factory\'s arguments')
    for line in _choice(sized, path):
        say(line)
    network.load_state_dict({**state, **sized[0].weights})


def holds_weights(path: Path) -> bool:
    """Whether the file at ``path`` holds weights by name; no pickled code runs."""
    try:
        return any(True for _ in _containers(_content(path)))
    except ModelError:
        return False


def _plain(name: str) -> str:
    return ".".join(part for part in name.split(".") if part != COMPILED)


def _containers(content: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Tensor]]]:
    """Every mapping in ``content`` with tensors under names, and where it lies; the outermost first."""
    if not isinstance(content, Mapping):
        return
    if state := {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}:
        yield path, state
    if len(path) < DEPTH:
        for name, value in content.items():
            yield from _containers(value, (*path, str(name)))


def _readings(path: tuple[str, ...], state: Mapping[str, Tensor], wanted: Mapping[str, str]) -> Iterator[_Found]:
    """``state`` below each prefix under which it has the network's first weight; as it is where there is none."""
    plain = {_plain(name): name for name in state}
    first = next((name for name in wanted if not _counts(name)), "")
    prefixes = {name.removesuffix(first) for name in plain if f".{name}".endswith(f".{first}")} if first else set()
    for prefix in sorted(prefixes, key=len) or [""]:
        below = {name.removeprefix(prefix): key for name, key in plain.items() if name.startswith(prefix)}
        outside = [key for name, key in plain.items() if not name.startswith(prefix) and not _counts(name)]
        known = bool(prefix) and all(part in WRAPPERS for part in prefix.rstrip(".").split("."))
        over = [key for name, key in below.items() if name not in wanted and not _counts(name)]
        yield _Found(
            path,
            prefix,
            weights={own: state[below[name]] for name, own in wanted.items() if name in below},
            missing=tuple(own for name, own in wanted.items() if name not in below and not _counts(name)),
            unexpected=tuple(over if known else over + outside),
            beside=tuple(outside if known else ()),
        )


def _counts(name: str) -> bool:
    return name.rpartition(".")[2] in COUNTERS


def _resized(found: _Found, state: Mapping[str, Tensor]) -> str | None:
    """The first name under which file and network have different shapes."""
    return next((name for name, value in found.weights.items() if value.shape != state[name].shape), None)


def _distance(found: _Found) -> tuple[int, int]:
    return -len(found.weights), len(found.missing) + len(found.unexpected)


def _choice(sized: list[_Found], path: Path) -> Iterator[str]:
    """What was chosen where that is not plain to see."""
    taken, *others = sized
    if others:
        yield f"Note: {path} has weights that fit at {', '.join(map(_place, sized))}; {_place(taken)} is taken"
    if taken.prefix:
        count = len(taken.beside)
        beside = f'; {count} weights beside it are left out (first "{taken.beside[0]}")' if count else ""
        yield f'Note: the prefix "{taken.prefix}" of the names in {path} is taken off{beside}'


def _place(found: _Found) -> str:
    return '"' + ".".join((*found.path, found.prefix.rstrip("."))).strip(".") + '"'


def _misfit(found: _Found, text: str, path: Path) -> str:
    counted = ((found.missing, "missing"), (found.unexpected, "unexpected"))
    parts = [f'{len(names)} {what} (first "{names[0]}")' for names, what in counted if names]
    remedy = "check the factory's arguments"
    if not found.weights:
        remedy = "no name is that of the network: give the factory that these weights were trained with"
    return f"{path} does not fit {text}: weights {' and '.join(parts)}; {remedy}"


def _entries(content: object) -> str:
    if isinstance(content, Mapping):
        return f"entries {', '.join(map(str, list(content)[:5]))}" if content else "nothing"
    return type(content).__name__


def _content(path: Path) -> Any:
    """What the file holds. No pickled code runs. Raises ModelError."""
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"weights are read from {', '.join(SUFFIXES)}, got {path}")
    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        with torch.serialization.safe_globals(HARMLESS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise many types for damaged files
        if path.suffix.lower() == ".safetensors":
            raise ModelError(
                f"{path} is truncated or not a safetensors file ({one_line(error)}); copy or save it again"
            ) from None
        if holds_script(path):
            raise ModelError(
                f"{path} is a TorchScript file, which builds its network itself: give it as MODEL"
            ) from None
        named = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        more = f" ({named[1]})" if named else ""
        raise ModelError(
            f"{path} is damaged, or holds more than weights{more}, which could run code and is therefore refused; "
            "save only the network's state_dict()"
        ) from None
