"""``symaudit verify``: measure the images of a report again and compare."""

from __future__ import annotations

from pathlib import Path

import click

from symmetry_audit.cli.options import device_options, progress_on_stderr, quiet_option

__all__ = ["verify"]


@click.command(short_help="Recompute a report and compare.")
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--source", help="Where the images lie now, if they were moved.")
@click.option(
    "--data-root",
    envvar="SYMAUDIT_DATA",
    type=click.Path(path_type=Path),
    help="Where datasets lie (or SYMAUDIT_DATA).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@device_options
@quiet_option
def verify(report: Path, source: str | None, data_root: Path | None, as_json: bool, quiet: bool, **run: object) -> int:
    """Measure the images of REPORT, a folder that `symaudit measure` wrote, again and compare every number.

    Exit code 0 where all agree to 1e-4 of the mean response and the files are the same, 1 where not.

    \b
    Example:
      symaudit verify symaudit-DIV2K-train --data-root ~/data
    """
    from symmetry_audit import api
    from symmetry_audit.results import dump_json

    with progress_on_stderr(quiet) as progress:
        found = api.verify(report, source=source, data_root=data_root, progress=progress, **run)
    if as_json:
        document = {"schema": "symaudit.verification/1", "report": str(report), "ok": not found}
        click.echo(dump_json(document | {"differences": list(found)}), nl=False)
    else:
        for text in found:
            click.echo(text)
        click.echo(f"{report} {'does not hold' if found else 'holds: every number was measured again'}")
    return 1 if found else 0
