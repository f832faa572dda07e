"""``symaudit train``: from an audit and a folder of images to a trained network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from symmetry_audit.errors import Interrupted
from symmetry_audit.verbs import TrainRequest, plan_training

from .derived import RequestCommand, asked, request_options
from .options import (
    config_option,
    dry_run_option,
    exit_codes,
    json_option,
    quiet_option,
    speaker,
)
from .progress import image_progress, step_progress

if TYPE_CHECKING:
    from symmetry_audit.verbs import TrainPlan

__all__ = ["train"]

TRAIN_SCHEMA = "symaudit.training/1"


@click.command(
    cls=RequestCommand,
    short_help="Train a network, optionally from an audit.",
    epilog=exit_codes(_130="interrupted; the same command continues the run"),
)
@request_options(TrainRequest)
@json_option
@dry_run_option("trained")
@config_option
@quiet_option
def train(as_json: bool, dry_run: bool, quiet: bool, **options: Any) -> int:
    """Train a network for super-resolution, denoising, deraining, inpainting or classification.

    With --from-report the group, the method and the initial w come from an audit of the training images. The run
    folder gets best.safetensors, log.csv, learning_curve.png/.svg/.pdf and restored samples. The same command
    continues a stopped run. To use several processes: torchrun --nproc-per-node=N -m symmetry_audit.cli train ...

    With --self-supervised the network learns from measurements alone; clean images are used for validation only.

    \b
    Example:
      symaudit train --from-report symaudit-photos --task sr --data photos/ --valid Set5 --minutes 30
      symaudit train --task denoise --sigma 50 --data photos/ --valid Set14 --method fconv --group p8 --preset tiny
      symaudit train --task inpaint --missing 0.3 --peak 20 --self-supervised rei --data photos/ --valid Set14
      symaudit train --task classify --data scenes/ --hold-out 1/3 --method gcnn --preset tiny --minutes 20
    """
    first = int(os.environ.get("RANK", 0)) == 0
    silent = quiet or not first
    say = speaker(silent)
    with image_progress(silent) as reading, step_progress(silent) as stepping:
        plan = plan_training(asked(TrainRequest, options, progress=reading, on_step=stepping, say=say))
        if dry_run:
            click.echo(_json(plan.to_dict()))
            return 0
        say(plan.text)
        try:
            result = plan.run()
        except Interrupted as stop:
            click.echo(str(stop), err=True)
            return 130
    if first:
        _finish(plan, result, as_json, quiet)
    return 0


def _finish(plan: TrainPlan, result: Any, as_json: bool, quiet: bool) -> None:
    from symmetry_audit.reports import write_learning_curve

    for path in write_learning_curve(result.folder):
        speaker(quiet)(f"wrote {path}")
    found, card = result.best.card.validation, result.best.card
    if as_json:
        document = {"folder": str(result.folder), "step": result.step, "seconds": result.seconds}
        click.echo(_json({**document, "best_step": card.step, "validation": found, "audit": card.audit}))
        return
    where = f"at step {card.step} of {result.step}, {result.seconds:.0f} s"
    if "accuracy" in found:
        said = f"accuracy {100 * found['accuracy']:.2f} % ({found['images']} images)"
    else:
        said = (
            f"{found['psnr']:.3f} dB, SSIM {found['ssim']:.4f} ({found['protocol']}, {found['images']} images; "
            f"input {found['input_psnr']:.3f} dB)"
        )
    click.echo(f"{result.folder}: {said} {where}")


def _json(document: Mapping[str, Any]) -> str:
    from symmetry_audit.results import dump_json

    return dump_json({"schema": TRAIN_SCHEMA, **document}).rstrip()
