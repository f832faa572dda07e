"""``symaudit compare``: several networks on the same images in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from symmetry_audit.cli.evaluating import evaluated, evaluating_options, table_options, write_tables
from symmetry_audit.cli.options import EXIT_CODES, config_option, quiet_option

if TYPE_CHECKING:
    from symmetry_audit.results import Evaluation

__all__ = ["compare"]

ELSEWHERE = ("runs", "as_json", "csv", "latex", "quiet", "data_root", "allow_skipped")  # not about evaluating


@click.command(short_help="Compare trained networks in one table.", epilog=EXIT_CODES)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@evaluating_options(required=False)
@config_option
@table_options
@quiet_option
def compare(
    runs: tuple[str, ...], as_json: bool, csv: Path | None, latex: Path | None, quiet: bool, **options: Any
) -> int:
    """Put networks into one table: parameters, training steps, PSNR, SSIM and time for each RUN.

    RUN is a file that `symaudit evaluate --json` printed, which is taken as it is; or anything that `symaudit
    evaluate` takes, which is evaluated on --data. Runs of different tasks, images, protocols or seeds are refused.

    \b
    Example:
      symaudit evaluate runs/edsr-p8 --data BSD100 --json > p8.json
      symaudit compare p8.json p4.json bicubic.json --latex table2.tex
      symaudit compare runs/edsr-p8 runs/edsr-cnn bicubic --data BSD100
    """
    from symmetry_audit.reports import comparison_csv, comparison_tex, comparison_text
    from symmetry_audit.results import Comparison

    _check_options(runs, options)
    known = {run: _loaded(run) for run in runs if _is_file(run)}
    if known:
        Comparison(tuple(known.values()))  # hours may pass before the others are there
    found = Comparison(tuple(known[run] if run in known else evaluated(run, options, quiet) for run in runs))
    click.echo(found.to_json() if as_json else comparison_text(found), nl=False)
    write_tables({csv: lambda: comparison_csv(found), latex: lambda: comparison_tex(found)}, quiet)
    return 4 if any(item.skipped for item in found.evaluations) and not options["allow_skipped"] else 0


def _is_file(run: str) -> bool:
    return run.lower().endswith(".json")


def _loaded(run: str) -> Evaluation:
    from symmetry_audit.results import Evaluation

    return Evaluation.load(run)


def _check_options(runs: tuple[str, ...], options: dict[str, Any]) -> None:
    """Raise SettingError where something is to be evaluated without --data, or options have nothing to act on."""
    from symmetry_audit.errors import SettingError

    bare = [run for run in runs if not _is_file(run)]
    if bare and options["data"] is None:
        raise SettingError(f"{bare[0]} has to be evaluated: give --data, or what evaluate --json printed for it")
    context = click.get_current_context()
    for name in options:
        if not bare and name not in ELSEWHERE and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = name.replace("_", "-")
            raise SettingError(f"--{option} is for runs that are evaluated now; these are evaluated already")
