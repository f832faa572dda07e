"""The direction of dependencies, read from the syntax trees: no import, however deep, points outward."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "symmetry_audit"
# part -> the parts it may import; a new part fails the test until it has its line here
ALLOWED = {
    "errors": set(),
    "wording": set(),
    "catalogue": {"errors"},
    "files": {"errors"},
    "checked_lines": set(),
    "devices": set(),
    "results": {"errors", "wording"},
    "groups": {"errors"},
    "synth": {"errors", "files", "groups", "options"},
    "kernels": {"errors", "groups"},
    "actions": {"errors", "devices", "groups"},
    "layers": {"errors", "devices", "groups", "catalogue"},
    "testing": {"errors", "groups", "actions"},
    "self_supervised": {"errors", "groups", "actions"},
    "metrics": {"errors"},
    "tomography": {"errors", "devices", "data", "metrics"},
    "tasks": {"errors", "catalogue", "files", "results", "kernels", "data", "metrics", "tomography"},
    "nets": {"errors", "groups", "catalogue", "layers"},
    "checkpoints": {"errors", "files", "results", "layers", "nets", "tasks"},
    "inference": {
        *("errors", "catalogue", "files", "results", "groups", "actions", "data", "metrics", "tasks"),
        *("layers", "nets", "checkpoints", "statistics", "checked_lines", "workers"),
    },
    "training": {
        *("errors", "options", "files", "results", "groups", "catalogue", "actions", "data", "metrics", "tasks"),
        *("layers", "nets", "checkpoints", "inference", "self_supervised"),
    },
    "alignment": {
        *("errors", "files", "results", "groups", "actions", "data", "tasks"),
        *("layers", "nets", "checkpoints", "inference", "statistics"),
    },
    "pilots": {
        *("errors", "wording", "catalogue", "files", "results", "options", "groups", "data", "actions", "metrics"),
        *("tasks", "nets", "training", "statistics", "checked_lines", "workers"),
    },
    "statistics": {"errors", "groups"},
    "theory": {"errors", "wording", "catalogue", "groups", "results", "statistics", "synth"},
    "data": {"errors", "wording", "files", "results"},
    "engine": {"errors", "kernels"},
    "fits": {"errors", "groups", "kernels", "engine"},
    "workers": {"errors", "wording"},
    "audit": {
        *("errors", "wording", "files", "checked_lines", "results", "options", "groups", "kernels", "data"),
        *("engine", "fits", "statistics", "synth", "workers"),
    },
    "findings": {"wording", "results", "groups", "kernels", "data", "fits", "statistics", "theory", "audit"},
    "comparison": {"errors", "wording", "results", "statistics"},
    "verification": {"results", "groups", "statistics", "theory"},
    "reports": {"errors", "wording", "files", "results", "groups", "statistics"},
    "options": {"errors", "catalogue", "results", "kernels", "data", "metrics"},
    "verbs": {
        *(
            "errors",
            "wording",
            "catalogue",
            "files",
            "results",
            "options",
            "kernels",
            "groups",
            "data",
            "synth",
            "theory",
            "audit",
        ),
        *("findings", "verification", "reports", "metrics", "tasks", "layers", "nets", "checkpoints", "inference"),
        *("training", "alignment", "pilots", "comparison", "workers"),
    },
    "conditions": {"errors", "wording"},
    "cli": {
        "errors",
        "wording",
        "results",
        "reports",
        "verbs",
        "conditions",
    },  # what CI asks of a result, whatever the verb
    "data_manifests": set(),
    "__init__": {"errors", "results", "verbs"},
}
WITHOUT_TORCH = (
    "errors",
    "wording",
    "options",
    "catalogue",
    "files",
    "checked_lines",
    "results",
    "groups",
    "kernels",
    "data",
    "reports",
    "statistics",
    "comparison",
    "conditions",
    "verification",
    "theory",
    "synth",
    "metrics",
    "tasks",
)


def parts() -> dict[str, list[Path]]:
    """The Python files of every part of the package, by the name under which it is installed."""
    places = [*(ROOT / PACKAGE).iterdir(), ROOT / "cli", ROOT / "data_manifests"]
    found = {}
    for place in places:
        files = [place] if place.suffix == ".py" else sorted(place.rglob("*.py"))
        if files:
            found[place.stem] = files
    return found


def imported(source: str, package: str = PACKAGE) -> Iterator[str]:
    """Dotted names that ``source``, a file of ``package``, imports at any level, type-checking blocks included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # "from symmetry_audit import data" imports the part data, "from . import data" there too
            module = f"{'.' * node.level}{node.module or ''}"
            where = resolve_name(module, package) if node.level else module
            yield from (f"{where}.{alias.name}" for alias in node.names)


def parts_among(names: Iterable[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith(f"{PACKAGE}.")}


def package_of(path: Path) -> str:
    """The package that the file ``path`` is installed in."""
    folders = path.relative_to(ROOT).parent.parts
    return ".".join(folders if folders[0] == PACKAGE else (PACKAGE, *folders))


def imports_of(path: Path) -> set[str]:
    return set(imported(path.read_text(encoding="utf-8"), package_of(path)))


def test_every_import_is_seen():
    source = """
import numpy.linalg
from symmetry_audit import data, audit
if TYPE_CHECKING:
    from symmetry_audit.reports.audits._checked import CheckedReport
def f():
    class C:
        import torch, symmetry_audit.cli.main
"""
    assert parts_among(imported(source)) == {"data", "audit", "reports", "cli"}
    assert {"torch", "numpy.linalg"} <= set(imported(source))


def test_every_relative_import_is_seen():
    source = """
from . import main
from .options import exit_codes
from .. import data
def f():
    from ..reports.audits import render
"""
    package = package_of(ROOT / "cli" / "train.py")
    assert package == f"{PACKAGE}.cli"
    assert package_of(ROOT / PACKAGE / "layers" / "bases" / "_basis.py") == f"{PACKAGE}.layers.bases"
    assert set(imported(source, package)) == {
        f"{PACKAGE}.{name}" for name in ("cli.main", "cli.options.exit_codes", "data", "reports.audits.render")
    }
    assert parts_among(imported(source, package)) == {"cli", "data", "reports"}


def test_every_part_has_its_line():
    assert set(parts()) == set(ALLOWED)


@pytest.mark.parametrize("part", ALLOWED)
def test_dependencies_point_inward(part):
    outward = {
        f"{path.relative_to(ROOT)} imports {target}"
        for path in parts()[part]
        for target in parts_among(imports_of(path)) - ALLOWED[part] - {part}
    }
    assert outward == set()


def test_the_allowed_directions_have_no_cycle():
    def reach(part, seen=()):
        assert part not in seen, f"{' -> '.join(seen)} -> {part}"
        for target in ALLOWED[part]:
            reach(target, (*seen, part))

    for part in ALLOWED:
        reach(part)


@pytest.mark.parametrize("part", WITHOUT_TORCH)
def test_torch_stays_out(part):
    for path in parts()[part]:
        assert "torch" not in {name.split(".")[0] for name in imports_of(path)}, path


def test_the_standard_library_carries_the_results():
    heavy = {name.split(".")[0] for path in parts()["results"] for name in imports_of(path)}
    assert heavy - sys.stdlib_module_names - {PACKAGE} == {"pandas"}
