"""``symaudit degrade``: noisy, smaller or incomplete versions of images, as files."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import DegradeRequest
from symmetry_audit.verbs import degrade as run

from .derived import RequestCommand, asked, request_options
from .options import (
    allow_skipped_option,
    config_option,
    exit_codes,
    json_option,
    print_skipped,
    quiet_option,
    speaker,
)
from .progress import image_progress

__all__ = ["degrade"]


@click.command(
    cls=RequestCommand,
    short_help="Write noisy, smaller or incomplete versions of images.",
    epilog=exit_codes(4, 130),
)
@request_options(DegradeRequest)
@json_option
@allow_skipped_option
@config_option
@quiet_option
def degrade(as_json: bool, allow_skipped: bool, quiet: bool, **options: Any) -> int:
    """Degrade the clean images in IN as a task does, and write them to --out under their names.

    The degradation is that of --task, or that which --model was trained for. Noise is that of `symaudit evaluate` with
    the same seed; but files have 8 bits and no values below 0 or above 255, as those of a camera. They are RGB. Then
    `symaudit restore` makes the third set of a degradation audit, see `symaudit compare-datasets`.

    \b
    Example:
      symaudit degrade BSD100 --task denoise --sigma 50 -o noisy
      symaudit degrade photos/ --model runs/edsr-p8 -o small
    """
    from symmetry_audit.results import dump_json

    with image_progress(quiet) as progress:
        found = run(asked(DegradeRequest, options, progress=progress, say=speaker(quiet)))
    click.echo(dump_json(found.to_dict()) if as_json else f"{found.text}\n", nl=False)
    print_skipped(found.skipped, verbose=True)
    return 4 if found.skipped and not allow_skipped else 0
