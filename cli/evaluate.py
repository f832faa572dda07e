"""``symaudit evaluate``: PSNR and SSIM of a trained network, or of a baseline, on a test set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from symmetry_audit.verbs import EvaluateRequest
from symmetry_audit.verbs import evaluate as run

from .derived import RequestCommand, asked, request_options
from .options import (
    allow_skipped_option,
    config_option,
    exit_codes,
    quiet_option,
    speaker,
    table_options,
    write_tables,
)
from .progress import image_progress

__all__ = ["evaluate"]


@click.command(cls=RequestCommand, short_help="Measure PSNR and SSIM of a trained network.", epilog=exit_codes(4, 130))
@request_options(EvaluateRequest)
@table_options
@allow_skipped_option
@config_option
@quiet_option
def evaluate(
    as_json: bool, csv: Path | None, latex: Path | None, allow_skipped: bool, quiet: bool, **options: Any
) -> int:
    """Measure PSNR and SSIM of MODEL on test images, next to those of the degraded images.

    MODEL is the folder of a training run, a .safetensors file, or a baseline: bicubic (interpolation, for
    super-resolution) or identity (the degraded images as they are). The clean images are degraded in the way that the
    network was trained for. Noise is the same in every run with the same seed. Test images that are in the training
    set are refused. Outputs are clipped and rounded to 8 bits before they are scored.

    --symmetrize compares a network with its own average over a group, which has that symmetry by construction: a
    first answer to whether building the group in would help, without training anything. It prints the verdict alone;
    --csv and --json have every image.

    \b
    Example:
      symaudit evaluate runs/edsr-p8 --data BSD100
      symaudit evaluate runs/resnet-p8 --data photos/ --sigma 25 --json > sigma25.json
      symaudit evaluate runs/resnet-cnn --data BSD100 --symmetrize p4
      symaudit evaluate bicubic --scale 2 --data Set5 --protocol sr-y
      symaudit evaluate identity --task derain --data Rain100L/test
    """
    from symmetry_audit.reports import evaluation_csv, evaluation_tex, evaluation_text

    with image_progress(quiet) as progress:
        found = run(asked(EvaluateRequest, options, progress=progress, say=speaker(quiet)))
    click.echo(found.to_json() if as_json else evaluation_text(found), nl=False)
    write_tables({csv: lambda: evaluation_csv(found), latex: lambda: evaluation_tex(found)}, quiet)
    return 4 if found.skipped and not allow_skipped else 0
