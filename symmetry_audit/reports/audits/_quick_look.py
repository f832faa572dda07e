"""The part of Table 1 that a quick look adds: what the pixels that were not measured may change."""

from __future__ import annotations

from symmetry_audit.reports._columns import error_column
from symmetry_audit.reports._table import Part
from symmetry_audit.reports.audits._checked import CheckedReport
from symmetry_audit.reports.audits._statistics import labels, percent, swept_titles
from symmetry_audit.results import Scenario

__all__ = ["quick_look_part"]


def quick_look_part(run: CheckedReport) -> Part | None:
    """For every scenario the regularizers down: mean response, epsilon and relative epsilon with their standard errors.

    None where all pixels were measured.
    """
    rows = [row for row in run.rows.values() if row.mean_response_pixel_se is not None]
    swept = swept_titles(run)
    blocks = []
    for scenario in run.scenarios:
        chosen = [row for row in rows if row.scenario == scenario]
        if chosen:
            cells = [
                *labels(run, chosen, swept),
                error_column([row.mean_response for row in chosen], [row.mean_response_pixel_se for row in chosen]),
                error_column([row.epsilon for row in chosen], [row.epsilon_pixel_se for row in chosen]),
                error_column(
                    [percent(row.relative_epsilon) for row in chosen],
                    [percent(row.relative_epsilon_pixel_se) for row in chosen],
                ),
            ]
            blocks.append((Scenario.named(scenario).title, tuple(zip(*cells, strict=True))))
    header = (*swept.values(), "Regularizer", f"Mean response ({run.unit})", f"ε ({run.unit})", "Relative ε (%)")
    return Part(header, len(swept) + 1, tuple(blocks)) if blocks else None
