"""report.json of the first schema, whose relative numbers had another meaning, as one of today's."""

from __future__ import annotations

from typing import Any

from symmetry_audit.results._relative import CONTROL_FIELDS, RELATIVE_FIELDS
from symmetry_audit.results._scenario import DATASET_ADAPTIVE

__all__ = ["FIRST_SCHEMA", "REPORT_SCHEMA", "from_first"]

FIRST_SCHEMA, REPORT_SCHEMA = "symaudit.report/1", "symaudit.report/2"
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
