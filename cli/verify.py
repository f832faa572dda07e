"""``symaudit verify``: measure the images of a report again and compare."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import VerifyRequest
from symmetry_audit.verbs import verify as run

from .derived import RequestCommand, asked, request_options
from .options import config_option, exit_codes, json_option, quiet_option, speaker
from .progress import image_progress

__all__ = ["verify"]


@click.command(
    cls=RequestCommand,
    short_help="Recompute a report and compare every number.",
    epilog=exit_codes(130, _0="every number agrees", _1="a number differs, or the comparison failed"),
)
@request_options(VerifyRequest)
@json_option
@config_option
@quiet_option
def verify(as_json: bool, quiet: bool, **options: Any) -> int:
    """Measure the images of REPORT, a folder that `symaudit measure` wrote, again and compare every number.

    Two numbers agree if they differ by at most 1e-4 of the mean response.

    \b
    Example:
      symaudit verify symaudit-DIV2K --data-root ~/data
    """
    from symmetry_audit.results import dump_json

    with image_progress(quiet) as progress:
        request = asked(VerifyRequest, options, progress=progress, say=speaker(quiet))
        found = run(request)
    if as_json:
        document = {"schema": "symaudit.verification/1", "report": str(request.report), "ok": not found}
        click.echo(dump_json(document | {"differences": list(found)}), nl=False)
    else:
        for text in found:
            click.echo(text)
        click.echo(f"{request.report} {'does not hold' if found else 'holds: every number was measured again'}")
    return 1 if found else 0
