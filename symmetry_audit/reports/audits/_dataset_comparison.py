"""A comparison of several audits as text for the terminal, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Sequence
from dataclasses import fields

from symmetry_audit.reports._columns import short
from symmetry_audit.reports._table import COLUMNS, NULL, Part, Table, tex_table, text_part
from symmetry_audit.results import ComparedRow, DatasetComparison, DatasetVerdict, Scenario
from symmetry_audit.wording import count, csv_row, printable

__all__ = ["dataset_comparison_csv", "dataset_comparison_tex", "dataset_comparison_text", "sentences"]

NAME = 16  # characters of a set's name in a table
ANSWERS = {  # of a restored set
    "restored": "Yes: the symmetry error of {name} is that of {first} again",
    "partly restored": "In part: the symmetry error of {name} goes back towards that of {first}",
    "not restored": "No: the symmetry error of {name} does not go back to that of {first}",
    "nothing to restore": "Nothing to restore: the symmetry error of {degraded} is that of {first}",
    "not settled": "Not settled: whether the symmetry error of {name} goes back to that of {first}",
}
DIFFERENCES = {  # of any other set
    "differs": "{name} differs in symmetry from {first}",
    "does not differ": "{name} does not differ in symmetry from {first} by more than {tolerance}",
    "not settled": "Whether {name} differs in symmetry from {first} is not settled",
}


def dataset_comparison_text(found: DatasetComparison, *, verbose: bool = False) -> str:
    """The answers in words, then a table of the group and scenario that they are about; ends in a line break.

    Relative epsilon in percent of the mean response, differences in points of it, responses in percent of the first
    set's. ``verbose``: all groups, scenarios and scales.
    """
    said = [line for text in sentences(found) for line in textwrap.wrap(text, COLUMNS, break_on_hyphens=False)]
    notes = [line for text in _notes(found) for line in textwrap.wrap(text, COLUMNS, break_on_hyphens=False)]
    return "\n".join([*said, "", *text_part(_part(found, verbose=verbose)), "", *notes]) + "\n"


def dataset_comparison_tex(found: DatasetComparison) -> str:
    r"""The table of ``dataset_comparison_text`` as a LaTeX ``table`` float with booktabs rules, without verdicts."""
    names = ", ".join(printable(one.name) for one in found.datasets)
    caption = f"{names} under {found.group}, {Scenario.named(found.scenario).profile}"
    table = Table(caption, (_part(found, verdicts=False),), (*sentences(found), *_notes(found)))
    return tex_table(table, "tab:datasets")


def dataset_comparison_csv(found: DatasetComparison) -> str:
    """All rows at full precision, one line for each set, group, scenario, regularizer and scale; null is empty."""
    names = [item.name for item in fields(ComparedRow) if item.name != "reasons"]
    text = io.StringIO()
    rows = [names, *([getattr(row, name) for name in names] for row in found.rows)]
    csv.writer(text, lineterminator="\n").writerows(map(csv_row, rows))
    return text.getvalue()


def sentences(found: DatasetComparison) -> list[str]:
    """The answer for each set but the first, then how responses changed, and how images were paired."""
    others = found.datasets[1:]
    asked = [one for one in others if one.role == "restored"] or others
    return [
        *(_answer(found, found.verdict(one.name)) for one in asked),
        _responses(found),
        _pairing(found),
    ]


def _answer(found: DatasetComparison, verdict: DatasetVerdict) -> str:
    names = {
        "name": printable(verdict.dataset),
        "first": printable(found.datasets[0].name),
        "degraded": printable(found.datasets[1].name),
        "tolerance": f"{100 * found.tolerance:g} points",
    }
    restored = verdict.role == "restored"
    head = (ANSWERS if restored else DIFFERENCES)[verdict.verdict].format(**names)
    rows = found.selected(found.group, found.scenario, dataset=verdict.dataset)
    detail = _undone(rows, names["degraded"]) if restored else _largest(rows)
    where = f"{found.group}, {Scenario.named(found.scenario).profile}"
    return f"{head} ({where}){': ' + detail if detail else ''}."


def _undone(rows: Sequence[ComparedRow], degraded: str) -> str:
    """The least and the largest share undone."""
    shares = sorted((row.undone, printable(row.regularizer)) for row in rows if row.undone is not None)
    if not shares:
        return ""
    (low, least), (high, most) = shares[0], shares[-1]
    span = f"{100 * low:.0f} % ({least})" + (f" to {100 * high:.0f} % ({most})" if len(shares) > 1 else "")
    return f"{span} of the change that {degraded} shows is undone"


def _largest(rows: Sequence[ComparedRow]) -> str:
    """The largest difference, of those that differ where any does."""
    known = [row for row in rows if row.difference_low is not None]
    shown = [row for row in known if row.verdict == "differs"]
    if not known:
        return ""
    worst = max(shown or known, key=lambda row: abs(row.difference or 0.0))
    most = f"most in {printable(worst.regularizer)}, by {_points(worst)} points"
    return f"in {len(shown)} of {count(len(rows), 'regularizer')}, {most}" if shown else most


def _responses(found: DatasetComparison) -> str:
    """How much the mean responses of every other set are of the first set's."""
    parts = []
    for one in found.datasets[1:]:
        rows = found.selected(found.group, found.scenario, dataset=one.name)
        ratios = [100 * row.response_ratio for row in rows if row.response_ratio is not None]
        if ratios:
            ends = dict.fromkeys(f"{end:.0f}" for end in (min(ratios), max(ratios)))
            parts.append(f"{' to '.join(ends)} % in {printable(one.name)}")
    return f"Mean responses, of those of {printable(found.datasets[0].name)}: {', '.join(parts) or 'none'}."


