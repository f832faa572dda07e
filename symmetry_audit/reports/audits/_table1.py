"""Table 1 of [SA] from a report, with the statistics of every cell: plain text, Markdown, LaTeX, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields

from symmetry_audit.reports._columns import column
from symmetry_audit.reports._table import (
    INDISTINCT,
    NULL,
    UNTESTED,
    Part,
    Table,
    fitted_tex_table,
    markdown_table,
    tex_table,
    text_table,
)
from symmetry_audit.reports.audits._checked import CheckedReport, ProfileKey, checked, is_tested
from symmetry_audit.reports.audits._quick_look import quick_look_part
from symmetry_audit.reports.audits._statistics import held_out_part, marks_of, statistics_part, swept_titles
from symmetry_audit.results import DATASET_ADAPTIVE, SAMPLE_STRICT, AuditReport, ResultRow, Scenario
from symmetry_audit.wording import GREY_LEVELS, csv_row, numbers, printable

__all__ = ["table1_csv", "table1_markdown", "table1_parts", "table1_short_tex", "table1_tex", "table1_text"]

SQUARED = {"energy": "mean squared response", "rectified": "mean squared positive response"}

# what the notes call a null of each field; fields that no table shows have no name
NAMES = {
    "relative_epsilon": "relative ε",
    "relative_ci_low": "interval",
    "relative_null": "null level",
    "relative_floor": "floor",
    "p_value": "p",
    "epsilon_within_limit": "ε without the images at the limit",
    "relative_held_out": "held-out values",
    "relative_held_out_gain_low": "interval of the gain",
    "held_out_p_value": "held-out p",
    "relative_random": "random angles",
}
QUICK = (
    "Last part: a quick look, measured on some pixels of every image. ± is the standard error that the missing pixels "
    "add; the intervals above include it."
)
HELD_OUT = ("relative_held_out", "relative_held_out_gain_low", "held_out_p_value", "relative_random")


def _table1(report: AuditReport | CheckedReport) -> Table:
    run = checked(report)
    parts = table1_parts(run)
    _, statistics, held_out, quick = parts
    notes = (*_notes(run, statistics, held_out), *([QUICK] if quick else []))
    return Table(_caption(run), tuple(part for part in parts if part), notes)


def table1_parts(run: CheckedReport) -> tuple[Part, Part | None, Part | None, Part | None]:
    """The table of the paper; statistics, held-out values and a quick look's errors, None where there are none."""
    return _paper_part(run), statistics_part(run), held_out_part(run), quick_look_part(run)


def _paper_part(run: CheckedReport, short: bool = False) -> Part:
    """Scenarios down, regularizers across: as in [SA], and unless ``short`` without the images at the ratio limit."""
    keys = [
        ProfileKey(scenario, "", sigma, downscale)
        for sigma in run.sigmas
        for downscale in run.downscales
        for scenario in run.scenarios
    ]
    swept = swept_titles(run)
    labels = [(*(numbers([getattr(key, name)]) for name in swept), _title(key.scenario, short)) for key in keys]
    values: dict[str, tuple[Callable[[ResultRow], float | None], bool]] = {
        _epsilon_title(run): (lambda row: row.epsilon, True),
        "Relative ε (%)": (lambda row: None if row.relative_epsilon is None else 100 * row.relative_epsilon, True),
    }
    if _limited(run) and not short:
        values[f"ε without the images at the ratio limit ({run.unit})"] = (lambda row: row.epsilon_within_limit, False)
    blocks = []
    for title, (value, marked) in values.items():
        columns = [
            _cells([run.rows.get(key._replace(regularizer=name)) for key in keys], value, marked)
            for name in run.regularizers
        ]
        rows = [(*label, *cells) for label, cells in zip(labels, zip(*columns, strict=True), strict=True)]
        blocks.append((title, tuple(rows if marked else [*rows, *_share_rows(run, keys, swept)])))
    return Part((*swept.values(), "Scenario", *run.regularizers.values()), len(swept) + 1, tuple(blocks))


def _title(scenario: str, short: bool) -> str:
    found = Scenario.named(scenario)
    return ("Single sample" if found.single else found.profile.capitalize()) if short else found.title


def _epsilon_title(run: CheckedReport) -> str:
    scale = f", {run.intensities}" if run.report.dataset.unit == GREY_LEVELS else ""
    return f"ε ({run.unit}{scale})"


def _cells(rows: Sequence[ResultRow | None], value: Callable, marked: bool) -> list[str]:
    """One regularizer's cells in one block."""
    values = [None if row is None else value(row) for row in rows]
    return column(values, marks_of(rows) if marked else ())


def _limited(run: CheckedReport) -> bool:
    return any(row.images_at_limit for row in run.rows.values())


def _share_rows(run: CheckedReport, keys: Sequence[ProfileKey], swept: Mapping[str, str]) -> list[tuple[str, ...]]:
    """How many of the images are at the ratio limit, for every scale."""
    rows = []
    for key in dict.fromkeys(key._replace(scenario=run.scenarios[-1]) for key in keys):
        results = [run.rows.get(key._replace(regularizer=name)) for name in run.regularizers]
        shares = [
            NULL if row is None or row.images_at_limit is None else f"{100 * row.images_at_limit / row.images:.1f}"
            for row in results
        ]
        rows.append((*(numbers([getattr(key, name)]) for name in swept), "Images at the limit (%)", *shares))
    return rows


