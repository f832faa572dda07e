"""``symaudit measure``: from a source of images to Table 1, Figure 2 and a machine-readable report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from symmetry_audit.errors import DataError
from symmetry_audit.verbs import MeasureRequest, plan_measure
from symmetry_audit.wording import count, escaped

from .checks import conditions_options, judged
from .derived import RequestCommand, asked, request_options
from .options import (
    allow_skipped_option,
    config_option,
    dry_run_option,
    exit_codes,
    json_option,
    not_nan,
    print_skipped,
    quiet_option,
    speaker,
    verbose_option,
)
from .progress import image_progress

if TYPE_CHECKING:
    from symmetry_audit.results import AuditReport
    from symmetry_audit.verbs import MeasurePlan

__all__ = ["measure", "measure_and_print", "print_report"]

MOMENT = 3.0  # seconds


def _share(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    first, slash, last = value.partition("/")
    if not (slash and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise click.BadParameter(f'"{value}" is not K/N with K from 1 to N, such as 1/8')
    return int(first), int(last)


@click.command(cls=RequestCommand, short_help="Measure the symmetry error of a dataset.", epilog=exit_codes(3, 4, 130))
@request_options(MeasureRequest)
@json_option
@click.option(
    "--fail-above",
    type=click.FloatRange(0, 1e9),
    callback=not_nan,
    metavar="X",
    help="Exit with 3 if the relative epsilon of any dataset row exceeds X (of any row, if there are no dataset rows).",
)
@click.option(
    "--part",
    callback=_share,
    metavar="K/N",
    help="Measure the K-th of N shares alone, for job arrays; `symaudit merge` makes the report of all.",
)
@conditions_options
@allow_skipped_option
@dry_run_option("measured")
@config_option
@quiet_option
@verbose_option
def measure(
    as_json: bool,
    fail_above: float | None,
    part: tuple[int, int] | None,
    allow_skipped: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Measure the dataset-level symmetry error epsilon_G of SOURCE.

    SOURCE is a folder (searched recursively), an image, a quoted glob, a text list of files, a .zip or .tar
    archive, or the name of a dataset such as DIV2K or DIV2K:valid. The report folder gets report.json,
    responses.parquet, table1.csv/.md/.tex and figure2.png/.svg/.pdf. What the numbers say of the images, and which
    group to build into a network, is printed in words, with the numbers behind it; -v prints Table 1 too.

    \b
    Example:
      symaudit measure photos/ --group p32
      symaudit measure tiles/ --group p32
      symaudit measure DIV2K --reg tv --group p32 --data-root ~/data
      symaudit measure scans.zip --reg tv,chiral --group p8m --out scans-p8m --json
      symaudit measure BSD100 --fit joint --no-controls
      symaudit measure Urban100 --pixels 300000
      symaudit measure photos/ --part 1/8
    """
    with image_progress(quiet) as progress:
        talk = {"progress": progress, "estimate": progress.estimate, "say": speaker(quiet)}
        plan = plan_measure(asked(MeasureRequest, options, **talk))
        if dry_run:
            _print_plan(plan, as_json)
            return 0
        if part is not None:
            return _measure_part(plan, part, as_json=as_json, allow_skipped=allow_skipped)
        return measure_and_print(
            plan,
            as_json=as_json,
            quiet=quiet,
            verbose=verbose,
            allow_skipped=allow_skipped,
            fail_above=fail_above,
        )


def measure_and_print(
    plan: MeasurePlan,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    allow_skipped: bool,
    fail_above: float | None = None,
) -> int:
    """Measure into the plan's folder. The result goes to stdout, notes go to stderr. Returns the exit code."""
    if verbose and not quiet:
        click.echo(f"Measuring {plan.text}; {plan.machine}", err=True)
    report = plan.run(plan.folder, first=None if quiet or as_json else _early(time.monotonic()))
    about = {"as_json": as_json, "quiet": quiet, "verbose": verbose}
    code = print_report(report, **about, allow_skipped=allow_skipped, fail_above=fail_above)
    return judged(report, code, as_json=as_json)


def print_report(
    report: AuditReport,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    allow_skipped: bool,
    fail_above: float | None = None,
) -> int:
    """Print the result to stdout and notes to stderr. Returns the exit code."""
    click.echo(report.to_json() if as_json else _text(report, verbose), nl=False)
    if not quiet:
        _print_notes(report, verbose)
    return _code(report, allow_skipped, fail_above)


