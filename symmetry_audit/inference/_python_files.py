"""Modules from files of Python code: path/file.py, imported as the module that it is in its package."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["builders", "import_file", "import_root"]


def import_root(path: Path) -> Path:
    """The folder from which the module in ``path`` is imported: the one that holds its outermost package."""
    folder = path.resolve().parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def import_file(path: Path) -> ModuleType:
    """The module in ``path``, under its own name in its package; its root must be on the search path. Runs its code.

    A module of this name from another place stays as it is. Raises what the code raises, and ImportError where there is
    no such file.
    """
    path = path.resolve()
    parts = path.relative_to(import_root(path)).with_suffix("").parts
    name = ".".join(parts)
    known = sys.modules.get(name)
    if known is not None and Path(getattr(known, "__file__", None) or "") == path:
        return known
    if known is not None:
        name += "_" + hashlib.sha256(str(path).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # as for any import: dataclasses and pickles look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def builders(path: Path) -> list[str]:
    """The names of the functions and classes in ``path`` that could build a network, without running it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [item.name for item in tree.body if isinstance(item, kinds) and not item.name.startswith("_")]
