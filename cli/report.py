"""`symaudit report`: the tables and figures of a report folder, rebuilt from its report.json and responses.parquet."""

from __future__ import annotations

import json
from pathlib import Path

import click

from symmetry_audit.verbs import draw_page
from symmetry_audit.wording import escaped

from .options import exit_codes

__all__ = ["report"]

FORMATS = ("table1", "figure2", "details", "directions", "page")


def _complete_regularizer(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete from the regularizers of the folder typed before."""
    from symmetry_audit.errors import SymmetryAuditError
    from symmetry_audit.results import AuditReport

    try:
        names = [item["name"] for item in AuditReport.load(context.params["folder"]).settings["regularizers"]]
    except (SymmetryAuditError, LookupError, TypeError):
        return []
    return [name for name in names if name.startswith(incomplete)]


@click.command(
    short_help="Rebuild tables and figures of a report folder.",
    epilog=exit_codes(_1="the folder is missing, damaged or cannot be written"),
)
@click.argument("folder", metavar="REPORT", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "chosen",
    type=click.Choice([*FORMATS, "all"]),
    default="all",
    show_default=True,
    help="table1: .csv, .md, .tex; figure2, directions: .png, .svg, .pdf; details: .md, and subsets.png, .svg, .pdf; "
    "page: report.html.",
)
@click.option(
    "--reg",
    "regularizer",
    metavar="NAME",
    shell_complete=_complete_regularizer,
    help="The regularizer whose response figure2 draws against the angle.  [default: the first of the run]",
)
@click.option(
    "--latex",
    type=click.Choice(["full", "short"]),
    default="full",
    show_default=True,
    help="short: also write table1-short.tex, the numbers of Table 1 alone, which fits a column of a paper or two.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document with the files written instead.")
def report(folder: Path, chosen: str, regularizer: str | None, latex: str, as_json: bool) -> None:
    """Rebuild tables and figures in REPORT, a folder that `symaudit measure` wrote, and print Table 1.

    Nothing is measured again. The same report gives the same files, byte for byte. report.html shows pictures of the
    images if they are still where they were measured.

    \b
    Example:
      symaudit report symaudit-DIV2K --format figure2 --reg laplacian
    """
    from symmetry_audit.reports import load_report, render, table1_text

    formats = FORMATS if chosen == "all" else (chosen,)
    files = render(folder, [name for name in formats if name != "page"], regularizer, short=latex == "short")
    if "page" in formats:
        files = (*files, draw_page(folder))
    if as_json:
        document = {"schema": "symaudit.rendered/1", "files": [str(path) for path in files]}
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(table1_text(load_report(folder)), nl=False)
    for path in files:
        click.echo(f"wrote {escaped(str(path))}", err=True)
