"""Tables of the text reports as blocks of a page: the same cells, so that no number is said in two ways."""

from __future__ import annotations

from collections.abc import Sequence

from symmetry_audit.reports._table import Part, Table
from symmetry_audit.reports.pages._blocks import Block, Numbers, Text

__all__ = ["ROWS", "numbers", "tables"]

ROWS = 200  # of one table; a page must not grow with the data


def numbers(title: str, part: Part | None, note: str = "", link: str = "", *, folded: bool = True) -> list[Numbers]:
    """The part as a block, at most ROWS rows of it; none for None."""
    if part is None:
        return []
    blocks, room = [], ROWS
    for heading, rows in part.blocks:
        blocks.append((heading, tuple(tuple(cell.strip() for cell in row) for row in rows[: max(room, 0)])))
        room -= len(rows)
    if room < 0:
        note = f"{note} Only the first {ROWS} of {ROWS - room} rows are shown.".strip()
    return [Numbers(title, part.header, part.labels, tuple(blocks), note, link, folded)]


def tables(table: Table, said: Sequence[str] = ()) -> tuple[Block, ...]:
    """All parts of a table, each named by its first column, and its notes, less those ``said`` elsewhere."""
    blocks = [block for part in table.parts for block in numbers(part.header[0], part)]
    notes = tuple(note for note in table.notes if note not in said)
    return (*blocks, Text(notes, "How to read these numbers")) if notes else tuple(blocks)
