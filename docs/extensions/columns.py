"""The fields of report.json and the columns of its tables, from the dataclasses and their docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from generated import ROOT, write_page
from sphinx.application import Sphinx
from sphinx.config import Config

__all__ = ["classes_below", "meaning", "setup", "write_columns"]


def write_columns() -> None:
    """Write the parts that docs/reference/report.md includes."""
    from symmetry_audit.results import AffineFit, AuditReport, FailedFit

    folder = ROOT / "docs" / "build" / "parts"
    found = list(classes_below(AuditReport, without=(AffineFit, FailedFit)))
    write_page(folder, "report", _part(found))
    write_page(folder, "affine", _part([AffineFit, FailedFit]))


def classes_below(kind: type, without: tuple[type, ...] = ()) -> Iterator[type]:
    """``kind`` and the dataclasses that its fields hold, each once, outermost first."""
    waiting, known = [kind], set(without)
    while waiting:
        first = waiting.pop(0)
        if first not in known:
            known.add(first)
            yield first
            waiting += [held for hint in get_type_hints(first, localns=_pandas()).values() for held in _held(hint)]


def meaning(documented: str, name: str) -> str:
    """What a docstring says of a field: its first clause that names the field in code quotes, or nothing."""
    clauses = re.split(r"(?<=[.;]) (?=[A-Z`])|\n\n", re.sub(r"(?<!\n)\n(?!\n)", " ", documented))
    return next((clause.strip().rstrip(";") for clause in clauses if f"``{name}``" in clause), "")


def _held(hint: Any) -> list[type]:
    parts = get_args(hint)
    if parts:
        return [held for part in parts for held in _held(part)]
    return [hint] if dataclasses.is_dataclass(hint) and isinstance(hint, type) else []


def _pandas() -> dict[str, Any]:
    import pandas

    return {"pd": pandas}


def _part(kinds: list[type]) -> str:
    return "\n".join(_section(kind) for kind in kinds)


def _section(kind: type) -> str:
    documented = inspect.getdoc(kind) or ""
    rows = [
        f"| `{item.name}` | {_type(item)} | {_cell(meaning(documented, item.name))} |"
        for item in dataclasses.fields(kind)
        if item.compare  # fields that are not compared are not written
    ]
    head = documented.split("\n\n")[0].replace("\n", " ")
    return f"## {kind.__name__}\n\n{_markdown(head)}\n\n| field | type | meaning |\n|---|---|---|\n" + (
        "\n".join(rows) + "\n"
    )


def _type(item: dataclasses.Field[Any]) -> str:
    words = str(item.type).replace("Mapping", "object").replace("tuple", "list").replace(", ...", "")
    return "`" + words.replace("|", "or").replace("None", "null") + "`"


def _cell(text: str) -> str:
    return _markdown(text).replace("|", "\\|")


def _markdown(text: str) -> str:
    """Code quotes of Markdown for those of docstrings; what is outside of them is plain text."""
    parts = re.split(r"``([^`]+)``", re.sub(r":\w+:`([^`]*)`", r"``\1``", text))
    return "".join(f"`{part}`" if mark % 2 else re.sub(r"([*_<\[])", r"\\\1", part) for mark, part in enumerate(parts))


def _write(app: Sphinx, config: Config) -> None:
    write_columns()


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the parts before Sphinx looks for its sources."""
    app.connect("config-inited", _write)
    return {"parallel_read_safe": True}
