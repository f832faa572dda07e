"""``symaudit fit-affine``: the deformation under which each image is most symmetric."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import FitRequest, plan_fit

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
from .progress import image_progress

__all__ = ["fit_affine"]


@click.command(
    "fit-affine", cls=RequestCommand, short_help="Fit the deformed group of every image.", epilog=exit_codes(4, 130)
)
@request_options(FitRequest)
@json_option
@allow_skipped_option
@config_option
@quiet_option
@verbose_option
def fit_affine(as_json: bool, allow_skipped: bool, quiet: bool, verbose: bool, **options: Any) -> int:
    """Find, for every image of SOURCE, the deformation w whose group makes the image most symmetric.

    SOURCE is any source of `symaudit measure`; a single image will do. There is one w for every regularizer that
    depends on direction, and one joint w. Each is written as the angle alpha of the long axis and the axis ratio, with
    the variance of the responses and the epsilon of the image before and after. affine.parquet, affine.csv and
    report.html go into --out; `symaudit measure --affine` can use the first two.

    \b
    Example:
      symaudit fit-affine photo.png --plot
      symaudit fit-affine photos/ --reg tv,sobel --out fits
    """
    from symmetry_audit.reports import fits_text
    from symmetry_audit.results import dump_json

    with image_progress(quiet) as progress:
        plan = plan_fit(asked(FitRequest, options, progress=progress, say=speaker(quiet)))
        found = plan.run(plan.folder)
    click.echo(dump_json(found.to_dict()) if as_json else fits_text(found.fits), nl=False)
    if not quiet:
        print_skipped(found.skipped, verbose)
        click.echo(f"Fits written to {plan.folder}", err=True)
    return 4 if found.skipped and not allow_skipped else 0
