"""``symaudit verify``: measure the images of a report again and compare."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import VerifyRequest, verified

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

    On the machine and with the versions that run.json of the report names, numbers agree to 1e-9; on others to 1e-5
    (strict rows) and 3e-4 (adaptive rows) of the mean response. Reports that do not name them, and GPUs: 1e-4 and 5e-3.

    \b
    Example:
      symaudit verify symaudit-DIV2K --data-root ~/data
    """
    from symmetry_audit.results import dump_json

    with image_progress(quiet) as progress:
        request = asked(VerifyRequest, options, progress=progress, say=speaker(quiet))
        found = verified(request)
    ok = not found.differences
    if as_json:
        document = {"schema": "symaudit.verification/1", "report": str(request.report), "ok": ok}
        document |= {"differences": list(found.differences), "tolerance": found.tolerance}
        click.echo(dump_json(document), nl=False)
    else:
        request.say(f"Compared: {found.tolerance}")
        for text in found.differences:
            click.echo(text)
        click.echo(f"{request.report} {'holds: every number was measured again' if ok else 'does not hold'}")
    return 0 if ok else 1
