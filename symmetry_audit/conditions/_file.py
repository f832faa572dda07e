"""The file of conditions: its schema, and errors that name the condition and the nearest key."""

from __future__ import annotations

import tomllib
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError
from pydantic import model_validator as validated

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.wording import printable

__all__ = ["Condition", "load_conditions"]

Number = StrictInt | StrictFloat
Plain = StrictBool | StrictInt | StrictFloat | StrictStr
LIMITS = ("at_most", "at_least", "equals")


class Condition(BaseModel):
    """One condition: the ``value`` of every selected row is ``at_most`` and ``at_least`` these, or ``equals`` that.

    ``table`` names the list of the JSON document that rows are selected from. Every other key is a selector: the
    name of a field and what it is, or a list of what it may be. Raises ValueError where there is no limit, or where
    limits contradict each other.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    # the type of every other key, where pydantic looks for it
    __pydantic_extra__: dict[str, Plain | list[Plain]] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]

    name: StrictStr = Field(min_length=1)
    value: StrictStr = Field(min_length=1)
    table: StrictStr | None = None
    at_most: Number | None = None
    at_least: Number | None = None
    equals: Plain | None = None

    @validated(mode="after")
    def _limited(self) -> Self:
        given = [name for name in LIMITS if getattr(self, name) is not None]
        if not given:
            raise ValueError(f"has no limit; give {', '.join(LIMITS[:-1])} or {LIMITS[-1]}")
        if "equals" in given and len(given) > 1:
            raise ValueError(f"has equals and {given[0]}; give one of them")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise ValueError(f"can never hold: at_least {self.at_least:g} is above at_most {self.at_most:g}")
        return self

    @property
    def selectors(self) -> dict[str, Any]:
        """Names of fields, each with the values that a selected row may have there."""
        found = (self.__pydantic_extra__ or {}).items()
        return {name: value if isinstance(value, list) else [value] for name, value in found}

    @property
    def limit(self) -> str:
        """The limit in words."""
        if self.equals is not None:
            return f"equals {_said(self.equals)}"
        ends = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{words} {_said(end)}" for words, end in ends if end is not None)


def load_conditions(path: Path) -> tuple[Condition, ...]:
    """The conditions in a TOML file, one ``[[condition]]`` each. Raises SettingError where it is none."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"cannot read the conditions in {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, no TOML, or nested without end
        raise SettingError(f"{path} is not valid TOML: {error}") from None
    for key in document:
        if key != "condition":
            raise SettingError(f'{path}: unknown key "{printable(key)}".{suggest(key, ["condition"])}')
    listed = document.get("condition")
    if not isinstance(listed, list) or not listed:
        raise SettingError(f"{path} holds no condition; write one as [[condition]] with name, value and at_most")
    found = tuple(_condition(item, number, path) for number, item in enumerate(listed, start=1))
    name, times = Counter(item.name for item in found).most_common(1)[0]
    if times > 1:
        raise SettingError(f'{path}: {times} conditions are called "{printable(name)}"; give each a name of its own')
    return found


def _condition(item: Any, number: int, path: Path) -> Condition:
    try:
        return Condition.model_validate(item)
    except ValidationError as error:
        first = error.errors()[0]
    title = item.get("name") if isinstance(item, dict) else None
    where = f'condition "{printable(title)}"' if isinstance(title, str) and title else f"condition {number}"
    raise SettingError(f"{path}: {where} {_complaint(first, item)}")


def _complaint(error: Any, item: Any) -> str:
    """What is wrong, and what belongs there."""
    key = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "missing":
        near = get_close_matches(key, [name for name in item if name not in Condition.model_fields], n=1)
        return f"has no {key}" + (f', but "{printable(near[0])}"; rename that' if near else f"; add {key}")
    takes = "a number" if key in LIMITS[:-1] else "a text" if key in ("name", "value", "table") else "text or a number"
    return f"has {key} = {error['input']!r:.40}; {key} takes {takes}"


def _said(value: Any) -> str:
    return (
        f'"{printable(value)}"'
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
    )
