"""`symaudit recommend`: whether the images are symmetric, which group to build, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from symmetry_audit.verbs import RecommendRequest
from symmetry_audit.verbs import recommend as run
from symmetry_audit.wording import escaped

from .derived import RequestCommand, asked, request_options
from .options import config_option, exit_codes, json_option, quiet_option, speaker
from .progress import image_progress, step_progress

__all__ = ["recommend"]


@click.command(
    cls=RequestCommand,
    short_help="Advise which group to build into a network.",
    epilog=exit_codes(_1="the report is missing, damaged, or has no group to choose from"),
)
@request_options(RecommendRequest)
@click.option("--plot/--no-plot", default=True, help="Write recommendation.png/.svg/.pdf.  [default: plot]")
@json_option
@config_option
@quiet_option
@click.option("-v", "--verbose", is_flag=True, help="Also print all candidates, the directions, a legend and kappa.")
def recommend(plot: bool, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
    """Advise which symmetry group to build into a network from REPORT, a folder that `symaudit measure` wrote.

    Three questions are answered apart: whether the images are symmetric, which group to build, and how. Without a
    task the answer rests on the report alone. With --task, linear filters with and without each group are compared on
    the images (seconds), with --pilot small networks too (minutes). The answer is kept in the report's folder as
    recommendation.json, and `symaudit train --from-report` follows it.

    \b
    Examples:
      symaudit recommend symaudit-DIV2K
      symaudit recommend symaudit-DIV2K --task denoise --sigma 50
      symaudit recommend symaudit-photos --task sr --scale 2 --pilot --minutes 5
    """
    from symmetry_audit.reports import recommendation_text, write_recommendation
    from symmetry_audit.results import RECOMMENDATION_FILE, AuditReport

    with image_progress(quiet) as progress, step_progress(quiet) as stepping:
        request = asked(RecommendRequest, options, progress=progress, on_step=stepping, say=speaker(quiet))
        found = run(request)
    folder = Path(request.report)
    name = AuditReport.load(folder).dataset.name
    files = (folder / RECOMMENDATION_FILE, *(write_recommendation(folder, found, name) if plot else ()))
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        click.echo(recommendation_text(found, name, verbose=verbose), nl=False)
    for path in () if quiet else files:
        click.echo(f"wrote {escaped(str(path))}", err=True)
