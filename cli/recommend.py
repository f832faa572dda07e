"""`symaudit recommend`: the group that a report supports, chosen from its numbers alone."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["recommend"]


@click.command()
@click.argument("folder", metavar="REPORT", type=click.Path(path_type=Path))
@click.option(
    "--kappa",
    type=float,
    metavar="K",
    help="What too few training images cost a network, in the unit of epsilon (grey levels): the group has to pay for "
    "every regularizer by Eq. (46).  [default: left open]",
)
@click.option(
    "--tolerance",
    type=float,
    default=0.05,
    show_default=True,
    metavar="X",
    help="The relative epsilon that is accepted in any case.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
@click.option("--plot/--no-plot", default=True, help="Write recommendation.png/.svg/.pdf.  [default: plot]")
def recommend(folder: Path, kappa: float | None, tolerance: float, as_json: bool, plot: bool) -> None:
    """Choose the symmetry group to build into a network from REPORT, a folder that `symaudit measure` wrote.

    Every subgroup of the measured group is a candidate. Of those that the images support, the one with the most
    tested elements is recommended; a symmetry that nothing in the run could have refuted is never claimed. No image
    is read, and the same report gives the same answer and the same files.
    Exit codes: 0 done, 1 the report is missing, damaged or holds nothing to choose from, 2 usage.

    \b
    Example:
      symaudit recommend symaudit-DIV2K --tolerance 0.03
    """
    from symmetry_audit.errors import ReportError
    from symmetry_audit.reports import recommendation_text, write_recommendation
    from symmetry_audit.results import RECOMMENDATION_SCHEMA, AuditReport, dump_json
    from symmetry_audit.theory import recommend as choose

    report = AuditReport.load(folder)
    if (held := report.recommendation) is None:
        hint = "holds no dataset rows to choose from; measure with --scenario all"
        raise ReportError(f"{folder / 'report.json'} {hint}")
    name = report.dataset.name
    found = choose(held.candidates, images=held.images, tolerance=tolerance, kappa=kappa, unit=held.unit)
    files = write_recommendation(folder, found, name) if plot else ()
    if as_json:
        click.echo(dump_json({"schema": RECOMMENDATION_SCHEMA, **found.to_dict()}), nl=False)
    else:
        click.echo(recommendation_text(found, name), nl=False)
    for path in files:
        click.echo(f"wrote {click.format_filename(path)}", err=True)
