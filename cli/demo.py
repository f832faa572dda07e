"""``symaudit demo``: a first audit with no download and no arguments."""

from __future__ import annotations

from pathlib import Path

import click

from symmetry_audit.cli.options import progress_on_stderr, run_options

__all__ = ["demo"]


@click.command(short_help="Audit the photographs that ship inside scikit-image.")
@click.option("--group", default="p32", show_default=True, help="pT for T rotations, pTm with mirrors.")
@run_options
def demo(group: str, out: Path | None, as_json: bool, quiet: bool, **run: object) -> int:
    """Audit the photographs that ship inside scikit-image: nothing is downloaded, no window is opened.

    \b
    Example:
      symaudit demo
    """
    from symmetry_audit import api, audit, data
    from symmetry_audit.cli.measure import finish

    with progress_on_stderr(quiet) as progress:
        report = api.run_audit(
            data.demo_source(),
            audit.make_settings(group=group),
            out=out or Path("symaudit-demo"),
            progress=progress,
            **run,
        )
    return finish(report, as_json=as_json, quiet=quiet, fail_above=None, allow_skipped=True)
