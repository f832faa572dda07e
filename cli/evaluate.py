"""``symaudit evaluate``: PSNR and SSIM, or accuracy, of a trained network, or of a baseline, on a test set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from symmetry_audit.errors import SettingError
from symmetry_audit.verbs import EvaluateRequest
from symmetry_audit.verbs import evaluate as run

from .checks import conditions_options, judged
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


@click.command(
    cls=RequestCommand,
    short_help="Measure PSNR and SSIM, or accuracy, of a trained network.",
    epilog=exit_codes(4, 130, _3="done, but a condition failed"),
)
@request_options(EvaluateRequest)
@click.option(
    "--confusion",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write how many images of each class a classifier takes for each other one (.csv).",
)
@table_options
@conditions_options
@allow_skipped_option
@config_option
@quiet_option
def evaluate(
    confusion: Path | None,
    as_json: bool,
    csv: Path | None,
    latex: Path | None,
    allow_skipped: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Measure PSNR and SSIM of MODEL on test images, next to those of the degraded images.

    MODEL is the folder of a training run, a .safetensors file, or a baseline: bicubic (interpolation, for
    super-resolution) or identity (the degraded images as they are). The clean images are degraded in the way that the
    network was trained for. Noise is the same in every run with the same seed. Test images that are in the training
    set are refused. Outputs are clipped and rounded to 8 bits before they are scored.

    Of a classifier, the table has the accuracy with its interval, and a line for each class; --data is a folder with
    one folder for each class, or a CSV file with the columns file and label.

    --symmetrize compares a network with its own average over a group, which has that symmetry by construction: a
    first answer to whether building the group in would help, without training anything. It prints the verdict alone;
    --csv and --json have every image.

    \b
    Example:
      symaudit evaluate runs/edsr-p8 --data BSD100
      symaudit evaluate runs/resnet-p8 --data photos/ --sigma 25 --json > sigma25.json
      symaudit evaluate runs/resnet-cnn --data BSD100 --symmetrize p4
      symaudit evaluate bicubic --scale 2 --data Set5 --protocol sr-y
      symaudit evaluate runs/scenes-p4 --data scenes-test/ --confusion confusion.csv
      symaudit evaluate identity --task derain --data Rain100L/test
    """
    from symmetry_audit.reports import (
        classification_csv,
        classification_tex,
        classification_text,
        confusion_csv,
        evaluation_csv,
        evaluation_tex,
        evaluation_text,
    )
    from symmetry_audit.results import Classification

    with image_progress(quiet) as progress:
        found = run(asked(EvaluateRequest, options, progress=progress, say=speaker(quiet)))
    files: dict[Path | None, Callable[[], str]]
    if isinstance(found, Classification):
        scores = found
        text = classification_text(scores)
        files = {
            csv: lambda: classification_csv(scores),
            latex: lambda: classification_tex(scores),
            confusion: lambda: confusion_csv(scores),
        }
    else:
        if confusion is not None:
            raise SettingError("--confusion is for classifiers, and this model restores images; remove it")
        images = found
        text = evaluation_text(images)
        files = {csv: lambda: evaluation_csv(images), latex: lambda: evaluation_tex(images)}
    click.echo(found.to_json() if as_json else text, nl=False)
    write_tables(files, quiet)
    return judged(found, 4 if found.skipped and not allow_skipped else 0, as_json=as_json)
