"""``symaudit pilot``: which network to build, from tiny ones that are trained on the task."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import PilotRequest
from symmetry_audit.verbs import pilot as run

from .derived import RequestCommand, asked, request_options
from .options import (
    allow_skipped_option,
    config_option,
    exit_codes,
    json_option,
    print_skipped,
    quiet_option,
    speaker,
    verbose_option,
)
from .progress import image_progress, step_progress

__all__ = ["pilot"]


@click.command(
    cls=RequestCommand,
    short_help="Train tiny networks to find out which group pays.",
    epilog=exit_codes(4, _130="interrupted; the same command continues the pilot"),
)
@request_options(PilotRequest)
@json_option
@allow_skipped_option
@config_option
@quiet_option
@verbose_option
def pilot(as_json: bool, allow_skipped: bool, quiet: bool, verbose: bool, **options: Any) -> int:
    """Find out which network to build for the images of DATA, by training tiny ones on the task.

    The networks of one seed see the same patches and noise, and restore the same held-out images; every seed holds out
    others. After 3, 5 and 8 seeds the paired differences in PSNR are looked at. The pilot ends when one network is
    shown to be better than the others, or at most --margin worse where it is cheaper; the wrong one is chosen in at
    most 5 % of pilots. The first plain network is also compared with the average of its output over quarter turns: a
    gain certifies that an equivariant restorer is better than it. pilot.json and pilot.html go into --out.

    \b
    Example:
      symaudit pilot photos/ --task denoise --sigma 50
      symaudit pilot photos/ --task sr --scale 2 --arms p4,augmented --minutes 20
      symaudit pilot Rain100L --task derain --out rain-pilot
    """
    from symmetry_audit.reports import pilot_text

    with image_progress(quiet) as reading, step_progress(quiet) as stepping:
        found = run(asked(PilotRequest, options, progress=reading, on_step=stepping, say=speaker(quiet)))
    click.echo(found.to_json() if as_json else pilot_text(found), nl=False)
    if not quiet:
        print_skipped(found.skipped, verbose)
    return 4 if found.skipped and not allow_skipped else 0