def _measure_part(plan: MeasurePlan, share: tuple[int, int], *, as_json: bool, allow_skipped: bool) -> int:
    """Measure a part of the plan's partitions and say what to do with it. Returns the exit code."""
    from symmetry_audit.results import dump_json

    out = plan.request.out
    found = plan.run_part(share, out)
    if as_json:
        told = {"part": share[0], "parts": share[1], "partitions": found.partitions, "images": found.images}
        document = {"schema": "symaudit.part-run/1", "folder": str(found.folder), **told, "skipped": found.skipped}
        click.echo(dump_json(document), nl=False)
    else:
        folders = f"{plan.folder}-part-*-of-{share[1]}" if out is None else "PART..."
        click.echo(
            f"Part {share[0]} of {share[1]}: {count(found.images, 'image')} in {count(found.partitions, 'partition')}, "
            f"{found.skipped} skipped, in {found.folder}. When all parts are there: symaudit merge {folders}"
        )
    return 4 if found.skipped and not allow_skipped else 0


def _code(report: AuditReport, allow_skipped: bool, fail_above: float | None) -> int:
    """The exit code. Raises DataError where there is nothing to compare with ``fail_above``."""
    if fail_above is not None and not any(row.visible_elements for row in report.results):
        raise DataError("no element of the group was tested, so --fail-above has nothing to check; add --reg chiral")
    if fail_above is not None and (worst := _worst(report)) > fail_above:
        click.echo(f"The relative epsilon {worst:.4g} exceeds --fail-above {fail_above:g}", err=True)
        return 3
    return 4 if report.skipped and not allow_skipped else 0


def _early(started: float) -> Callable[[AuditReport], None]:
    """What tells the answer of the strict rows, which are measured first, unless all is done in a moment."""

    def tell(report: AuditReport) -> None:
        from symmetry_audit.reports import answers_text

        if time.monotonic() - started >= MOMENT:
            click.echo(f"So far, without deformations:\n\n{answers_text(report)}", err=True)
            click.echo("Now each image under its own deformed group, which takes three times as long.", err=True)

    return tell


def _text(report: AuditReport, verbose: bool) -> str:
    """The answer with its numbers; where ``verbose`` asks for it, what it rests on and all of Table 1 too."""
    from symmetry_audit.reports import answers_text, recommendation_text, table1_text

    found, parts = report.recommendation, [answers_text(report)]
    if verbose and found is not None:
        parts.append(recommendation_text(found, report.dataset.name, verbose=True))
    return "\n".join([*parts, table1_text(report)] if verbose else parts)


def _print_notes(report: AuditReport, verbose: bool) -> None:
    from symmetry_audit.reports.pages import PAGE_FILE
    from symmetry_audit.results import DatasetInfo

    for warning in report.warnings:
        click.echo(escaped(f"Warning: {warning}"), err=True)
    print_skipped(report.skipped, verbose, unnamed=report.skipped_unnamed)
    if report.folder is not None:
        click.echo(f"The report: {report.folder / PAGE_FILE}, with all numbers, tables and figures beside it", err=True)
    # other units have no such task, and none is tried on tiles
    tried = report.dataset.unit == DatasetInfo.unit and report.settings.get("tile") is None
    if report.recommendation is not None and tried:
        command = f"symaudit recommend {shlex.quote(str(report.folder))} --task denoise --sigma 25"
        click.echo(f"Next, try it on your task: {command}", err=True)


def _worst(report: AuditReport) -> float:
    """The largest relative epsilon of the dataset rows, or of all rows if there are no dataset rows."""
    dataset = [row for row in report.results if row.scenario != "sample_strict"]
    return max((row.relative_epsilon or 0.0 for row in dataset or report.results), default=0.0)


def _print_plan(plan: MeasurePlan, as_json: bool) -> None:
    from symmetry_audit.results import dump_json

    estimate = plan.estimate
    cost = "unknown, since images of shards are not counted before" if estimate is None else estimate.text
    text = f"Would measure {plan.text}\nEstimate: {cost}\n"
    click.echo(dump_json(plan.to_dict()) if as_json else text, nl=False)
