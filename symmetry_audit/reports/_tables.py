"""Table 1 of [SA] from a report: plain text, Markdown, LaTeX, and CSV."""

from __future__ import annotations

import csv
import io
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from math import floor, log10

from symmetry_audit.reports._facts import Facts, ProfileKey, facts, is_tested, numbers, printable
from symmetry_audit.results import SCENARIO_TITLES, AuditReport, ResultRow

__all__ = ["table1_csv", "table1_markdown", "table1_tex", "table1_text"]

DIGITS = 3
NULL, UNTESTED = "–", "†"


@dataclass(frozen=True)
class _Table:
    """A table as plain strings: every block has the same header and rows of equal length."""

    caption: str
    header: tuple[str, ...]
    labels: int  # leading columns of the header that are text
    blocks: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    notes: tuple[str, ...]

    def widths(self, escape: Callable[[str], str]) -> list[int]:
        """The width of every column in characters once escaped, over all blocks."""
        rows = [self.header, *(row for _, block in self.blocks for row in block)]
        return [max(len(escape(cell)) for cell in column) for column in zip(*rows, strict=True)]

    def line(self, row: Sequence[str], widths: Sequence[int]) -> list[str]:
        """The cells padded to ``widths``, text to the left and numbers to the right."""
        pairs = list(zip(row, widths, strict=True))
        text = [cell.ljust(width) for cell, width in pairs[: self.labels]]
        return text + [cell.rjust(width) for cell, width in pairs[self.labels :]]


def _table1(report: AuditReport) -> _Table:
    run = facts(report)
    keys = [
        ProfileKey(scenario, "", sigma, downscale)
        for sigma in run.sigmas
        for downscale in run.downscales
        for scenario in run.scenarios
    ]
    axes = {"sigma": ("σ (px)", run.sigmas), "downscale": ("Downscale", run.downscales)}
    swept = {name: title for name, (title, values) in axes.items() if len(values) > 1}
    labels = [(*(numbers([getattr(key, name)]) for name in swept), SCENARIO_TITLES[key.scenario]) for key in keys]
    values = {f"ε ({run.unit}, intensities 0–255)": ("epsilon", 1.0), "Relative ε (%)": ("relative_epsilon", 100.0)}
    blocks = []
    for title, value in values.items():
        columns = [_column(run, [key._replace(regularizer=name) for key in keys], *value) for name in run.regularizers]
        rows = zip(labels, zip(*columns, strict=True), strict=True)
        blocks.append((title, tuple((*label, *cells) for label, cells in rows)))
    header = (*swept.values(), "Scenario", *run.regularizers.values())
    return _Table(_caption(run), header, len(swept) + 1, tuple(blocks), _notes(run))


def _column(run: Facts, keys: Sequence[ProfileKey], name: str, scale: float) -> list[str]:
    """One regularizer's cells, padded so that decimals stand in line whether a cell is marked or not."""
    rows = [run.rows.get(key) for key in keys]
    values = [None if row is None else getattr(row, name) for row in rows]
    write = _fixed([scale * value for value in values if value is not None])
    cells = [NULL if value is None else write(scale * value) for value in values]
    marked = [row is not None and not is_tested(row) for row in rows]
    return [cell + (UNTESTED if mark else " " * any(marked)) for cell, mark in zip(cells, marked, strict=True)]


def _fixed(values: Sequence[float]) -> Callable[[float], str]:
    """Fixed decimals for a column: the smallest value keeps three significant digits.

    A value below a thousandth of the largest one may lose digits; a column of tiny values turns scientific.
    """
    sizes = [float(f"{abs(value):.{DIGITS - 1}e}") for value in values if value]  # 0.0999999 counts as 0.1
    if not sizes:
        return "{:.0f}".format
    exponent = floor(log10(max(min(sizes), max(sizes) / 1000)))
    return "{:.2e}".format if exponent < -6 else f"{{:.{max(DIGITS - 1 - exponent, 0)}f}}".format


def _caption(run: Facts) -> str:
    parts = [
        f"Symmetry error ε of {run.dataset} ({run.images}) under {run.group}",
        *(["mean squared response"] if run.response == "energy" else []),
        run.kernel_words,
        f"margin {run.margin} px",
        *([f"downscale {numbers(run.downscales)}"] if run.downscales != (1,) else []),
        "intensities 0–255",
    ]
    return f"{'; '.join(parts)}."


