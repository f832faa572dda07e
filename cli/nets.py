"""``symaudit nets``: the networks that can be trained, with their parameters and costs."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["nets"]

SCHEMA = "symaudit.nets/1"
# written out, since --help does not wait for torch
BACKBONES = ("edsr", "rdn", "rcan", "resnet", "rcdnet")
METHODS = ("cnn", "gcnn", "e2cnn", "harnet", "pdoe", "fconv", "bconv", "tl", "sa")
PRESETS = ("paper", "small", "tiny")
HEADER = ("backbone", "method", "scale", "group", "parameters", "trainable", "multiply-adds", "memory")
LINE = "{:8}  {:6}  {:>5}  {:5}  {:>10}  {:>10}  {:>13}  {:>10}"


@click.command(short_help="List networks with their parameters and costs.")
@click.option("--backbone", type=click.Choice(BACKBONES), multiple=True, help="Can be repeated.  [default: all]")
@click.option("--method", type=click.Choice(METHODS), multiple=True, help="Can be repeated.  [default: all]")
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    default="small",
    show_default=True,
    help="paper: as published. small: for an hour of one GPU. tiny: for a processor.",
)
@click.option(
    "--scale", type=click.IntRange(1, 4), help="Enlargement of edsr, rdn and rcan; the others have 1.  [default: 2]"
)
@click.option(
    "--size", type=click.IntRange(1), default=48, show_default=True, help="Side of the input in px, for the costs."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
def nets(
    backbone: tuple[str, ...], method: tuple[str, ...], preset: str, scale: int | None, size: int, as_json: bool
) -> None:
    """List the networks that `symaudit train` can train, every backbone by every method.

    Multiply-adds and memory are for one image of --size pixels a side. Memory is what a training step keeps
    from the forward for the backward pass. Parameters include those that are never trained; for the preset paper
    they are those of the published networks.
    Exit codes: 0 done, 2 usage.

    \b
    Example:
      symaudit nets --backbone edsr --preset paper
    """
    from symmetry_audit.results import dump_json

    rows = []
    for one in backbone or BACKBONES:
        for other in method or METHODS:
            rows.append(_row(one, other, preset, scale if backbone else _possible(one, scale), size))
            if not as_json and len(rows) == 1:
                click.echo(LINE.format(*HEADER))
            if not as_json:
                click.echo(_line(rows[-1]))
    if as_json:
        click.echo(dump_json({"schema": SCHEMA, "rows": rows}), nl=False)


def _possible(backbone: str, scale: int | None) -> int | None:
    """``scale``, or the only one of a backbone that does not enlarge."""
    from symmetry_audit.nets import scales_of

    return scale if scale in scales_of(backbone) else None


def _row(backbone: str, method: str, preset: str, scale: int | None, size: int) -> dict[str, Any]:
    from symmetry_audit.layers import METHODS
    from symmetry_audit.nets import costs, scales_of

    cost = costs(backbone, method, preset, scale, size)
    return {
        **{"backbone": backbone, "conv": method, "preset": preset, "scale": scale or scales_of(backbone)[0]},
        **{"size": size, "group": METHODS[method].group},
        **{"parameters": cost.parameters, "trainable": cost.trainable},
        **{"multiply_adds": cost.multiply_adds, "activation_bytes": cost.activation_bytes},
    }


def _line(row: dict[str, Any]) -> str:
    return LINE.format(
        *(row["backbone"], row["conv"], f"x{row['scale']}", row["group"]),
        *(f"{row['parameters']:,}", f"{row['trainable']:,}"),
        *(f"{row['multiply_adds'] / 1e9:.3f} G", f"{row['activation_bytes'] / 2**20:.1f} MiB"),
    )
