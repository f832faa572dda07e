"""report.json of earlier versions as one of today's: the first schema gave relative numbers another meaning, and
numbers that a version did not know yet are null for that reason."""

from __future__ import annotations

from typing import Any

from symmetry_audit.results._relative import CONTROL_FIELDS, RELATIVE_FIELDS
from symmetry_audit.results._scenario import DATASET_ADAPTIVE

__all__ = ["CONTROL_ERRORS", "FIRST_SCHEMA", "REPORT_SCHEMA", "explained", "from_first"]

FIRST_SCHEMA, REPORT_SCHEMA = "symaudit.report/1", "symaudit.report/2"
CONTROL_ERRORS = ("control_images", "null_epsilon_se", "random_epsilon_se", "held_out_epsilon_se")
OLDER = "the report is older than this number, and its controls were measured on all images and pixels"
UNKNOWN = "the report is older than this number; symmetry_audit.reports.load_report looks for it in the responses"


def from_first(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` of FIRST_SCHEMA as one of REPORT_SCHEMA; parts of a wrong type stay, for the reader to refuse.

    There relative numbers were divided by the response at the identity, which was called ``mean_response``. Those of
    today do not follow from them, so they become null, with the reason. The recommendation, which followed another
    rule, is left out: `symaudit recommend` makes one from the responses.
    """
    changed = {**document, "schema": REPORT_SCHEMA, "recommendation": None}
    if isinstance(rows := document.get("results"), list):
        changed["results"] = [_row(row) if isinstance(row, dict) else row for row in rows]
    if isinstance(analyses := document.get("analyses"), dict):
        emptied = {name: _without_relative(entries) for name, entries in analyses.items()}
        changed["analyses"] = emptied | {"reasons": dict.fromkeys(("transfer", "folders"), UNKNOWN)}
    return changed


def explained(document: Any) -> Any:
    """``document`` of REPORT_SCHEMA with a reason for the standard errors of controls that its rows are too old for.

    Parts of a wrong type stay, for the reader to refuse.
    """
    rows = document.get("results") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        return document
    return {**document, "results": [_explained_row(row) if isinstance(row, dict) else row for row in rows]}


def _explained_row(row: dict[str, Any]) -> dict[str, Any]:
    reasons = row.get("reasons", {})
    if row.get("scenario") != DATASET_ADAPTIVE.name or "control_images" in row or not isinstance(reasons, dict):
        return row
    relative = (name for name, field in CONTROL_FIELDS.items() if field in CONTROL_ERRORS)
    return {**row, "reasons": dict.fromkeys((*CONTROL_ERRORS, *relative), OLDER) | reasons}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    adaptive = row.get("scenario") == DATASET_ADAPTIVE.name
    names = [name for name in RELATIVE_FIELDS if adaptive or name not in CONTROL_FIELDS]
    changed = {**row, **dict.fromkeys(names)}
    if "mean_response" in row:
        changed |= {"mean_response": None, "identity_response": row["mean_response"]}
    reasons = row.get("reasons", {})
    if isinstance(reasons, dict):
        same = {name: reasons.get(RELATIVE_FIELDS[name], UNKNOWN) for name in names}
        changed["reasons"] = {**reasons, **same, "mean_response": UNKNOWN}
    return changed


def _without_relative(entries: Any) -> Any:
    """A table of the analyses without its relative epsilons."""
    if not isinstance(entries, list):
        return entries
    return [
        {**entry, "relative_epsilon": None} if isinstance(entry, dict) and "relative_epsilon" in entry else entry
        for entry in entries
    ]
