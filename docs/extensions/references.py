"""Names in signatures and docstrings: each must be documented on the site, or at least exist.

Annotations name a class by the private module that defines it, or by what a module calls it (``np.ndarray``). The first
are looked up under their public names; what exists and has no page here is plain text; what does not exist is left to
Sphinx, which warns, since the build is nitpicky.
"""

from __future__ import annotations

import builtins
import typing
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

__all__ = ["exists", "setup"]

ALIASES = {"np": "numpy", "pd": "pandas", "nn": "torch.nn", "F": "torch.nn.functional"}


@cache
def known_names() -> frozenset[str]:
    """Every name that any module of the package defines or imports."""
    package = import_module("symmetry_audit")
    modules = [found.name for found in walk_packages(package.__path__, "symmetry_audit.")]
    return frozenset(name for module in modules for name in dir(import_module(module)))


def exists(name: str) -> bool:
    """Whether ``name`` is a builtin, part of typing, a name in our code, or can be imported."""
    first, *rest = name.split(".")
    if not rest:
        return hasattr(builtins, name) or hasattr(typing, name) or name in known_names()
    parts = [*ALIASES.get(first, first).split("."), *rest]
    return any(_has(".".join(parts[:cut]), ".".join(parts[cut:])) for cut in range(len(parts), 0, -1))


def _has(module: str, name: str) -> bool:
    try:
        value: Any = import_module(module)
    except ImportError:
        return False
    for part in filter(None, name.split(".")):
        value = getattr(value, part, None)
    return value is not None


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element) -> nodes.Element | None:
    """A link to the public name, plain text where there is none, or None for what does not exist."""
    if node.get("refdomain") != "py":
        return None
    target, bracket, _ = node["reftarget"].partition("[")
    target = target.rsplit(".", 1)[-1] if bracket else target  # an annotation that Sphinx could not take apart
    objects = env.get_domain("py").objects  # pyright: ignore[reportAttributeAccessIssue]
    last = target.rsplit(".", 1)[-1]
    same = sorted((name for name in objects if name.rsplit(".", 1)[-1] == last), key=len)
    ours = "." not in target or target.startswith("symmetry_audit.")
    if same and ours and all(_same(name, same[0]) for name in same):
        found = objects[same[0]]
        return make_refnode(app.builder, node["refdoc"], found.docname, found.node_id, text, same[0])
    return text if exists(target) else None


def _same(one: str, other: str) -> bool:
    """Whether two documented names are one object, as a function of two rooms is."""
    return one == other or _value(one) is _value(other)


def _value(name: str) -> Any:
    room, last = name.rsplit(".", 1)
    try:
        return getattr(import_module(room), last, None)
    except ImportError:  # a method: its class is no module
        return name


def setup(app: Sphinx) -> dict[str, bool]:
    """Ask ``resolve`` where Sphinx finds nothing."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
