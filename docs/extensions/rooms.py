"""One page for each room of the package that has public names, from its ``__all__``."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

from generated import ROOT, tidy, write_page
from sphinx.application import Sphinx
from sphinx.config import Config

__all__ = ["PROVISIONAL", "PUBLIC", "setup", "write_rooms"]

# CONTRIBUTING.md, "What may change", and the errors that all of them raise
PUBLIC = (
    *("symmetry_audit", "symmetry_audit.verbs", "symmetry_audit.layers", "symmetry_audit.testing"),
    "symmetry_audit.errors",
)
PROVISIONAL = tuple(
    f"symmetry_audit.{room}" for room in ("results", "groups", "theory", "synth", "metrics", "self_supervised")
)


def write_rooms(folder: Path, rooms: tuple[str, ...] = PUBLIC + PROVISIONAL) -> dict[str, str]:
    """Write a page for every room. Returns the full name under which each name is documented."""
    homes: dict[int, str] = {}
    found = {}
    for room in rooms:
        module, parts = import_module(room), []
        for name in sorted(module.__all__, key=str.lower):
            full, value = f"{room}.{name}", getattr(module, name)
            known = homes.setdefault(id(value), full) if callable(value) else full
            found[full] = known
            parts.append(_directive(full, value) if known == full else f"`{name}`: see {{py:obj}}`{known}`.\n")
        text = inspect.getdoc(module) or ""
        write_page(folder, room, f"# {room}\n\n```{{eval-rst}}\n{text}\n```\n\n" + "\n".join(parts))
    tidy(folder, rooms)
    return found


def _directive(full: str, value: object) -> str:
    if not callable(value):
        return f"```{{eval-rst}}\n.. py:data:: {full}\n\n   {_shown(value)}\n```\n"
    kind = "autoclass" if inspect.isclass(value) else "autofunction"
    return f"```{{eval-rst}}\n.. {kind}:: {full}\n{_of_class(value)}```\n"


def _of_class(value: object) -> str:
    """Methods of our own classes; those of a request are pydantic's, and its fields are options of a command."""
    from symmetry_audit.options import Options

    if not inspect.isclass(value) or issubclass(value, Options):
        return ""
    return "   :members:\n"


def _shown(value: object) -> str:
    """The value of a constant, or the names of a table, in a line."""
    if isinstance(value, dict):
        return "A table of " + ", ".join(f"``{name}``" for name in value) + "."
    if isinstance(value, tuple | frozenset | set):
        return ", ".join(f"``{item}``" for item in value) + "."
    return f"``{value}``"


def plain(lines: list[str]) -> list[str]:
    """Docstrings are plain text with code in double quotes: bars and stars outside of it are no marks."""
    found, example = [], False
    for line in lines:
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        parts = re.split(r"(^\s*\* |``.*?``|:\w+:`[^`]*`)", line)
        escaped = "".join(part if mark % 2 else re.sub(r"([|*])", r"\\\1", part) for mark, part in enumerate(parts))
        found.append(line if example else escaped)
    return found


def _escape(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    lines[:] = plain(lines)


def _keep(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Undo what napoleon makes of "One of: ..." in an attribute's docstring, a type."""
    if what in ("property", "attribute", "data"):
        lines[:] = plain((inspect.getdoc(value) or "").splitlines())


def _write(app: Sphinx, config: Config) -> None:
    write_rooms(ROOT / "docs" / "build" / "api")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for its sources, and read docstrings as plain text."""
    app.connect("config-inited", _write)
    app.connect("autodoc-process-docstring", _escape, priority=400)  # napoleon's is 500
    app.connect("autodoc-process-docstring", _keep, priority=600)
    return {"parallel_read_safe": True}
