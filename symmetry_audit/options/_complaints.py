"""Errors of pydantic as one line that names the option and says what it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from symmetry_audit.errors import suggest

__all__ = ["complaint"]


def complaint(error: ValidationError, names: Iterable[str]) -> str:
    """The first of ``error``'s complaints as a sentence; ``names`` are the existing options."""
    found = error.errors()
    # where several types are allowed, the complaint that is closest to the value
    first: Any = next((item for item in found if item["type"] == "finite_number"), found[0])
    name = str(first["loc"][0]) if first["loc"] else ""
    kind = first["type"]
    if kind == "extra_forbidden":
        return f'no option is called "{name}".{suggest(name, names)}'
    if kind == "literal_error":
        choices = re.findall("'([^']*)'", first["ctx"]["expected"])
        if not choices or not isinstance(first["input"], str):
            return f"--{_dashed(name)} takes {', '.join(choices) or first['ctx']['expected']}; {_got(first)}"
        return f'unknown {_dashed(name)} "{first["input"]}".{suggest(str(first["input"]), choices)}'
    if kind == "value_error":
        reason = str(first["ctx"]["error"])
        between = " " if reason.startswith("takes ") else ": "
        return reason if reason.startswith("--") or not name else f"--{_dashed(name)}{between}{reason}"
    if kind == "missing" and len(first["loc"]) > 1:
        return f"--{_dashed(name)} has too few values"
    say = _SENTENCES.get(kind) or _SENTENCES.get(kind.partition("_")[0]) or _other
    return f"--{_dashed(name)} {say(first)}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _got(first: Any) -> str:
    return f"got {first['input']!r:.60}"


def _bound(words: str, bound: str) -> Callable[[Any], str]:
    return lambda first: f"must be {words} {first['ctx'][bound]:g}, got {first['input']!r:.60}"


def _other(first: Any) -> str:
    reason = first["msg"]
    return f"is not understood ({reason[:1].lower()}{reason[1:]}), {_got(first)}"


# pydantic's name of an error, or of the expected kind of value -> the message
_SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "missing": lambda first: "is missing",
    "greater_than_equal": _bound("at least", "ge"),
    "greater_than": _bound("above", "gt"),
    "less_than_equal": _bound("at most", "le"),
    "less_than": _bound("below", "lt"),
    "finite_number": lambda first: f"takes a finite number, {_got(first)}",
    "int": lambda first: f"takes a whole number, {_got(first)}",
    "float": lambda first: f"takes a number, {_got(first)}",
    "bool": lambda first: f"takes true or false, {_got(first)}",
    "path": lambda first: f"takes a path, {_got(first)}",
    "string": lambda first: f"takes a text, {_got(first)}",
}
