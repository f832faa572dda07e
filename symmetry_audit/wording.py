"""Words for messages, tables and figures. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["GREY_LEVELS", "HU", "WINDOWED", "count", "numbers", "printable"]

GREY_LEVELS, HU, WINDOWED = "grey levels", "HU", "grey levels of the window"  # units of luminance


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
