"""run.json: how the report beside it was made, and the hash of its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symmetry_audit.results._documents import Origin, read_json, unchecked

__all__ = ["RUN_FILE", "read_run"]

RUN_FILE = "run.json"
REMEDY = "remove it, since the report is whole without it, or measure again with --force"


def read_run(folder: Path) -> Mapping[str, Any]:
    """The run.json in ``folder``, empty where there is none; an older version may lack any field.

    Raises ReportError where it is damaged.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        return {}
    origin = Origin(str(path), REMEDY)
    found = unchecked(read_json(path, REMEDY), origin)
    if not isinstance(found, dict):
        raise origin.damaged("it is not an object")
    return found
