"""A table of plain strings, and how it looks as text, Markdown and LaTeX."""

from __future__ import annotations

import re
import string
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symmetry_audit.wording import escaped

__all__ = [
    "BEST",
    "COLUMNS",
    "INDISTINCT",
    "NULL",
    "UNTESTED",
    "Part",
    "Table",
    "escape_markdown",
    "fitted_tex_table",
    "markdown_part",
    "markdown_table",
    "tex_table",
    "text_part",
    "text_table",
]

NULL, UNTESTED, INDISTINCT, BEST = "–", "†", "~", "*"
LONG_NAME = 12  # characters of the name of a column, above which it takes two lines in a narrow table
COLUMNS = 100  # characters of a terminal line


@dataclass(frozen=True)
class Part:
    """Blocks of rows below one header, all rows of equal length; ``labels`` leading columns are words.

    A block is its title, which may be empty, and its rows.
    """

    header: tuple[str, ...]
    labels: int
    blocks: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]

    def widths(self, escape: Callable[[str], str]) -> list[int]:
        """The width of every column in characters once escaped, over all blocks."""
        rows = [self.header, *(row for _, block in self.blocks for row in block)]
        return [max(len(escape(cell)) for cell in column) for column in zip(*rows, strict=True)]

    def line(self, row: Sequence[str], widths: Sequence[int]) -> list[str]:
        """The cells padded to ``widths``, words to the left and numbers to the right."""
        pairs = list(zip(row, widths, strict=True))
        words = [cell.ljust(width) for cell, width in pairs[: self.labels]]
        return words + [cell.rjust(width) for cell, width in pairs[self.labels :]]


@dataclass(frozen=True)
class Table:
    """A caption, the parts one below the other, and the notes, each a sentence."""

    caption: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


def text_table(table: Table) -> str:
    """Aligned for the terminal, notes broken between words, ending in a line break."""
    lines = [escaped(table.caption)]
    for part in table.parts:
        lines += ["", *text_part(part)]
    notes = [line for note in table.notes for line in textwrap.wrap(escaped(note), COLUMNS, break_on_hyphens=False)]
    return "\n".join([*lines, "", *notes]) + "\n"


def text_part(part: Part) -> list[str]:
    """The header once; below it every block, indented where it has a title."""
    widths = part.widths(escaped)
    indent = "  " if any(title for title, _ in part.blocks) else ""
    lines = [indent + "  ".join(part.line(part.header, widths))]
    for title, rows in part.blocks:
        lines += [escaped(title)] if title else []
        lines += [indent + "  ".join(part.line([*map(escaped, row)], widths)) for row in rows]
    return [line.rstrip() for line in lines]


def markdown_table(table: Table) -> str:
    """As Markdown tables, one for each block; every character of a name is shown as it is."""
    lines = [f"**Table 1.** {escape_markdown(table.caption)}"]
    for part in table.parts:
        lines += ["", *markdown_part(part)]
    return "\n".join([*lines, "", *(f"{escape_markdown(note)}  " for note in table.notes)]) + "\n"


def markdown_part(part: Part) -> list[str]:
    widths = [max(width, 3) for width in part.widths(escape_markdown)]
    rules = ["-" * widths[at] if at < part.labels else "-" * (widths[at] - 1) + ":" for at in range(len(widths))]
    lines: list[str] = []
    for title, rows in part.blocks:
        escaped = [[escape_markdown(cell) for cell in row] for row in (part.header, *rows)]
        head, *body = [" | ".join(part.line(row, widths)) for row in escaped]
        lines += ["", f"**{escape_markdown(title)}**", ""] if title else [""]
        lines += [f"| {row} |" for row in (head, " | ".join(rules), *body)]
    return lines[1:]


def tex_table(table: Table, label: str) -> str:
    r"""A LaTeX ``table`` float with booktabs rules, a tabular for each part; compiles wherever booktabs is loaded."""
    head = [r"% needs \usepackage{booktabs}", r"\begin{table}", r"\centering", rf"\caption{{{_tex(table.caption)}}}"]
    body = [line for part in table.parts for line in (r"\par\medskip", *_tex_part(part))][1:]
    notes = [rf"\par\smallskip{{\footnotesize {_tex(' '.join(table.notes))}\par}}", r"\end{table}"]
    return "\n".join([*head, rf"\label{{{label}}}", *body, *notes]) + "\n"


def fitted_tex_table(table: Table, label: str) -> str:
    r"""As ``tex_table``, small, and never wider than the column; compiles wherever booktabs and graphicx are loaded.

    ``table*`` in place of ``table`` lets it span both columns of a page.
    """
    head = [r"% needs \usepackage{booktabs,graphicx}; table* in place of table spans two columns", r"\begin{table}"]
    head += [r"\centering\footnotesize\setlength{\tabcolsep}{2.5pt}", rf"\caption{{{_tex(table.caption)}}}"]
    body = []
    for part in table.parts:
        fit = r"}\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi"
        body += [r"\par\medskip", r"\sbox0{%", *_tex_part(part, _stacked), fit]
    notes = [rf"\par\smallskip\raggedright {_tex(' '.join(table.notes))}\par", r"\end{table}"]
    return "\n".join([*head, rf"\label{{{label}}}", *body, *notes]) + "\n"


def _stacked(name: str) -> str:
    """The name of a column, of a long one the last word below the others."""
    first, _, last = name.rpartition(" ") if len(name) > LONG_NAME else ("", "", name)
    return rf"\shortstack[r]{{{_tex(first)}\\{_tex(last)}}}" if first else _tex(last)


def _tex_part(part: Part, head: Callable[[str], str] | None = None) -> list[str]:
    widths, span = part.widths(_tex_cell), len(part.header)
    columns = "l" * part.labels + "r" * (span - part.labels)
    lines = [rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule", _tex_row(part, part.header, widths, head)]
    for title, rows in part.blocks:
        lines += [r"\midrule", *([rf"\multicolumn{{{span}}}{{@{{}}l}}{{{_tex(title)}}} \\"] if title else [])]
        lines += [_tex_row(part, row, widths) for row in rows]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _tex_row(part: Part, row: Sequence[str], widths: Sequence[int], write: Callable[[str], str] | None = None) -> str:
    return " & ".join(part.line([(write or _tex_cell)(cell) for cell in row], widths)) + r" \\"


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
TEX_MARKS = {UNTESTED: r"\rlap{$^\dagger$}", INDISTINCT: r"\rlap{\textasciitilde{}}"}


def escape_markdown(text: str) -> str:
    return escaped(text).translate(MD_SPECIAL)


def _tex(text: str) -> str:
    return re.sub("-(?=-)", "-{}", escaped(text).translate(TEX_SPECIAL))  # two hyphens would print as a dash


def _tex_cell(text: str) -> str:
    """As ``_tex``, with marks of no width, so that numbers stay aligned; the best is bold instead."""
    text = text.strip()
    if text.endswith(BEST):
        return rf"\textbf{{{_tex(text.removesuffix(BEST))}}}"
    mark = text[-1:] if text[-1:] in TEX_MARKS else ""
    return _tex(text.removesuffix(mark)) + TEX_MARKS.get(mark, "")
