"""One page for each command, from what its help text lists, and the table of exit codes.

Options stand under the headings of the help texts, with defaults and bounds in the words of the help texts: the
records are those that the command hands to click for ``--help``.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from generated import ROOT, tidy, write_page
from sphinx.application import Sphinx
from sphinx.config import Config

__all__ = ["setup", "write_commands"]

INDEX = """# Command line

Every page here is made from the command itself, so it says what `symaudit COMMAND --help` says.

| command | what it does |
|---|---|
{rows}

```{{toctree}}
:hidden:

{names}
```
"""


class Recorder(click.HelpFormatter):
    """Keeps what a command would print as help, by heading."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[tuple[str, str]]] = {}

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Remember the heading of what follows."""
        self.found[name] = []
        yield

    def write_dl(self, rows: object, col_max: int = 30, col_spacing: int = 2) -> None:
        """Keep names and texts."""
        self.found[list(self.found)[-1]].extend(rows)  # pyright: ignore[reportArgumentType]


def write_commands(folder: Path) -> list[str]:
    """Write a page for every verb and one that lists them. Returns the names of the pages."""
    from symmetry_audit.cli.main import VERBS, cli

    context = click.Context(cli, info_name="symaudit")
    for name in VERBS:
        command = cli.get_command(context, name)
        assert command is not None
        write_page(folder, name, "\n".join(_page(command, f"symaudit {name}")))
    rows = "\n".join(f"| [`{name}`]({name}.md) | {text} |" for name, (_, text) in VERBS.items())
    write_page(folder, "index", INDEX.format(names="\n".join(VERBS), rows=rows))
    tidy(folder, ["index", *VERBS])
    return list(VERBS)


def _page(command: click.Command, name: str, level: int = 1) -> Iterator[str]:
    """Markdown: usage, help text, options by heading, exit codes, then the commands of a group."""
    context = click.Context(command, info_name=name)
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield f"{'#' * level} {name}\n"
    yield from _paragraphs(f"\b\n  {usage}\n\n{inspect.cleandoc(command.help or '')}")
    recorder = Recorder()
    command.format_options(context, recorder)
    yield f"```{{program}} {name}\n```\n"
    for heading, records in recorder.found.items():
        if heading != "Commands":
            yield f"{'#' * (level + 1)} {heading}\n"
            yield from (f"````{{option}} {option}\n\n{_escaped(text)}\n````\n" for option, text in records)
    yield from _paragraphs(inspect.cleandoc(command.epilog or ""))
    if isinstance(command, click.Group):
        for further, held in command.commands.items():
            yield from _page(held, f"{name} {further}", level + 1)


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs of a help text; those that click must not wrap are code, below their first line if it ends in ":"."""
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if not paragraph.startswith("\b"):
            yield f"{_escaped(paragraph)}\n"
            continue
        lines = paragraph.removeprefix("\b\n").splitlines()
        if lines[0].endswith(":"):
            yield f"{lines.pop(0)}\n"
        yield f"```text\n{textwrap.dedent(chr(10).join(lines))}\n```\n"


def _escaped(text: str) -> str:
    """Help is plain text: no character of it is a mark of Markdown."""
    return re.sub(r"([\\`*_\[\]<>#$|])", r"\\\1", text)


def write_codes(folder: Path) -> None:
    """The exit codes, as the help texts have them."""
    from symmetry_audit.cli.options import CODES

    rows = "\n".join(f"| {code} | {text} |" for code, text in CODES.items())
    write_page(folder, "codes", f"| code | meaning |\n|---|---|\n{rows}\n")


def _write(app: Sphinx, config: Config) -> None:
    write_commands(ROOT / "docs" / "build" / "cli")
    write_codes(ROOT / "docs" / "build" / "parts")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for its sources."""
    app.connect("config-inited", _write)
    return {"parallel_read_safe": True}
