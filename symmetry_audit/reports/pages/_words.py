"""Numbers and lists in words, as every page says them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["interval", "listed", "percent", "sentence", "share"]


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction as a percentage with at least ``digits`` digits; nothing for None."""
    if value is None:
        return ""
    shown = 100 * value
    if 0 < shown < 0.01:
        return "below 0.01 %"
    return f"{shown:.{digits}g} %" if abs(shown) < 10**digits - 0.5 else f"{shown:.0f} %"


def interval(low: float | None, high: float | None) -> str:
    """Its ends as percentages; nothing where one is not known."""
    return "" if low is None or high is None else f"{percent(low).removesuffix(' %')} to {percent(high)}"


def share(value: float | None, low: float | None, high: float | None) -> str:
    """ "9.3 % (95 % interval 2.6 to 16 %)"."""
    return f"{percent(value)}{f' (95 % interval {interval(low, high)})' if interval(low, high) else ''}"


def listed(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def sentence(text: str) -> str:
    """With a capital at the beginning and a full stop at the end; nothing for nothing."""
    stripped = text.strip()
    if not stripped:
        return ""
    return stripped[0].upper() + stripped[1:] + ("" if stripped.endswith((".", "!", "?")) else ".")
