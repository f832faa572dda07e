"""The lower parts of Table 1: the statistics of every relative epsilon, and whether adapting holds up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symmetry_audit.reports._columns import column, error_column, range_column
from symmetry_audit.reports._table import INDISTINCT, NULL, UNTESTED, Part
from symmetry_audit.reports.audits._checked import CheckedReport, is_tested
from symmetry_audit.results import DATASET_ADAPTIVE, ResultRow, Scenario
from symmetry_audit.wording import numbers, printable

__all__ = ["held_out_part", "labels", "marks_of", "percent", "statistics_part", "swept_titles"]


def swept_titles(run: CheckedReport) -> dict[str, str]:
    """The columns that name the scale, empty where the run has one scale."""
    axes = {"sigma": ("σ (px)", run.sigmas), "downscale": ("Downscale", run.downscales)}
    return {name: title for name, (title, values) in axes.items() if len(values) > 1}


def marks_of(rows: Iterable[ResultRow | None]) -> list[str]:
    """The marks after an epsilon: a dagger where untested, "~" where it is not distinguishable from symmetric."""
    return ["" if row is None else _mark(row) for row in rows]


def _mark(row: ResultRow) -> str:
    return UNTESTED if not is_tested(row) else INDISTINCT if row.distinguishable is False else ""


def statistics_part(run: CheckedReport) -> Part | None:
    """For every scenario the regularizers down: relative epsilon in percent, its interval, null level, floor and p.

    None where the report has none of these statistics.
    """
    rows = list(run.rows.values())
    if all(row.ci_low is row.null_epsilon is row.floor is row.p_value is None and not row.reasons for row in rows):
        return None
    swept = swept_titles(run)
    header = (*swept.values(), "Regularizer", "Relative ε (%)", "95 % interval", "Null level", "Grid floor", "p")
    blocks = []
    for scenario in run.scenarios:
        chosen = [row for row in rows if row.scenario == scenario]
        if chosen:
            cells = zip(*labels(run, chosen, swept), *_statistics(chosen), strict=True)
            blocks.append((Scenario.named(scenario).title, tuple(cells)))
    return Part(header, len(swept) + 1, tuple(blocks))


def labels(run: CheckedReport, rows: Sequence[ResultRow], swept: Iterable[str]) -> list[list[str]]:
    """The leading columns: the scale where it is swept, and the regularizer."""
    scales = [[numbers([getattr(row, name)]) for row in rows] for name in swept]
    return [*scales, [run.regularizers[row.regularizer] for row in rows]]


def _statistics(rows: Sequence[ResultRow]) -> list[list[str]]:
    relative = [percent(row.relative_epsilon) for row in rows]
    return [
        column(relative, marks_of(rows)),
        range_column([(percent(row.relative_ci_low), percent(row.relative_ci_high)) for row in rows]),
        _with_errors(rows, "relative_null"),
        *_shares(rows, "relative_floor"),
        [_p(row.p_value) for row in rows],
    ]


def held_out_part(run: CheckedReport) -> Part | None:
    """The regularizers down: the effect of adapting on halves of images that w was not fitted on, in percent.

    None where the report has no adaptive row measured with controls.
    """
    rows = [row for row in run.rows.values() if row.scenario == DATASET_ADAPTIVE.name]
    if all(row.held_out_epsilon is row.random_epsilon is None for row in rows):
        return None
    swept = swept_titles(run)
    header = (*swept.values(), "Regularizer", "Fitted on", "Strict", "Adaptive", "Gain", "95 % interval", "p")
    cells = [
        *labels(run, rows, swept),
        [NULL if row.fit is None else printable(str(row.fit)) for row in rows],
        *_shares(rows, "relative_held_out_strict"),
        _with_errors(rows, "relative_held_out"),
        *_shares(rows, "relative_held_out_gain"),
        range_column(
            [(percent(row.relative_held_out_gain_low), percent(row.relative_held_out_gain_high)) for row in rows]
        ),
        [_p(row.held_out_p_value) for row in rows],
        _with_errors(rows, "relative_random"),
    ]
    title = f"{DATASET_ADAPTIVE.title}, held out: relative ε (%), p approximate"
    return Part((*header, "Random angles"), len(swept) + 2, ((title, tuple(zip(*cells, strict=True))),))


def _shares(rows: Sequence[ResultRow], *names: str) -> list[list[str]]:
    return [column([percent(getattr(row, name)) for row in rows], digits=2) for name in names]


def _with_errors(rows: Sequence[ResultRow], name: str) -> list[str]:
    values, errors = ([percent(getattr(row, field)) for row in rows] for field in (name, f"{name}_se"))
    return error_column(values, errors)


def percent(value: float | None) -> float | None:
    """A fraction in percent."""
    return None if value is None else 100 * value


def _p(value: float | None) -> str:
    return NULL if value is None else f"{value:.3f}"
