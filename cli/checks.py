"""``--conditions`` and ``--junit``: conditions on the numbers of a result, whatever the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from symmetry_audit.errors import SettingError

from .options import together

__all__ = ["conditions_options", "judged"]

FAILED = 3  # exit code, as that of --fail-above
CONDITIONS, JUNIT = "symaudit.conditions", "symaudit.junit"  # keys of what the command line holds


def _read(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Read the file at once: what is wrong with it is said before anything is measured."""
    if path is not None:
        from symmetry_audit.conditions import load_conditions

        ctx.meta[CONDITIONS] = path, load_conditions(path)


def _keep(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    if path is not None and CONDITIONS not in ctx.meta:
        raise SettingError("--junit writes the outcome of conditions; give --conditions FILE")
    ctx.meta[JUNIT] = path


conditions_options = together(
    click.option(
        "--conditions",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_read,
        is_eager=True,  # before --junit, which needs it
        expose_value=False,
        help="TOML file of conditions on the numbers. Exit with 3 if one fails.",
    ),
    click.option(
        "--junit",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_keep,
        expose_value=False,
        help="Write the outcome of every condition as JUnit XML.",
    ),
)


def judged(result: Any, code: int, *, as_json: bool) -> int:
    """Print a line for each condition on ``result``, on stderr beside JSON; 3 if one fails, ``code`` otherwise.

    Raises SettingError where a condition is about nothing in ``result``.
    """
    ctx = click.get_current_context()
    if CONDITIONS not in ctx.meta:
        return code
    from symmetry_audit.conditions import check, junit
    from symmetry_audit.reports import write_atomically

    path, conditions = ctx.meta[CONDITIONS]
    try:
        outcomes = check(result.to_dict(), conditions)
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None
    for outcome in outcomes:
        click.echo(outcome.text, err=as_json)
    if ctx.meta.get(JUNIT) is not None:
        write_atomically(ctx.meta[JUNIT], junit(outcomes, f"symaudit {ctx.info_name}"))
    return code if all(outcome.ok for outcome in outcomes) else FAILED
