"""The JSON document of a result as flat tables, whose columns conditions select by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ResultTable", "tables_of"]

WHOLE = "result"  # the table of the document itself, of one row


@dataclass
class ResultTable:
    """A list of the document: ``path`` such as ``recommendation.candidates``, and a row for each of its objects.

    A row has the fields of its object, and those of the objects around it, which ``own`` does not list.
    """

    path: str
    own: dict[str, None] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """How many lists and objects it lies in."""
        return 0 if self.path == WHOLE else 1 + self.path.count(".")

    def called(self, name: str) -> bool:
        """Whether ``name`` is its path, or the last part of it."""
        return name in (self.path, self.path.rpartition(".")[2])


def tables_of(document: Mapping[str, Any]) -> list[ResultTable]:
    """All tables of ``document``, outer ones first.

    Objects in objects are flattened: ``mean.psnr``. Lists of numbers and texts are left aside.

    >>> table = tables_of({"results": [{"group": "p4", "ci": {"low": 0.1}}]})[1]
    >>> table.path, table.rows
    ('results', [{'group': 'p4', 'ci.low': 0.1}])
    """
    found: dict[str, ResultTable] = {}
    _walk(document, WHOLE, {}, found)
    return sorted(found.values(), key=lambda table: table.depth)


def _walk(node: Mapping[str, Any], path: str, around: Mapping[str, Any], found: dict[str, ResultTable]) -> None:
    own = dict(_fields(node))
    table = found.setdefault(path, ResultTable(path))
    table.own |= dict.fromkeys(own)
    table.rows.append({**around, **own})
    for name, items in _lists(node):
        inner = name if path == WHOLE else f"{path}.{name}"
        for item in items:
            _walk(item, inner, table.rows[-1], found)


def _fields(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from _fields(value, f"{prefix}{name}.")
        elif not isinstance(value, list | tuple):
            yield f"{prefix}{name}", value


def _lists(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from _lists(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
            yield f"{prefix}{name}", list(value)
