"""benchmarks/RESULTS.md as pages: its introduction becomes their index, every section of it a page."""

from __future__ import annotations

import re
from pathlib import Path

from generated import ROOT, write_page
from sphinx.application import Sphinx
from sphinx.config import Config

__all__ = ["PAGE", "index_of", "setup", "slug", "write_sections"]

PAGE = "benchmarks/RESULTS"


def sections(text: str) -> tuple[str, dict[str, str]]:
    """The introduction, and the text of every section by its heading."""
    introduction, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return introduction, dict(part.split("\n", 1) for part in parts)


def slug(heading: str) -> str:
    """The name of a section's page, and of its anchor on a forge."""
    return re.sub(r" ", "-", re.sub(r"[^\w -]", "", heading.lower()))


def write_sections(text: str, folder: Path) -> list[str]:
    """Write a page for every section of ``text``. Links between sections become links between pages."""
    found = sections(text)[1]
    pages = {slug(heading) for heading in found}

    def link(match: re.Match[str]) -> str:
        return f"]({match[1]}.md)" if match[1] in pages else match[0]

    for heading, body in found.items():
        body = re.sub(r"^#(#+ )", r"\1", body, flags=re.MULTILINE)  # one level up: the heading is now a title
        body = re.sub(r"]\(#([\w-]+)\)", link, body)
        write_page(folder, slug(heading), f"# {heading}\n{body}")
    return [slug(heading) for heading in found]


def index_of(text: str) -> str:
    """What is left of ``text`` beside its sections, with a list of their pages."""
    introduction, found = sections(text)
    names = "\n".join(f"/docs/build/benchmarks/{slug(heading)}" for heading in found)
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
