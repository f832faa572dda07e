"""``symaudit merge``: the parts of one audit become a report."""

from __future__ import annotations

from typing import Any

import click

from symmetry_audit.verbs import MergeRequest, plan_merge

from .checks import conditions_options, judged
from .derived import RequestCommand, asked, request_options
from .measure import print_report
from .options import (
    allow_skipped_option,
    config_option,
    exit_codes,
    json_option,
    quiet_option,
    speaker,
    verbose_option,
)
from .progress import image_progress

__all__ = ["merge"]


@click.command(
    cls=RequestCommand, short_help="Make one report of an audit measured in parts.", epilog=exit_codes(3, 4, 130)
)
@request_options(MergeRequest)
@json_option
@conditions_options
@allow_skipped_option
@config_option
@quiet_option
@verbose_option
def merge(as_json: bool, allow_skipped: bool, quiet: bool, verbose: bool, **options: Any) -> int:
    """Make the report of an audit whose partitions were measured apart, by `symaudit measure --part K/N`.

    PART... are the folders of all N parts. Nothing is measured; the images are listed once more, to see that none is
    missing. The report is the one that `symaudit measure` without --part would have written.

    \b
    Example:
      symaudit merge symaudit-photos-part-*-of-8
      symaudit merge part-1 part-2 --out whole --json
    """
    with image_progress(quiet) as progress:
        plan = plan_merge(asked(MergeRequest, options, progress=progress, say=speaker(quiet)))
        report = plan.run(plan.folder)
    code = print_report(report, as_json=as_json, quiet=quiet, verbose=verbose, allow_skipped=allow_skipped)
    return judged(report, code, as_json=as_json)
