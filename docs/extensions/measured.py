"""benchmarks/RESULTS.md as pages: its introduction becomes their index, every section of it a page."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from generated import ROOT, tidy, write_page
from sphinx.application import Sphinx
from sphinx.config import Config

__all__ = ["PAGE", "index_of", "setup", "titled", "write_sections"]

PAGE = "benchmarks/RESULTS"


def sections(text: str) -> tuple[str, dict[str, str]]:
    """The introduction, and the text of every section by its heading."""
    introduction, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return introduction, dict(part.split("\n", 1) for part in parts)


def anchor(heading: str) -> str:
    """The anchor of a heading on a forge."""
    return re.sub(r" ", "-", re.sub(r"[^\w -]", "", heading.lower()))


def titled(heading: str) -> tuple[str, str]:
    """A heading as a title and what it says of date and machine: "2026-11-27: a scan (x86_64)" is "A scan"."""
    date = re.match(r"(\d{4}-\d{2}-\d{2}): ", heading)
    rest = heading[date.end() :] if date else heading
    title, _, machine = rest.removesuffix(")").partition(" (")
    return title[0].upper() + title[1:], "; ".join(filter(None, (date and date[1], machine)))


def write_sections(text: str, folder: Path) -> list[str]:
    """Write a page for every section of ``text``. Links between sections become links between pages."""
    found = sections(text)[1]
    pages = {anchor(heading): anchor(titled(heading)[0]) for heading in found}

    def link(match: re.Match[str]) -> str:
        target = match[1]
        if target.removeprefix("#") in pages:
            return f"]({pages[target[1:]]}.md)"
        return (
            match[0] if target.startswith("#") or ":" in target else f"]({posixpath.normpath(f'/benchmarks/{target}')})"
        )

    for heading, body in found.items():
        title, when = titled(heading)
        body = re.sub(r"^#(#+ )", r"\1", body, flags=re.MULTILINE)  # one level up: the heading is now a title
        body = re.sub(r"]\(([^)\s]+)\)", link, body)
        write_page(folder, pages[anchor(heading)], f"# {title}\n" + (f"\n*{when}*\n" if when else "") + body)
    tidy(folder, pages.values())
    return list(pages.values())


def index_of(text: str) -> str:
    """What is left of ``text`` beside its sections, with a list of their pages."""
    introduction, found = sections(text)
    names = "\n".join(f"/docs/build/benchmarks/{anchor(titled(heading)[0])}" for heading in found)
    return f"{introduction}\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"


def _write(app: Sphinx, config: Config) -> None:
    text = (ROOT / f"{PAGE}.md").read_text(encoding="utf-8")
    write_sections(text, ROOT / "docs" / "build" / "benchmarks")


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    if name == PAGE:
        source[0] = index_of(source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for its sources; shorten RESULTS.md when it reads it."""
    app.connect("config-inited", _write)
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
