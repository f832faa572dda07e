"""``symaudit measure``: from a source of images to Table 1, Figure 2 and a machine-readable report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from symmetry_audit.cli.measuring import datasets, default_folder, measuring_options, print_skipped
from symmetry_audit.cli.options import EXIT_CODES, complete, config_option, progress_on_stderr, run_options

if TYPE_CHECKING:
    from symmetry_audit.audit import AuditSettings
    from symmetry_audit.data import ImageSource
    from symmetry_audit.results import AuditReport

__all__ = ["measure", "measure_and_print"]


def _not_nan(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and value != value:
        raise click.BadParameter("nan is no threshold")
    return value


@click.command(short_help="Measure the symmetry error of a dataset.", epilog=EXIT_CODES)
@click.argument("source", shell_complete=complete(datasets))
@measuring_options("tv,tv2,sobel,laplacian,prewitt")
@click.option(
    "--scenario",
    multiple=True,
    help="sample_strict, dataset_strict, dataset_adaptive or all.  [default: all]",
)
@click.option(
    "--fit",
    default="per-regularizer",
    show_default=True,
    shell_complete=complete(lambda: ["per-regularizer", "joint", "tv", "tv2", "sobel", "prewitt"]),
    help="Whose w each image is measured under: per-regularizer, joint, or a regularizer's name.",
)
@click.option(
    "--affine", type=click.Path(path_type=Path), help="Use the w of this affine.parquet or .csv; nothing is fitted."
)
@click.option(
    "--controls/--no-controls",
    default=True,
    help="Transfer table, held-out halves, refitted isotropic fields, random w; a third of the time without.",
)
@click.option(
    "--clusters",
    default="image",
    show_default=True,
    help="What the bootstrap draws: image, folder, or duplicates (groups of pixel-identical images).",
)
@click.option(
    "--fail-above",
    type=click.FloatRange(0, 1e9),
    callback=_not_nan,
    metavar="X",
    help="Exit with 3 if a relative epsilon exceeds X (of the dataset rows where there are any).",
)
@click.option("--dry-run", is_flag=True, help="Print what would be measured, and stop.")
@config_option
@run_options
def measure(source: str, data_root: Path | None, out: Path | None, dry_run: bool, **options: object) -> int:
    """Measure the dataset-level symmetry error epsilon_G of SOURCE.

    SOURCE is a folder (searched recursively), an image, a quoted glob, a text list of files, a .zip or .tar
    archive, or the name of a dataset such as DIV2K or DIV2K:valid. The report folder gets report.json,
    responses.parquet, table1.csv/.md/.tex and figure2.png/.svg/.pdf; Table 1 is printed.

    \b
    Example:
      symaudit measure photos/ --group p32
      symaudit measure DIV2K --reg tv --group p32 --data-root ~/data
      symaudit measure scans.zip --reg tv,chiral --group p8m --out scans-p8m --json
      symaudit measure photos/ --fit joint --no-controls
    """
    from symmetry_audit import audit, data

    run = {name: options.pop(name) for name in ("device", "workers", "resume", "force", "on_error")}
    talk = {name: options.pop(name) for name in ("as_json", "quiet", "verbose", "fail_above", "allow_skipped")}
    fits = options.pop("affine")
    digest = None if fits is None else audit.fits_digest(fits)
    options = {name: value for name, value in options.items() if value is not None}
    settings = audit.make_settings(**options, affine=digest)
    if fits is not None:
        run["given"] = audit.given_fits(fits, settings)
    opened = data.open_source(source, data_root)
    if opened.note and not talk["quiet"]:
        click.echo(opened.note, err=True)
    folder = out or default_folder("symaudit", opened.name)
    if dry_run:
        _print_plan(opened, settings, folder, talk["as_json"])
        return 0
    return measure_and_print(opened, settings, folder, run, **talk)


def measure_and_print(
    source: ImageSource,
    settings: AuditSettings,
    folder: Path,
    run: dict,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    allow_skipped: bool,
    fail_above: float | None = None,
) -> int:
    """Measure into ``folder``; the result goes to stdout, the notes to stderr. Returns the exit code."""
    from symmetry_audit import api, audit
    from symmetry_audit.reports import table1_text

    if verbose and not quiet:
        device, workers = audit.resolve_device(run["device"]), run["workers"] or api.default_workers()
        click.echo(f"Measuring {_plan(source, settings, folder)}; device {device}, workers {workers}", err=True)
    with progress_on_stderr(quiet) as progress:
        report = api.run_audit(source, settings, out=folder, progress=progress, **run)
    click.echo(report.to_json() if as_json else table1_text(report), nl=False)
    if not quiet:
        _print_notes(report, verbose)
    if fail_above is not None and not any(row.visible_elements for row in report.results):
        from symmetry_audit.errors import DataError

        raise DataError("nothing was tested, so --fail-above has nothing to compare; add --reg chiral")
    if fail_above is not None and (worst := _worst(report)) > fail_above:
        click.echo(f"The relative epsilon {worst:.4g} exceeds --fail-above {fail_above:g}", err=True)
        return 3
    return 4 if report.skipped and not allow_skipped else 0


def _print_notes(report: AuditReport, verbose: bool) -> None:
    for warning in report.warnings:
        click.echo(f"Warning: {warning}", err=True)
    print_skipped(report.skipped, verbose)
    if report.recommendation is not None:
        click.echo(report.recommendation.sentence, err=True)
    click.echo(f"Report written to {report.folder}", err=True)


def _worst(report: AuditReport) -> float:
    """The largest relative epsilon of the dataset rows, or of all rows where there are none of them."""
    dataset = [row for row in report.results if row.scenario != "sample_strict"]
    return max((row.relative_epsilon or 0.0 for row in dataset or report.results), default=0.0)


def _plan(source: ImageSource, settings: AuditSettings, folder: Path) -> str:
    names = ",".join(stencil.name for stencil in settings.stencils)
    return (
        f"{len(source.limited(settings.limit).refs)} images of {source.name}: {names} under {settings.group}, "
        f"{settings.kernel} kernel, margin {settings.margin} px, into {folder}"
    )


def _print_plan(source: ImageSource, settings: AuditSettings, folder: Path, as_json: bool) -> None:
    from symmetry_audit.results import dump_json

    if not as_json:
        click.echo(f"Would measure {_plan(source, settings, folder)}")
        return
    plan = {
        "schema": "symaudit.plan/1",
        "dataset": source.name,
        "images": len(source.limited(settings.limit).refs),
        "out": str(folder),
        "settings": settings.to_dict(),
    }
    click.echo(dump_json(plan), nl=False)
