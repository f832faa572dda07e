"""Values that are written as text, such as comma lists and ranges. They are parsed alike wherever an option is set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

__all__ = [
    "BANDS",
    "COUNT_OR_ALL",
    "LAYERS",
    "NAMES",
    "NUMBERS",
    "PATHS",
    "SHARE",
    "SPAN",
    "WHOLE_NUMBERS",
    "Names",
    "Parsed",
    "span_or",
]


@dataclass(frozen=True)
class Parsed(BeforeValidator):
    """Metadata of a field: ``func`` parses a text into the field's value and leaves other types as they are.

    It raises ValueError, whose message follows the name of the option. ``metavar`` says what the text looks like.
    """

    func: Callable[[Any], Any]
    metavar: str = "TEXT"


def _names(value: Any) -> Any:
    """Flatten "a,b" and ["a", "b,c"] into names without repeats, in order."""
    if value is None:
        return None
    values = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(part, str) for part in values):
        raise ValueError(f"takes names, got {value!r:.60}")
    names = (name.strip() for part in values for name in part.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def _numbers(kind: type[float] | type[int]) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return tuple(value) if isinstance(value, Iterable) else value
        try:
            return tuple(kind(part) for part in value.split(","))
        except ValueError:
            raise ValueError(f'"{value}" is not a number or a comma list of numbers') from None

    return parse


def _span(word: str | None = None) -> Callable[[Any], Any]:
    wanted = "a number or a range such as 5:35" if word is None else f"{word}, a number or a range such as 5:35"

    def parse(value: Any) -> Any:
        if not isinstance(value, str) or value == word:
            return tuple(value) if isinstance(value, list) else value
        try:
            low, *high = map(float, value.split(":"))
        except ValueError:
            raise ValueError(f'"{value}" is not {wanted}') from None
        if len(high) > 1:
            raise ValueError(f'"{value}" is not {wanted}')
        return (low, *high) if high else low

    return parse


def span_or(word: str) -> Parsed:
    """A range, or ``word`` itself."""
    return Parsed(_span(word), metavar=f"{word}|X|LO:HI")


def _bands(value: Any) -> Any:
    bands = _numbers(int)((value,) if type(value) is int else value)
    if isinstance(bands, tuple) and (len(bands) not in (1, 3) or any(isinstance(b, int) and b < 1 for b in bands)):
        raise ValueError("takes one band for grey, or three for red, green and blue, counted from 1, such as 3,2,1")
    return bands


def _count(value: Any) -> Any:
    if not isinstance(value, str) or value == "all":
        return value
    if not value.isdecimal():
        raise ValueError(f'"{value}" is not a number or all')
    return int(value)


def _share(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(Fraction(value))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f'"{value}" is not a share such as 0.25 or 1/3') from None


def _layers(value: Any) -> Any:
    if isinstance(value, int) or value is None:
        return value
    text = ",".join(_names(value))
    return int(text) if text.isdecimal() else tuple(part.strip() for part in text.split(",") if part.strip())


def _paths(value: Any) -> Any:
    """One path, or several, as a tuple; a path may hold a comma."""
    found: Any = (value,) if isinstance(value, str | Path) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(path, str | Path) and str(path) for path in found):
        raise ValueError(f"takes paths, got {value!r:.60}")
    return tuple(map(Path, found))


NAMES = Parsed(_names, metavar="NAMES")
PATHS = Parsed(_paths, metavar="PATH")
Names = Annotated[str | Sequence[str] | None, NAMES]
BANDS = Parsed(_bands, metavar="BAND|R,G,B")
NUMBERS = Parsed(_numbers(float), metavar="NUMBERS")
WHOLE_NUMBERS = Parsed(_numbers(int), metavar="NUMBERS")
SHARE = Parsed(_share, metavar="SHARE")
SPAN = Parsed(_span(), metavar="X|LO:HI")
COUNT_OR_ALL = Parsed(_count, metavar="NUMBER|all")
LAYERS = Parsed(_layers, metavar="NUMBER|NAMES")
