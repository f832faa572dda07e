"""Words for messages, tables and figures. Standard library only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

__all__ = [
    "GREY_LEVELS",
    "HU",
    "WINDOWED",
    "count",
    "csv_row",
    "escaped",
    "from_csv",
    "numbers",
    "printable",
    "without_secrets",
]

GREY_LEVELS, HU, WINDOWED = "grey levels", "HU", "grey levels of the window"  # units of luminance
JOINERS = "\u200c\u200d"  # parts of words in Persian and Indic scripts, and of emoji
URL = re.compile(r"(\w+://)(?:[^/?#\s]*@)?([^?#\s]*)(?:[?#]\S*)?")
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def count(number: int, noun: str) -> str:
    """``number`` and ``noun``, in the plural unless the number is 1.

    >>> count(1, "image"), count(3, "image")
    ('1 image', '3 images')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def numbers(values: Iterable[float]) -> str:
    """``1, 1.5, 2`` as text."""
    return ", ".join(f"{value:g}" for value in values)


def printable(text: str) -> str:
    """``text`` on one line without control characters: a dataset name may carry line breaks or escape codes."""
    return "".join(char if char.isprintable() else " " for char in text)


def escaped(text: str, keep: str = "") -> str:
    """``text`` with control characters, those that turn the direction of writing, and bytes that are no text as
    escapes, so that a name cannot pass for other output. Letters of every script stay, and the characters in ``keep``.

    >>> print(escaped("森林\\x1b[2J\\u202e.png\\n"))
    森林\\x1b[2J\\u202e.png\\n
    """
    if text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode() if _acts(char) and char not in keep else char for char in text
    )


def without_secrets(value: Any) -> Any:
    """A JSON value in which no URL has a user, a password or a query, which may be a signature.

    >>> without_secrets("https://me:word@host/0001.tar?signature=1 is missing")
    'https://host/0001.tar is missing'
    """
    if isinstance(value, dict):
        return {name: without_secrets(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return URL.sub(r"\1\2", value) if isinstance(value, str) else value


def _acts(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in JOINERS


def csv_row(cells: Iterable[object]) -> list[object]:
    """``cells`` for a CSV file: a text that spreadsheets would run as a formula has ' in front; numbers stay.

    >>> csv_row(["=1+1", "-0.5", -0.5])
    ["'=1+1", '-0.5', -0.5]
    """
    return [f"'{cell}" if isinstance(cell, str) and _runs(cell) else cell for cell in cells]


def from_csv(cell: str) -> str:
    """The text that :func:`csv_row` wrote as ``cell``."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _runs(text: str) -> bool:
    """Whether a spreadsheet would take ``text`` for more than a text or a number."""
    if not FORMULA.match(text):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
