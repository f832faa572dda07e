"""What a benchmark that was stopped goes on with: a CSV file with a row for each run, or a JSON file for each."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["add_row", "kept", "rows"]


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file so far, none if there is no file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def add_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append a row to a CSV file; the first one goes below the names of its columns."""
    new = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def kept(path: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a JSON file holds; if there is none, what ``measure`` finds, which is then written there."""
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    found = measure()
    path.write_text(json.dumps(found), encoding="utf-8")
    return found
