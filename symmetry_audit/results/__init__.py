"""What an audit found, as frozen values, to and from JSON. Standard library only (pandas on request)."""

from symmetry_audit.results._report import (
    REPORT_SCHEMA,
    SCENARIO_TITLES,
    SCENARIOS,
    AuditReport,
    DatasetInfo,
    ResultRow,
    SkippedImage,
    dump_json,
)

__all__ = [
    "REPORT_SCHEMA",
    "SCENARIOS",
    "SCENARIO_TITLES",
    "AuditReport",
    "DatasetInfo",
    "ResultRow",
    "SkippedImage",
    "dump_json",
]
