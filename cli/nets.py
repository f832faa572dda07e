"""``symaudit nets``: the networks that can be trained, with their parameters and costs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from symmetry_audit.verbs import NetsRequest
from symmetry_audit.verbs import nets as run

from .derived import RequestCommand, asked, request_options
from .options import config_option, exit_codes, json_option

if TYPE_CHECKING:
    from symmetry_audit.verbs import NetworkCost

__all__ = ["nets"]

SCHEMA = "symaudit.nets/2"
HEADER = ("backbone", "method", "scale", "group", "parameters", "trainable", "multiply-adds", "memory")
LINE = "{:8}  {:6}  {:>5}  {:5}  {:>10}  {:>10}  {:>13}  {:>10}"


@click.command(cls=RequestCommand, short_help="List networks with their parameters and costs.", epilog=exit_codes())
@request_options(NetsRequest)
@json_option
@config_option
def nets(as_json: bool, **options: Any) -> None:
    """List the networks that `symaudit train` can train: every backbone with every method.

    Multiply-adds and memory are for one image of --size pixels a side. Memory is what a training step keeps
    from the forward pass for the backward pass. The parameter count includes frozen parameters; with --preset paper it
    is the count of the published network.

    \b
    Example:
      symaudit nets --backbone edsr --preset paper
    """
    from symmetry_audit.results import dump_json

    rows = []
    for cost in run(asked(NetsRequest, options)):
        if not as_json and not rows:
            click.echo(LINE.format(*HEADER))
        rows.append(cost)
        if not as_json:
            click.echo(_line(cost))
    if as_json:
        click.echo(dump_json({"schema": SCHEMA, "rows": [asdict(row) for row in rows]}), nl=False)


def _line(row: NetworkCost) -> str:
    return LINE.format(
        row.backbone,
        row.method,
        f"x{row.scale}",
        row.group,
        f"{row.parameters:,}",
        f"{row.trainable:,}",
        f"{row.multiply_adds / 1e9:.3f} G",
        f"{row.activation_bytes / 2**20:.1f} MiB",
    )
