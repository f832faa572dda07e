"""`symaudit recommend`: the group that a report supports, chosen from its numbers alone."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import RecommendRequest
from symmetry_audit.verbs import recommend as run

from .derived import RequestCommand, asked, request_options
from .options import config_option, exit_codes, json_option

__all__ = ["recommend"]


@click.command(
    cls=RequestCommand,
    short_help="Choose the group that a report supports.",
    epilog=exit_codes(_1="the report is missing, damaged, or has no group to choose from"),
)
@request_options(RecommendRequest)
@click.option("--plot/--no-plot", default=True, help="Write recommendation.png/.svg/.pdf.  [default: plot]")
@json_option
@config_option
def recommend(plot: bool, as_json: bool, **options: Any) -> None:
    """Choose the symmetry group to build into a network from REPORT, a folder that `symaudit measure` wrote.

    Every subgroup of the measured group is a candidate. Of the candidates that the images support, the one with the
    most tested elements is recommended. A symmetry that the run could not have refuted is never recommended. No image
    is read; the same report gives the same answer and the same files.

    \b
    Example:
      symaudit recommend symaudit-DIV2K --tolerance 0.03
    """
    from symmetry_audit.reports import recommendation_text, write_recommendation
    from symmetry_audit.results import RECOMMENDATION_SCHEMA, AuditReport, dump_json

    request = asked(RecommendRequest, options)
    found = run(request)
    name = AuditReport.load(request.report).dataset.name
    files = write_recommendation(request.report, found, name) if plot else ()
    if as_json:
        click.echo(dump_json({"schema": RECOMMENDATION_SCHEMA, **found.to_dict()}), nl=False)
    else:
        click.echo(recommendation_text(found, name), nl=False)
    for path in files:
        click.echo(f"wrote {click.format_filename(path)}", err=True)
