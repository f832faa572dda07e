"""``symaudit compare-datasets``: audits of several sets of images side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from symmetry_audit.verbs import CompareDatasetsRequest
from symmetry_audit.verbs import compare_datasets as run

from .checks import conditions_options, judged
from .derived import RequestCommand, asked, request_options
from .options import (
    check_figure,
    config_option,
    exit_codes,
    figure_option,
    quiet_option,
    table_options,
    write_tables,
)

__all__ = ["compare_datasets"]


@click.command(
    "compare-datasets",
    cls=RequestCommand,
    short_help="Compare the symmetry of several sets of images.",
    epilog=exit_codes(_3="done, but a condition failed"),
)
@request_options(CompareDatasetsRequest)
@figure_option("Draw the intervals side by side")
@table_options
@conditions_options
@config_option
@quiet_option
@click.option("-v", "--verbose", is_flag=True, help="Print all groups, not only that of the runs.")
def compare_datasets(
    figure: Path | None,
    as_json: bool,
    csv: Path | None,
    latex: Path | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Compare the audits in the folders RUN, which `symaudit measure` wrote: each with the first.

    Every group and regularizer gets the relative epsilon of each set with its interval, the difference to the first
    set, and whether the sets differ, do not differ by more than --tolerance, or whether that is not settled.
    Differences are paired where images have the same names in both sets. Runs with different settings are refused.

    With --clean, --degraded and --restored, versions of the same images, the first sentence says whether the network
    restores the symmetry of the clean images, and the table which share of the change it undoes.

    \b
    Example:
      symaudit compare-datasets symaudit-photos symaudit-tiles --figure sets.svg
      symaudit degrade photos/ --model denoiser -o noisy
      symaudit restore denoiser noisy -o restored
      for set in photos noisy restored; do symaudit measure $set --group p8 --out audit-$set; done
      symaudit compare-datasets --clean audit-photos --degraded audit-noisy --restored audit-restored
    """
    from symmetry_audit.reports import (
        dataset_comparison_csv,
        dataset_comparison_figure,
        dataset_comparison_tex,
        dataset_comparison_text,
    )

    kind = check_figure(figure)
    found = run(asked(CompareDatasetsRequest, options))
    click.echo(found.to_json() if as_json else dataset_comparison_text(found, verbose=verbose), nl=False)
    files: dict[Path | None, Callable[[], str | bytes]] = {
        csv: lambda: dataset_comparison_csv(found),
        latex: lambda: dataset_comparison_tex(found),
        figure: lambda: dataset_comparison_figure(found)[kind],
    }
    write_tables(files, quiet)
    return judged(found, 0, as_json=as_json)
