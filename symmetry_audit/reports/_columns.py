"""Columns of numbers as text: fixed decimals, ranges, and marks that leave decimals in line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor, log10

from symmetry_audit.reports._table import NULL

__all__ = ["column", "error_column", "fixed", "range_column", "short"]


def fixed(values: Sequence[float], digits: int = 3) -> Callable[[float], str]:
    """Fixed decimals for a column: the smallest value keeps ``digits`` significant digits.

    A value below a thousandth of the largest one may lose digits; a column of tiny values is in scientific notation.
    """
    sizes = [float(f"{abs(value):.{digits - 1}e}") for value in values if value]  # 0.0999999 counts as 0.1
    if not sizes:
        return "{:.0f}".format
    exponent = floor(log10(max(min(sizes), max(sizes) / 1000)))
    decimals = max(digits - 1 - exponent, 0)
    return (f"{{:.{digits - 1}e}}" if exponent < -6 else f"{{:.{decimals}f}}").format


def column(values: Sequence[float | None], marks: Sequence[str] = (), digits: int = 3) -> list[str]:
    """The cells, a null as NULL, padded so that decimals line up whether or not a cell has a mark."""
    write = fixed([value for value in values if value is not None], digits)
    cells = [NULL if value is None else write(value) for value in values]
    return [cell + (mark or " ") for cell, mark in zip(cells, marks, strict=True)] if any(marks) else cells


def error_column(values: Sequence[float | None], errors: Sequence[float | None], digits: int = 2) -> list[str]:
    """The cells, each with its standard error where there is one, in the same decimals."""
    write = fixed([value for value in values if value is not None], digits)
    cells = column(values, digits=digits)
    return [
        cell if error is None else f"{cell} \N{PLUS-MINUS SIGN} {write(error)}"
        for cell, error in zip(cells, errors, strict=True)
    ]


def range_column(pairs: Sequence[tuple[float | None, float | None]]) -> list[str]:
    """``low to high`` of every pair, with the decimals that the larger ends need; NULL if an end is missing."""
    whole = [(low, high) for low, high in pairs if low is not None and high is not None]
    write = fixed([max(map(abs, pair)) for pair in whole], digits=2)
    return [NULL if low is None or high is None else f"{write(low)} to {write(high)}" for low, high in pairs]


def short(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
