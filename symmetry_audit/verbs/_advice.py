"""Advice that `symaudit recommend` left beside a report, and what belongs to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symmetry_audit.errors import ReportError
from symmetry_audit.results import DATASET_STRICT

if TYPE_CHECKING:
    from symmetry_audit.results import AuditReport, Recommendation

__all__ = ["report_advice", "stored_advice", "training_advice"]


def stored_advice(report: AuditReport, task: str | None) -> Recommendation | None:
    """The advice in the report's folder if it was made for the task of this text (None: any), else the report's own.

    Advice about other images, of a report that was measured anew since, does not count. None where there is neither.
    Raises ReportError for a damaged file.
    """
    from symmetry_audit.results import RECOMMENDATION_FILE, Recommendation

    if report.folder is not None and (report.folder / RECOMMENDATION_FILE).is_file():
        found = Recommendation.load(report.folder)
        if _current(found, report) and (task is None or found.task in (None, task)):
            return found
    return report.recommendation


def _current(found: Recommendation, report: AuditReport) -> bool:
    """Whether the advice is about these images, measured as in this report."""
    if found.fingerprint != report.dataset.fingerprint:
        return False
    own = report.recommendation
    return own is None or [item.values for item in found.candidates] == [item.values for item in own.candidates]


def training_advice(report: AuditReport, task: str) -> Recommendation | None:
    """``stored_advice``, that of an older version from its responses; None where there is nothing to choose from.

    Raises ReportError for a damaged file.
    """
    found = stored_advice(report, task)
    return found if found is not None or not _advisable(report) else report_advice(report)[1]


def report_advice(report: AuditReport) -> tuple[AuditReport, Recommendation]:
    """The report with its own advice, that of an older version from its responses.

    Raises ReportError where it has no rows to choose from, or no responses.
    """
    if report.recommendation is not None:
        return report, report.recommendation
    where = "the report" if report.folder is None else report.folder / "report.json"
    if not _advisable(report) or report.folder is None:
        raise ReportError(f"{where} holds no dataset rows to choose from; measure with --scenario all")
    from symmetry_audit.audit import AuditSettings
    from symmetry_audit.findings import advice_from_profiles
    from symmetry_audit.reports import StrictProfiles

    drawn = StrictProfiles.of(report.folder, report)
    settings = AuditSettings.from_dict(report.settings)
    rows, found = advice_from_profiles(settings, drawn, report.unit, limit=drawn.limit)
    return replace(report, analyses={**report.analyses, "directions": rows}, recommendation=found), found


def _advisable(report: AuditReport) -> bool:
    return report.folder is not None and any(row.scenario == DATASET_STRICT.name for row in report.results)
