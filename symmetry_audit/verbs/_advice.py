"""Advice that `symaudit recommend` left beside a report, and what belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symmetry_audit.errors import ReportError

if TYPE_CHECKING:
    from symmetry_audit.results import AuditReport, Recommendation

__all__ = ["report_advice", "stored_advice"]


def stored_advice(report: AuditReport, task: str | None) -> Recommendation | None:
    """The advice in the report's folder if it was made for the task of this text (None: any), else the report's own.

    Advice about other images, of a report that was measured anew since, does not count. None where there is neither.
    Raises ReportError for a damaged file.
    """
    from symmetry_audit.results import RECOMMENDATION_FILE, Recommendation

    if report.folder is not None and (report.folder / RECOMMENDATION_FILE).is_file():
        found = Recommendation.load(report.folder)
        if found.fingerprint == report.dataset.fingerprint and (task is None or found.task in (None, task)):
            return found
    return report.recommendation


def report_advice(report: AuditReport) -> Recommendation:
    """The report's own advice. Raises ReportError where it has no dataset rows to choose from."""
    if report.recommendation is None:
        hint = "holds no dataset rows to choose from; measure with --scenario all"
        raise ReportError(f"{'the report' if report.folder is None else report.folder / 'report.json'} {hint}")
    return report.recommendation
