"""Networks that Python code builds."""

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

from torch import nn

from symmetry_audit.errors import ModelError, one_line, suggest
from symmetry_audit.inference._python_files import import_file, import_root
from symmetry_audit.inference._weights import load_weights

__all__ = ["build_network", "is_factory"]

NAME = r"[^\W\d][\w.]*"
FACTORY = re.compile(rf"(?:{NAME}|.+\.py):{NAME}")


def is_factory(text: str) -> bool:
    """Whether ``text`` reads package.module:name or path/file.py:name.

    >>> is_factory("models.edsr:Edsr.small"), is_factory("../models/edsr.py:Edsr"), is_factory("runs/edsr")
    (True, True, False)
    """
    return FACTORY.fullmatch(text) is not None


def build_network(
    text: str, keywords: Mapping[str, Any], weights: str | Path | None, say: Callable[[str], None]
) -> nn.Module:
    """What the factory ``text`` returns for ``keywords``, with ``weights`` from a file, in eval mode.

    Runs the code that ``text`` names; reading ``weights`` runs none. ``say`` is told how they were found in the file.
    Raises ModelError.
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
        load_weights(network, text, Path(weights), say)
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
