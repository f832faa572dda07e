"""Where generated pages go, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["ROOT", "tidy", "write_page"]

ROOT = Path(__file__).resolve().parent.parent.parent


def write_page(folder: Path, name: str, text: str) -> str:
    """Write ``folder/name.md`` unless it has this text already, so that Sphinx reads again only what has changed."""
    path = folder / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return name


def tidy(folder: Path, names: Iterable[str]) -> None:
    """Remove the pages of an earlier build that are not among ``names``: nothing would list them."""
    for path in set(folder.glob("*.md")) - {folder / f"{name}.md" for name in names}:
        path.unlink()
