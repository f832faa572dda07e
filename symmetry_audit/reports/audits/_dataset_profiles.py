"""The response profiles of all images of a report, for comparisons with those of other reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from symmetry_audit.errors import ReportError
from symmetry_audit.reports.audits._checked import ProfileKey, checked, is_tested
from symmetry_audit.reports.audits._responses import RESPONSES_FILE, image_profiles, mean_profiles
from symmetry_audit.results import SAMPLE_STRICT, AuditReport

__all__ = ["dataset_profiles", "tested_keys"]


def tested_keys(report: AuditReport) -> list[ProfileKey]:
    """The dataset rows whose regularizer sees an element of the group, in the order of the run. Raises ReportError."""
    rows = checked(report).rows
    return [key for key, row in rows.items() if key.scenario != SAMPLE_STRICT.name and is_tested(row)]


def dataset_profiles(folder: Path, report: AuditReport, keys: list[ProfileKey]) -> tuple[list[str], np.ndarray]:
    """The images of ``report`` in their order, and their profiles (N, K, T) for the K ``keys``.

    Raises ReportError where responses.parquet is missing, damaged or does not agree with the report.
    """
    run = checked(report)
    mean_profiles(folder, run)  # refuses what does not agree with the report
    names, tables = [], []
    for name, table in image_profiles(folder / RESPONSES_FILE, run.group, keys):
        names.append(name)
        tables.append(table)
    if not names:
        raise ReportError(f"{folder / RESPONSES_FILE} has no rows; measure again with --force")
    return names, np.stack(tables)
