"""``symaudit compare``: several networks on the same images in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from symmetry_audit.verbs import CompareRequest
from symmetry_audit.verbs import compare as run

from .derived import RequestCommand, asked, request_options
from .options import (
    allow_skipped_option,
    config_option,
    exit_codes,
    html_option,
    quiet_option,
    speaker,
    table_options,
    write_tables,
)
from .progress import image_progress

__all__ = ["compare"]


@click.command(cls=RequestCommand, short_help="Compare trained networks in one table.", epilog=exit_codes(4, 130))
@request_options(CompareRequest)
@table_options
@html_option
@allow_skipped_option
@config_option
@quiet_option
def compare(
    as_json: bool,
    csv: Path | None,
    latex: Path | None,
    html: Path | None,
    allow_skipped: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Put networks into one table: parameters, training steps, PSNR, SSIM and time for each RUN.

    RUN is a file that `symaudit evaluate --json` printed, whose numbers are used as they are, or any MODEL of
    `symaudit evaluate`, which is evaluated on --data now. Runs that differ in task, images, protocol or seed are
    refused.

    \b
    Example:
      symaudit evaluate runs/edsr-p8 --data BSD100 --json > p8.json
      symaudit compare p8.json p4.json bicubic.json --latex table2.tex
      symaudit compare runs/edsr-p8 runs/edsr-cnn bicubic --data BSD100
    """
    from symmetry_audit.reports import comparison_csv, comparison_tex, comparison_text
    from symmetry_audit.reports.pages import comparison_page

    with image_progress(quiet) as progress:
        found = run(asked(CompareRequest, options, progress=progress, say=speaker(quiet)))
    click.echo(found.to_json() if as_json else comparison_text(found), nl=False)
    files = {
        csv: lambda: comparison_csv(found),
        latex: lambda: comparison_tex(found),
        html: lambda: comparison_page(found),
    }
    write_tables(files, quiet)
    return 4 if any(item.skipped for item in found.evaluations) and not allow_skipped else 0
