"""No page loads anything from elsewhere: the build fails where one would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

__all__ = ["outside", "setup"]

OUTSIDE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
IN_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\"')\s]*)", re.IGNORECASE)
IN_SCRIPT = re.compile(r"(?:\bsrc\s*=|\bfetch\(|\bimport\(?|importScripts\()\s*[\"'`]((?:https?:)?//[^\"'`]*)")
LOADS = {"link": ("href",), "use": ("href", "xlink:href"), "object": ("data",)}  # of other elements: all but "href"
SOURCES = ("src", "srcset", "poster", "data-src")


class _Loaded(HTMLParser):
    """Collects what a browser would fetch to show a page; links that a reader may follow are not among it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.kind = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.kind = tag
        for name, value in attrs:
            if name in (*SOURCES, *LOADS.get(tag, ())):
                self.found += [part for part in (value or "").split(",") if OUTSIDE.match(part)]
            elif name == "style":
                self.found += IN_CSS.findall(value or "")

    def handle_data(self, data: str) -> None:
        if self.kind in ("style", "script"):
            self.found += (IN_CSS if self.kind == "style" else IN_SCRIPT).findall(data)


def outside(text: str, suffix: str) -> list[str]:
    """The addresses elsewhere that a page (".html"), style sheet (".css") or script (".js") loads."""
    if suffix == ".css":
        return IN_CSS.findall(text)
    if suffix == ".js":
        return IN_SCRIPT.findall(text)
    parser = _Loaded()
    parser.feed(text)
    return [address.strip() for address in parser.found]


def _all(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".css", ".js", ".svg"):
            for address in outside(path.read_text(encoding="utf-8"), path.suffix):
                yield f"{path.relative_to(folder)} loads {address}"


def _check(app: Sphinx, error: Exception | None) -> None:
    found = [] if error else list(_all(Path(app.outdir)))
    if found:
        raise SphinxError("pages must not load anything from elsewhere:\n" + "\n".join(found))


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at what was built."""
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True}
