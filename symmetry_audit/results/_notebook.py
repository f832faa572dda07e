"""How results look in notebooks: a sentence and a small table as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from symmetry_audit.wording import printable

__all__ = ["MOST_ROWS", "notebook_html", "percent_of"]

MOST_ROWS = 12


def notebook_html(title: str, sentences: Iterable[str], header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A title, the sentences and at most MOST_ROWS rows; every text is escaped."""
    told = "".join(f"<p>{_escaped(text)}</p>" for text in sentences if text)
    head = "".join(f"<th>{_escaped(text)}</th>" for text in header)
    body = "".join(f"<tr>{''.join(f'<td>{_escaped(cell)}</td>' for cell in row)}</tr>" for row in rows[:MOST_ROWS])
    more = f"<p>... and {len(rows) - MOST_ROWS} more rows</p>" if len(rows) > MOST_ROWS else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
    return f"<div><p><strong>{_escaped(title)}</strong></p>{told}{table}{more}</div>"


def percent_of(value: float | None, digits: int = 3) -> str:
    """A fraction in percent, without the sign; nothing for None."""
    return "" if value is None else f"{100 * value:.{digits}g}"


def _escaped(text: str) -> str:
    return escape(printable(text))
