"""Reads Table 1 back from text, Markdown and LaTeX; written independently of the code that writes them."""

import itertools
import re

from symmetry_audit.reports import table1_markdown, table1_tex, table1_text

HOSTILE = r"a_b%c&d#e$f{g}h~i^j\k|l`m*n<o>[p]--q---r!"
WRITERS = {"text": table1_text, "md": table1_markdown, "tex": table1_tex}


def unescape_md(text):
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


def unescape_tex(text):
    names = {r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textbar{}": "|"}
    names |= {r"\textless{}": "<", r"\textgreater{}": ">", r"\textasciigrave{}": "`", r"\textendash{}": "–", "-{}": "-"}
    names |= {r"$\varepsilon$": "ε", r"$\sigma$": "σ", r"\rlap{$^\dagger$}": "†", r"$^\dagger$": "†"}
    names |= {r"\rlap{\textasciitilde{}}": "~"}
    pattern = "|".join(re.escape(name) for name in names) + r"|\\([_%&#${}])"
    return re.sub(pattern, lambda match: match[1] or names[match[0]], text)


def parts_of(kind, report):
    """[[(title, [header, *rows]) of each block] of each part], every row as its cells."""
    text = WRITERS[kind](report)
    return {"text": _text_parts, "md": _md_parts, "tex": _tex_parts}[kind](text)


def _text_parts(text):
    parts = []
    for lines in (part.splitlines() for part in text.split("\n\n")[1:-1]):
        rows = [(line.startswith(" "), re.split(r" {2,}", line.strip())) for line in lines]
        blocks = []
        for indented, cells in rows[1:]:
            if indented:
                blocks[-1][1].append(cells)
            else:
                blocks.append((cells[0], [rows[0][1]]))
        parts.append(blocks)
    return parts


def _md_parts(text):
    parts = []
    for title, block in itertools.pairwise(text.split("\n\n")):
        if block.startswith("| "):
            split = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]
            rows = [[unescape_md(cell.strip()) for cell in row] for row in [split[0], *split[2:]]]
            if not parts or parts[-1][0][1][0] != rows[0]:
                parts.append([])
            parts[-1].append((unescape_md(title.strip("*")), rows))
    return parts


def _tex_parts(text):
    parts = []
    for body in re.findall(r"\\toprule\n(.*?)\n\\bottomrule", text, re.DOTALL):
        header, *blocks = body.split("\\midrule\n")
        parts.append([])
        for block in blocks:
            title, *lines = block.splitlines()
            rows = [re.split(r"(?<!\\)&", row[:-3]) for row in (header.strip(), *lines)]
            rows = [[unescape_tex(cell.strip()) for cell in row] for row in rows]
            parts[-1].append((unescape_tex(re.search(r"\{@\{\}l\}\{(.*)\} ", title)[1]), rows))
    return parts


def plain(kind, text):
    """``text`` without what Markdown or LaTeX add to show it as it is."""
    return {"text": str, "md": unescape_md, "tex": unescape_tex}[kind](text)
