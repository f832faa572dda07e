"""Brace ranges of shards: ``{0000..0999}`` and ``{train,val}`` in a path or URL become its names."""

from __future__ import annotations

import re
from itertools import product
from math import prod

from symmetry_audit.errors import DataError

__all__ = ["MAX_SHARDS", "expanded_braces", "has_braces"]

MAX_SHARDS = 1_000_000
RANGE = re.compile(r"(\d{1,18})\.\.(\d{1,18})")


def has_braces(text: str) -> bool:
    """Whether ``text`` is meant to hold a brace range."""
    return "{" in text or "}" in text


def expanded_braces(text: str) -> list[str]:
    """All names that the brace ranges of ``text`` stand for, the last range running fastest; numbers keep their zeros.

    Raises DataError for braces that are malformed or nested, and for more than a million names.

    >>> expanded_braces("{train,val}/{08..10}.tar")[:4]
    ['train/08.tar', 'train/09.tar', 'train/10.tar', 'val/08.tar']
    """
    parts = re.split(r"\{([^{}]*)\}", text)  # literal, range, literal, ...
    if any(has_braces(part) for part in parts[::2]):
        raise DataError("braces are nested or not closed; write ranges such as {0000..0999} or {a,b}")
    ranges = [_Range(part) for part in parts[1::2]]
    if (total := prod(map(len, ranges))) > MAX_SHARDS:
        raise DataError(f"braces stand for {total} names, the limit is {MAX_SHARDS}; give fewer, larger shards")
    literals = parts[::2]
    return ["".join(map("".join, zip(literals, (*chosen, ""), strict=True))) for chosen in product(*ranges)]


class _Range:
    """The names that one pair of braces stands for, not made before their number is known."""

    def __init__(self, inside: str) -> None:
        self._names: list[str] | None = None
        if found := RANGE.fullmatch(inside):
            first, last = found.groups()
            self._first, self._last = int(first), int(last)
            padded = any(end.startswith("0") and len(end) > 1 for end in (first, last))
            self._width = max(len(first), len(last)) if padded else 0
            if self._first > self._last:
                raise DataError(f"{{{inside}}} runs backwards; write {{{last}..{first}}}")
            return
        self._names = inside.split(",")
        if ".." in inside or len(self._names) < 2 or not all(self._names):
            raise DataError(f"{{{inside}}} is no range; write one such as {{0000..0999}} or {{a,b}}")
        if len(set(self._names)) < len(self._names):
            raise DataError(f"{{{inside}}} names the same twice; name each once")

    def __len__(self) -> int:
        return len(self._names) if self._names is not None else self._last - self._first + 1

    def __iter__(self):
        if self._names is not None:
            return iter(self._names)
        return (f"{number:0{self._width}d}" for number in range(self._first, self._last + 1))
