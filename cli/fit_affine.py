"""``symaudit fit-affine``: the deformation under which each image is most symmetric."""

from __future__ import annotations

from pathlib import Path

import click

from symmetry_audit.cli.measuring import datasets, default_folder, measuring_options, print_skipped
from symmetry_audit.cli.options import EXIT_CODES, complete, progress_on_stderr, run_options

__all__ = ["fit_affine"]

FIT_SCHEMA = "symaudit.affine/1"


@click.command("fit-affine", short_help="Fit the deformed group of every image.", epilog=EXIT_CODES)
@click.argument("source", shell_complete=complete(datasets))
@measuring_options("tv,tv2,sobel,prewitt")
@click.option("--plot", is_flag=True, help="Draw every image with its ellipse and its responses before and after.")
@run_options
def fit_affine(
    source: str,
    data_root: Path | None,
    out: Path | None,
    plot: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    allow_skipped: bool,
    **options: object,
) -> int:
    """Find for every image of SOURCE the deformation w under whose group it is most symmetric.

    SOURCE is anything that `symaudit measure` takes, one image included. For every regularizer that depends on
    direction, and jointly, w is given as the long axis' angle alpha and the axis ratio, with the variance of the
    responses and the image's epsilon before and after. affine.parquet and affine.csv go into --out;
    `symaudit measure --affine` uses them again.

    \b
    Example:
      symaudit fit-affine photo.png --plot
      symaudit fit-affine photos/ --reg tv,sobel --out fits
    """
    from symmetry_audit import api, audit, data
    from symmetry_audit.reports import fits_text
    from symmetry_audit.results import dump_json

    run = {name: options.pop(name) for name in ("device", "workers", "resume", "force", "on_error")}
    settings = audit.fit_settings(**{key: value for key, value in options.items() if value is not None})
    opened = data.open_source(source, data_root)
    if opened.note and not quiet:
        click.echo(opened.note, err=True)
    folder = out or default_folder("symaudit-fits", opened.name)
    with progress_on_stderr(quiet) as progress:
        fits, skipped = api.run_fits(opened, settings, out=folder, plot=plot, progress=progress, **run)
    if as_json:
        document = {
            "schema": FIT_SCHEMA,
            "source": opened.text,
            "settings": settings.to_dict(),
            "fits": [fit.to_dict() for fit in fits],
            "skipped": [{"image": item.image, "reason": item.reason} for item in skipped],
        }
        click.echo(dump_json(document), nl=False)
    else:
        click.echo(fits_text(fits), nl=False)
    if not quiet:
        print_skipped(skipped, verbose)
        click.echo(f"Fits written to {folder}", err=True)
    return 4 if skipped and not allow_skipped else 0
