"""``symaudit demo``: a first audit with no download and no arguments."""

from __future__ import annotations

from pathlib import Path

import click

from symmetry_audit.cli.options import run_options

__all__ = ["demo"]


@click.command(short_help="Audit the photographs that ship inside scikit-image.")
@click.option("--group", default="p32", show_default=True, help="pT for T rotations, pTm with mirrors.")
@run_options
def demo(group: str, out: Path | None, as_json: bool, quiet: bool, verbose: bool, **run: object) -> int:
    """Audit the photographs that ship inside scikit-image: nothing is downloaded, no window is opened.

    The controls beside adaptive rows (held-out halves, refitted isotropic fields) are left out to be quick;
    `symaudit measure` has them.

    \b
    Example:
      symaudit demo
    """
    from symmetry_audit import audit, data
    from symmetry_audit.cli.measure import measure_and_print

    source, settings = data.demo_source(), audit.make_settings(group=group, controls=False)
    folder = out or Path("symaudit-demo")
    talk = {"as_json": as_json, "quiet": quiet, "verbose": verbose, "allow_skipped": True}
    return measure_and_print(source, settings, folder, run, **talk)
