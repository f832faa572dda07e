"""Options of `symaudit train`: the network and how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from symmetry_audit.cli.nets import BACKBONES, METHODS, PRESETS
from symmetry_audit.cli.options import complete

__all__ = ["network_options", "schedule_options"]


class _LayersType(click.ParamType):
    """A number of layers, or patterns of their names with commas between."""

    name = "number|names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | tuple[str, ...]:
        """Text, or what a config file holds, to a number or names."""
        if isinstance(value, int | tuple):
            return value
        text = ",".join(value) if isinstance(value, list) else str(value)
        if text.isdecimal():
            return int(text)
        return tuple(part.strip() for part in text.split(",") if part.strip())


LAYERS = _LayersType()


def network_options(command: Callable) -> Callable:
    """What is trained."""
    for option in (
        click.option("--preset", type=click.Choice(PRESETS), default="small", show_default=True),
        click.option("--basis", help="Filter basis in place of the method's own."),
        click.option(
            "--relax",
            type=click.FloatRange(0),
            help="Relax equivariant layers: a free filter beside each, whose squares cost this much.",
        ),
        click.option(
            "--eq-layers",
            type=LAYERS,
            help="What --eq-reg looks at: the first N layers, or names such as body.*,output.  [default: all]",
        ),
        click.option(
            "--eq-reg",
            type=click.FloatRange(0, min_open=True),
            help="EQ-Reg: add this much of the equivariance error under --group, whatever the network is.",
        ),
        click.option("--group", help="pT or pTm.  [default: from the report, or the method's own]"),
        click.option(
            "--conv",
            shell_complete=complete(lambda: list(METHODS)),
            help=f"Method: {', '.join(METHODS)}.  [default: from the report, or cnn]",
        ),
        click.option("--backbone", type=click.Choice(BACKBONES), help="[default: edsr, resnet or rcdnet by the task]"),
    ):
        command = option(command)
    return command


def schedule_options(command: Callable) -> Callable:
    """How it is trained; what is not given comes from the recipe."""
    for option in (
        click.option(
            "--hyper-init",
            type=click.Choice(("zero", "audit")),
            help="Start of SA's hypernetwork: at 0 as published, or fitted to the audit's w_n first.  [default: zero]",
        ),
        click.option(
            "--tl-steps",
            type=click.IntRange(0),
            help="First steps of SA without its hypernetwork.  [default: 40 % after a report, else 0]",
        ),
        click.option("--log-every", type=click.IntRange(1), help="Steps between rows of log.csv."),
        click.option("--validate-every", type=click.IntRange(1), help="Steps between validations."),
        click.option("--seed", type=click.IntRange(0), help="Of weights, patches and noise.  [default: 0]"),
        click.option("--compile", is_flag=True, default=None, help="torch.compile the network."),
        click.option("--precision", type=click.Choice(("fp32", "bf16", "fp16", "fp64")), help="[default: fp32]"),
        click.option("--ema", type=float, help="Keep and validate averaged weights of this decay, such as 0.999."),
        click.option("--clip", type=float, help="Largest norm of the gradient."),
        click.option("--warmup", type=click.IntRange(0), help="Steps over which the learning rate rises."),
        click.option("--schedule", type=click.Choice(("constant", "cosine", "multistep"))),
        click.option("--lr", type=float, help="Learning rate of Adam."),
        click.option("--loss", type=click.Choice(("l1", "mse", "stages")), help="stages: RCDNet's own."),
        click.option(
            "--augment",
            type=click.Choice(("flips+turns", "flips", "hflip", "none")),
            help="How patches are moved.  [default: the recipe's; hflip for rain, which falls downwards]",
        ),
        click.option("--patch", type=click.IntRange(8), help="Side of an input patch in pixels."),
        click.option("--accumulate", type=click.IntRange(1), help="Parts into which a batch is cut."),
        click.option("--batch", type=click.IntRange(1), help="Patches a step, over all processes."),
        click.option("--minutes", type=float, help="Stop, and end the schedule, after this time."),
        click.option("--steps", type=click.IntRange(1), help="Steps of all stages together."),
        click.option(
            "--recipe",
            default="quick",
            show_default=True,
            shell_complete=complete(lambda: _recipes()),
            help="Defaults of what follows: quick, or a published protocol such as sa-sr.",
        ),
    ):
        command = option(command)
    return command


def _recipes() -> list[str]:
    from symmetry_audit.training import RECIPES

    return list(RECIPES)
