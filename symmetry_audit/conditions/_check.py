"""Conditions on the rows of a result: which rows, and whether they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symmetry_audit.conditions._file import Condition
from symmetry_audit.conditions._tables import ResultTable, tables_of
from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.wording import count, printable

__all__ = ["Outcome", "check"]

SHOWN = 12  # names that an error lists where none is near


@dataclass(frozen=True)
class Outcome:
    """Whether a condition holds, and ``found``, the number that decides in words."""

    condition: Condition
    ok: bool
    found: str

    @property
    def text(self) -> str:
        """One line for people."""
        return f"{'ok' if self.ok else 'failed'}: {printable(self.condition.name)}: {self.found}"


def check(document: Mapping[str, Any], conditions: Iterable[Condition]) -> tuple[Outcome, ...]:
    """Whether each of ``conditions`` holds in the JSON ``document`` of a result.

    A condition is about every row that has its value and fits its selectors, in the outermost table that has any such
    row. A value that is null does not hold. Raises SettingError where a condition selects nothing, where several
    tables could be meant, and where a limit does not fit the value.
    """
    tables = tables_of(document)
    return tuple(_outcome(condition, *_selected(condition, tables)) for condition in conditions)


def _selected(condition: Condition, tables: Sequence[ResultTable]) -> tuple[ResultTable, list[dict[str, Any]]]:
    """The table, and its rows that are meant. Raises SettingError."""
    asked, where = condition.table, f'condition "{printable(condition.name)}"'
    named = [table for table in tables if asked is None or table.called(asked)]
    if not named:
        raise SettingError(
            f'{where}: there is no table "{asked}".{_near(str(asked), (table.path for table in tables))}'
        )
    holding = [table for table in named if condition.value in table.own]
    if not holding:
        names = dict.fromkeys(name for table in named for name in table.own)
        raise SettingError(f'{where}: there is no value "{printable(condition.value)}".{_near(condition.value, names)}')
    fitting = [(table, rows) for table in holding if (rows := [row for row in table.rows if _fits(row, condition)])]
    if not fitting:
        raise SettingError(f"{where} selects nothing: {_nothing(condition, holding)}")
    outermost = [item for item in fitting if item[0].depth == fitting[0][0].depth]
    if len(outermost) > 1:
        paths = ", ".join(table.path for table, _ in outermost)
        raise SettingError(f'{where}: "{condition.value}" is in several tables; add table = one of {paths}')
    return outermost[0]


def _fits(row: Mapping[str, Any], condition: Condition) -> bool:
    chosen = condition.selectors.items()
    return condition.value in row and all(
        name in row and any(_same(row[name], one) for one in of) for name, of in chosen
    )


def _same(value: Any, other: Any) -> bool:
    """Equal, and of one kind: 1 is not true."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _nothing(condition: Condition, holding: Sequence[ResultTable]) -> str:
    """The first selector that leaves no row, with the nearest name or value."""
    rows = [row for table in holding for row in table.rows if condition.value in row]
    for name, wanted in condition.selectors.items():
        names = dict.fromkeys(key for row in rows for key in row)
        if name not in names:
            return f'rows with "{condition.value}" have no "{printable(name)}".{_near(name, names)}'
        left = [row for row in rows if name in row and any(_same(row[name], one) for one in wanted)]
        if not left:
            said = " or ".join(_said(one) for one in wanted)
            values = dict.fromkeys(str(row[name]) for row in rows if row.get(name) is not None)
            return f"no row has {name} = {said}.{_near(str(wanted[0]), values)}"
        rows = left
    return "its table is empty"


def _near(name: str, choices: Iterable[str]) -> str:
    """The nearest of ``choices``, or all of them where they are few."""
    listed = sorted(map(printable, choices), key=len)  # a short name is rather meant than a long one that holds it
    hint = suggest(name, listed)
    return hint if hint.startswith(" Did") or len(listed) <= SHOWN else " The names are those of --json."


def _outcome(condition: Condition, table: ResultTable, rows: Sequence[Mapping[str, Any]]) -> Outcome:
    name = condition.value
    for row in rows:
        if row[name] is None:
            why = row.get(f"reasons.{name}")
            reason = f" ({printable(why)})" if isinstance(why, str) else ""
            return Outcome(condition, False, f"{name} is not known{reason}{_where(condition, table, row, rows)}")
    if condition.equals is not None:
        wrong = [row for row in rows if not _same(row[name], condition.equals)]
        deciding = wrong[0] if wrong else rows[0]
        found = f"{name} is {_said(deciding[name])}" + (f", not {_said(condition.equals)}" if wrong else "")
        return Outcome(condition, not wrong, found + _where(condition, table, deciding, rows))
    for row in rows:
        if isinstance(row[name], bool) or not isinstance(row[name], int | float):
            raise SettingError(
                f'condition "{printable(condition.name)}": {name} is {_said(row[name])}, no number; use equals'
            )
    deciding = max(rows, key=lambda row: _excess(row[name], condition))
    ok = _excess(deciding[name], condition) <= 0
    found = f"{name} is {_said(deciding[name])}, {'' if ok else 'not '}{condition.limit}"
    return Outcome(condition, ok, found + _where(condition, table, deciding, rows))


def _excess(value: float, condition: Condition) -> float:
    """How far ``value`` is beyond the limits; negative inside."""
    above = -float("inf") if condition.at_most is None else value - condition.at_most
    below = -float("inf") if condition.at_least is None else condition.at_least - value
    return max(above, below)


def _where(condition: Condition, table: ResultTable, row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Which of several rows decides: the texts by which it differs from the others."""
    if len(rows) == 1:
        return ""
    names = [name for name in table.own if name != condition.value and not name.startswith("reasons.")]
    telling = [name for name in names if isinstance(row.get(name), str)]
    said = [printable(row[name]) for name in telling if len({other.get(name) for other in rows}) > 1]
    return f" ({', '.join(said[:3]) or 'the worst'} of {count(len(rows), 'row')})"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (
        f'"{printable(value)}"'
        if isinstance(value, str)
        else f"{value:.4g}"
        if isinstance(value, int | float)
        else str(value)
    )