def _pairing(found: DatasetComparison) -> str:
    first, *others = found.datasets
    if found.paired:
        return f"Paired: all {count(first.images, 'image')} are in every set."
    if found.key == "none" or not any(one.shared for one in others):
        return "Unpaired: the sets are drawn independently of each other."
    parts = [f"{one.shared} of {count(one.images, 'image')} of {printable(one.name)}" for one in others]
    return f"Paired in part: in {printable(first.name)} too are {', '.join(parts)}. The others are drawn by themselves."


def _part(found: DatasetComparison, *, verbose: bool = False, verdicts: bool = True) -> Part:
    """A block for each regularizer, a line for each set."""
    shown = slice(None) if verdicts else slice(-1)  # a column of words is too wide for a page
    header = ["Set", "ε (%)", "Response", "Difference", *(["Undone (%)"] if found.degradation else []), "Verdict"]
    chosen = found.rows if verbose else found.selected(found.group, found.scenario)
    swept = verbose and len({(row.sigma, row.downscale) for row in found.rows}) > 1
    blocks: dict[str, list[tuple[str, ...]]] = {}
    for row in chosen:
        blocks.setdefault(_title(row, swept=swept), []).append(_cells(row, undone=found.degradation)[shown])
    return Part(tuple(header)[shown], 1, tuple((title, tuple(rows)) for title, rows in blocks.items()))


def _title(row: ComparedRow, *, swept: bool) -> str:
    scale = [] if row.sigma is None else [f"σ {row.sigma:g} px"]
    scale = [*scale, f"downscale {row.downscale}"] if swept else []
    return ", ".join([printable(row.regularizer), row.group, Scenario.named(row.scenario).profile, *scale])


def _cells(row: ComparedRow, *, undone: bool) -> tuple[str, ...]:
    share = [_range(row.undone, row.undone_low, row.undone_high, 0)] if undone else []
    return (
        short(printable(row.dataset), NAME),
        _range(row.relative_epsilon, row.ci_low, row.ci_high, 1),
        NULL if row.response_ratio is None else f"{100 * row.response_ratio:.0f}",
        _points(row),
        *share,
        row.restoration or row.verdict or NULL,
    )


def _points(row: ComparedRow) -> str:
    return _range(row.difference, row.difference_low, row.difference_high, 1, sign="+")


def _range(value: float | None, low: float | None, high: float | None, decimals: int, *, sign: str = "") -> str:
    """Fractions in percent, ``12.3 (8.1 to 16.2)``."""
    if value is None:
        return NULL
    number, *ends = (f"{100 * one:{sign}.{decimals}f}" for one in (value, low, high) if one is not None)
    return f"{number} ({' to '.join(ends)})" if len(ends) == 2 else number


def _notes(found: DatasetComparison) -> list[str]:
    what = "ε: relative epsilon, in percent of the mean response, with its 95 % interval. Response: mean response in "
    what += "percent of the first set's. Difference: to the first set, in points of ε."
    if found.degradation:
        what += " Undone: (degraded - restored) / (degraded - clean)."
    rule = (
        f"does not differ: the interval is within {100 * found.tolerance:g} points (--tolerance). differs: it is not, "
    )
    rule += "and 0 is excluded at 5 %, corrected for the number of regularizers (Holm)."
    return [what, rule, *map(printable, found.notes)]
