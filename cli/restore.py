"""``symaudit restore``: a trained network on image files."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import RestoreRequest
from symmetry_audit.verbs import restore as run

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

__all__ = ["restore"]


@click.command(cls=RequestCommand, short_help="Restore images with a trained network.", epilog=exit_codes(4, 130))
@request_options(RestoreRequest)
@json_option
@allow_skipped_option
@config_option
@quiet_option
def restore(as_json: bool, allow_skipped: bool, quiet: bool, **options: Any) -> int:
    """Restore the degraded images in IN with MODEL and write the results to --out.

    MODEL is the folder of a training run or a .safetensors file. IN is a folder (searched recursively), an image, a
    quoted glob, a list, an archive or a dataset. PNG and TIFF files keep their format and their 16 bits; other formats
    become PNG. Grey images stay grey. Results are upright and have no alpha. Results that already exist are kept, so
    the same command continues an interrupted run.

    \b
    Example:
      symaudit restore runs/resnet-p8 photos/ -o restored
      symaudit restore runs/edsr-p8 small.jpg -o large.png --self-ensemble
    """
    from symmetry_audit.results import dump_json

    with image_progress(quiet) as progress:
        found = run(asked(RestoreRequest, options, progress=progress, say=speaker(quiet)))
    if as_json:
        click.echo(dump_json(found.to_dict()), nl=False)
    else:
        click.echo(found.text)
    without = [item.image for item in found.images if item.alpha_dropped]
    if without and not quiet:
        click.echo(f"The alpha channel was dropped from {', '.join(without)}", err=True)
    print_skipped(found.skipped, verbose=True)
    return 4 if found.skipped and not allow_skipped else 0
