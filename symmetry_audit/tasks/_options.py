"""The settings that a task may have, each a value from which a command line option can be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Any

from symmetry_audit.errors import SettingError

__all__ = ["Option", "checked_number", "read_span"]


@dataclass(frozen=True)
class Option:
    """One setting of a task: ``--NAME`` on the command line, the keyword ``name`` of ``make_task``.

    ``type`` is what ``--help`` shows as its value and ``read`` makes a value of the text that a user writes there; it
    raises ValueError. ``check`` takes a value of any type and returns it as the task holds it; it raises SettingError.
    ``examples`` are texts that a user may write; where the option is ``required``, the message about a missing one
    shows them. Tasks that share an option share the value.
    """

    name: str
    type: str
    help: str
    check: Callable[[Any], Any]
    read: Callable[[str], Any] = float
    examples: tuple[str, ...] = ()
    required: bool = False


def checked_number(name: str, value: object) -> float:
    """``value`` as a float. Raises SettingError where it is not a finite number."""
    if not isinstance(value, Real) or isinstance(value, bool) or not isfinite(value):
        raise SettingError(f"--{name} takes a number, got {value!r}")
    return float(value)


def read_span(text: str) -> float | tuple[float, float]:
    """A number, or the lowest and the highest with a colon between. Raises ValueError.

    >>> read_span("25"), read_span("5:35")
    (25.0, (5.0, 35.0))
    """
    try:
        numbers = [float(part) for part in text.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise ValueError(f'"{text}" is not a number such as 25, or a range such as 5:35')
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])
