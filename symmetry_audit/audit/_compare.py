"""Does a report hold? Two audits of the same data and settings, compared row by row."""

from __future__ import annotations

from symmetry_audit.results import AuditReport, ResultRow

__all__ = ["TOLERANCE", "differences"]

TOLERANCE = 1e-4  # of the mean response: what float32, float64 and other machines agree to


def differences(old: AuditReport, new: AuditReport) -> tuple[str, ...]:
    """What of ``old`` the recomputed ``new`` contradicts, one sentence each; empty where all holds."""
    found = []
    if old.dataset.images != new.dataset.images:
        found.append(f"the report has {old.dataset.images} images, the source now gives {new.dataset.images}")
    if old.dataset.fingerprint != new.dataset.fingerprint:
        found.append("the image files are not those of the report: the fingerprint differs")
    if old.skipped != new.skipped:
        found.append(f"the report leaves out {len(old.skipped)} images, the recomputation {len(new.skipped)}")
    rows = {_key(row): row for row in new.results}
    if set(rows) != {_key(row) for row in old.results} or len(rows) != len(old.results):
        return (*found, "the report's rows are not those that its settings give")
    return (*found, *(text for row in old.results for text in _row_differences(row, rows[_key(row)])))


def _key(row: ResultRow) -> tuple:
    return row.regularizer, row.scenario, row.sigma, row.downscale


def _row_differences(old: ResultRow, new: ResultRow) -> list[str]:
    scale = max(new.mean_response, 1e-12)
    limits = {
        **dict.fromkeys(("epsilon", "mean_response", "epsilon_selected", "median", "q25", "q75"), TOLERANCE * scale),
        **dict.fromkeys(("relative_epsilon", "normalized_epsilon"), TOLERANCE),
        **dict.fromkeys(("group", "images", "selected_image", "tested", "visible_elements"), None),
    }
    return [
        f"{old.regularizer}, {old.scenario}: {name} is {getattr(old, name)}, recomputed {getattr(new, name)}"
        for name, limit in limits.items()
        if not _agree(getattr(old, name), getattr(new, name), limit)
    ]


def _agree(old: object, new: object, limit: float | None) -> bool:
    if limit is None or old is None or new is None:
        return old == new
    return abs(old - new) <= limit