def _notes(run: Facts) -> tuple[str, ...]:
    rows = list(run.rows.values())
    notes = ["Relative ε is ε divided by the mean response of the identity."]
    if "sample_strict" in run.scenarios:
        notes.append("Single sample: the mean over the images of each image's own value.")
    if not all(map(is_tested, rows)):
        blind = f"this regularizer sees no element of {run.group} but the identity"
        notes.append(f"{UNTESTED} Not tested: {blind}, so the value says nothing about symmetry.")
    reasons = dict.fromkeys(
        printable(row.reasons["relative_epsilon"]) for row in rows if "relative_epsilon" in row.reasons
    )
    return (*notes, *(f"{NULL} No value: {reason}." for reason in reasons))


def table1_text(report: AuditReport) -> str:
    """Table 1 of [SA] for the terminal, ending in a line break: absolute and relative epsilon, aligned.

    Epsilon is in grey levels of [0, 255], relative epsilon in percent, both to three significant digits or
    more. Raises ReportError where the report is unusable.
    """
    table = _table1(report)
    widths = table.widths(str)
    lines = [table.caption]
    for title, rows in table.blocks:
        lines += ["", title, *("  ".join(table.line(row, widths)) for row in (table.header, *rows))]
    return "\n".join(line.rstrip() for line in [*lines, "", *table.notes]) + "\n"


def table1_markdown(report: AuditReport) -> str:
    """``table1_text`` as Markdown tables; every character of a name is shown as it is."""
    table = _table1(report)
    widths = table.widths(_md)
    rules = ["-" * widths[at] if at < table.labels else "-" * (widths[at] - 1) + ":" for at in range(len(widths))]
    lines = [f"**Table 1.** {_md(table.caption)}"]
    for title, rows in table.blocks:
        escaped = [[_md(cell) for cell in row] for row in (table.header, *rows)]
        head, *body = [" | ".join(table.line(row, widths)) for row in escaped]
        lines += ["", f"**{_md(title)}**", "", *(f"| {row} |" for row in (head, " | ".join(rules), *body))]
    return "\n".join([*lines, "", *(f"{_md(note)}  " for note in table.notes)]) + "\n"


def table1_tex(report: AuditReport) -> str:
    r"""``table1_text`` as a LaTeX ``table`` float with booktabs rules; compiles wherever booktabs is loaded."""
    table = _table1(report)
    widths, span = table.widths(_tex_cell), len(table.header)
    lines = [r"\toprule", _tex_row(table, table.header, widths)]
    for title, rows in table.blocks:
        lines += [r"\midrule", rf"\multicolumn{{{span}}}{{@{{}}l}}{{{_tex(title)}}} \\"]
        lines += [_tex_row(table, row, widths) for row in rows]
    lines.append(r"\bottomrule")
    head = [r"% needs \usepackage{booktabs}", r"\begin{table}", r"\centering", rf"\caption{{{_tex(table.caption)}}}"]
    columns = "l" * table.labels + "r" * (span - table.labels)
    body = [r"\label{tab:symmetry-error}", rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", *lines, r"\end{tabular}"]
    notes = [rf"\par\smallskip{{\footnotesize {_tex(' '.join(table.notes))}\par}}", r"\end{table}"]
    return "\n".join([*head, *body, *notes]) + "\n"


def _tex_row(table: _Table, row: Sequence[str], widths: Sequence[int]) -> str:
    return " & ".join(table.line([_tex_cell(cell) for cell in row], widths)) + r" \\"


def table1_csv(report: AuditReport) -> str:
    """One line per result row, every field of ResultRow at full precision, the dataset's name first.

    Null fields are empty, truth values ``true`` or ``false``; epsilon in grey levels, relative as a fraction.
    """
    facts(report)
    names = [item.name for item in fields(ResultRow)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["dataset", *names])
    for row in report.results:
        values = [str(value).lower() if isinstance(value, bool) else value for value in asdict(row).values()]
        writer.writerow([report.dataset.name, *values])
    return text.getvalue()


MD_SPECIAL = str.maketrans({char: f"\\{char}" for char in string.punctuation if char in r"\`*_{}[]<>|~$&#!^"})
TEX_SPECIAL = str.maketrans(
    {
        **{char: f"\\{char}" for char in "_%&#${}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "`": r"\textasciigrave{}",
        "ε": r"$\varepsilon$",
        "σ": r"$\sigma$",
        "–": r"\textendash{}",
        UNTESTED: r"$^\dagger$",
    }
)


def _md(text: str) -> str:
    return text.translate(MD_SPECIAL)


def _tex(text: str) -> str:
    return re.sub("-(?=-)", "-{}", text.translate(TEX_SPECIAL))  # two hyphens would print as a dash


def _tex_cell(text: str) -> str:
    """As ``_tex``, with a mark that takes no room, so that numbers stay in line."""
    return _tex(text.strip().removesuffix(UNTESTED)) + (r"\rlap{$^\dagger$}" if text.endswith(UNTESTED) else "")
