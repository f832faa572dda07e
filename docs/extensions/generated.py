"""Where generated pages go, and how they are written."""

from __future__ import annotations

from pathlib import Path

__all__ = ["ROOT", "write_page"]

ROOT = Path(__file__).resolve().parent.parent.parent


def write_page(folder: Path, name: str, text: str) -> str:
    """Write ``folder/name.md`` unless it has this text already, so that Sphinx reads again only what has changed."""
    path = folder / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return name