def _caption(run: CheckedReport) -> str:
    parts = [
        f"Symmetry error ε of {run.dataset} ({run.images}) under {run.group}",
        *([SQUARED[run.response]] if run.response in SQUARED else []),
        run.kernel_words,
        f"margin {run.margin} px",
        *([f"downscale {numbers(run.downscales)}"] if run.downscales != (1,) else []),
        run.intensities,
    ]
    return f"{'; '.join(parts)}."


def _notes(run: CheckedReport, statistics: Part | None, held_out: Part | None) -> tuple[str, ...]:
    rows = list(run.rows.values())
    notes = ["Relative ε: the largest minus the smallest mean response, in percent of their mean over the group."]
    if statistics:
        notes[0] += " So are its interval, null level and floor."
    if SAMPLE_STRICT.name in run.scenarios:
        notes.append("Single sample: the mean over the images of each image's own value, in percent of the same mean.")
    if statistics:
        notes += [
            "Null level: the ε expected by chance if the images had no preferred direction (adaptive rows: the ε of "
            "isotropic noise after the same fit). Grid floor: the ε that pixel sampling alone produces. p: invariance "
            "test."
        ]
    if held_out:
        notes += [
            "Held out: each image is measured on one half under the w fitted to its other half. Gain: strict minus "
            "adaptive. Random angles: whole images under the fitted ratios at random angles."
        ]
        controlled = {row.control_images for row in rows if row.control_images is not None}
        notes += [f"± is the standard error of controls on {number} of the {run.images}." for number in controlled]
    marks = marks_of(rows)
    if INDISTINCT in marks:
        notes.append(f"{INDISTINCT} Not distinguishable from symmetric: below twice the null level.")
    if not all(map(is_tested, rows)):
        blind = f"this regularizer sees no element of {run.group} but the identity"
        notes.append(f"{UNTESTED} Not tested: {blind}, so the value says nothing about symmetry.")
    fitted = DATASET_ADAPTIVE.name in run.scenarios and any(row.images_at_limit == 0 for row in rows)
    if fitted and not _limited(run):
        notes.append("No image is at the ratio limit.")
    return (*notes, *_null_notes(rows, _shown(statistics, held_out)))


def _shown(statistics: Part | None, held_out: Part | None) -> set[str]:
    """The fields whose nulls a table shows."""
    shown = {"relative_epsilon", "epsilon_within_limit"}
    shown |= {"relative_ci_low", "relative_null", "relative_floor", "p_value"} if statistics else set()
    return shown | (set(HELD_OUT) if held_out else set())


def _null_notes(rows: Sequence[ResultRow], shown: set[str]) -> list[str]:
    """One line for each reason, with the values that are missing for it."""
    names_by_reason: dict[str, dict[str, None]] = {}
    for row in rows:
        for name in NAMES:
            if name in shown and name in row.reasons:
                names_by_reason.setdefault(printable(row.reasons[name]), {})[NAMES[name]] = None
    return [f"{NULL} No {', '.join(names)}: {reason}." for reason, names in names_by_reason.items()]


def table1_text(report: AuditReport | CheckedReport) -> str:
    """Table 1 of [SA] for the terminal, ending in a line break: absolute and relative epsilon, aligned, and the
    statistics of every row.

    Epsilon is in the unit of the images, all percentages are of the mean response over the group, numbers have
    three significant digits or more. "~" marks values not distinguishable from symmetric, a dagger values not
    tested, an en dash a null. Raises ReportError where the report is unusable.
    """
    return text_table(_table1(report))


def table1_markdown(report: AuditReport | CheckedReport) -> str:
    """``table1_text`` as Markdown tables; every character of a name is shown as it is."""
    return markdown_table(_table1(report))


def table1_tex(report: AuditReport | CheckedReport) -> str:
    r"""``table1_text`` as a LaTeX ``table`` float with booktabs rules; compiles wherever booktabs is loaded."""
    return tex_table(_table1(report), "tab:symmetry-error")


def table1_short_tex(report: AuditReport | CheckedReport) -> str:
    r"""Table 1 as in [SA] alone: absolute and relative epsilon, for a column of a paper or two.

    A LaTeX ``table`` float with booktabs rules, never wider than the column; compiles wherever booktabs and graphicx
    are loaded. Raises ReportError where the report is unusable.
    """
    run = checked(report)
    table = Table(_caption(run), (_paper_part(run, short=True),), _notes(run, None, None))
    return fitted_tex_table(table, "tab:symmetry-error")


def table1_csv(report: AuditReport | CheckedReport) -> str:
    """One line per result row, every field of ResultRow at full precision, the dataset's name first.

    Null fields are empty, truth values ``true`` or ``false``; epsilon is in the unit of the images, relative values are
    fractions; ``reasons`` reads "fields: reason", reasons apart by " | ".
    """
    run = checked(report)
    names = [item.name for item in fields(ResultRow)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["dataset", *names])
    for row in run.report.results:
        values = {**asdict(row), "tested": str(row.tested).lower(), "reasons": _reasons_words(row.reasons)}
        writer.writerow(csv_row([run.report.dataset.name, *values.values()]))
    return text.getvalue()


def _reasons_words(reasons: Mapping[str, str]) -> str:
    names_by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names_by_reason.setdefault(reason, []).append(name)
    return " | ".join(f"{', '.join(names)}: {reason}" for reason, names in names_by_reason.items())
