"""The settings that a task may have, each with its check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Any

from symmetry_audit.errors import SettingError

__all__ = ["Option", "checked_number"]


@dataclass(frozen=True)
class Option:
    """One setting of a task: the keyword ``name`` of ``make_task``, and a field of ``options.TaskSettings``.

    ``check`` takes a value of any type and returns it as the task holds it; it raises SettingError. ``examples`` are
    texts that a user may write; where the option is ``required``, the message about a missing one shows them. Tasks
    that share an option share the value.
    """

    name: str
    check: Callable[[Any], Any]
    examples: tuple[str, ...] = ()
    required: bool = False


def checked_number(name: str, value: object) -> float:
    """``value`` as a float. Raises SettingError if it is not a finite number."""
    if not isinstance(value, Real) or isinstance(value, bool) or not isfinite(value):
        raise SettingError(f"--{name} takes a number, got {value!r}")
    return float(value)
