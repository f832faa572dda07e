"""What the verbs that measure images share: their options, the default folder, and what was left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from symmetry_audit.cli.options import NumberList, complete

if TYPE_CHECKING:
    from symmetry_audit.results import SkippedImage

__all__ = ["datasets", "default_folder", "measuring_options", "print_skipped"]

GROUPS = ["p2", "p4", "p8", "p16", "p32", "p4m", "p8m", "p16m", "p32m"]
SHOWN = 10  # images left out that are named on stderr; -v names all


def _regularizers() -> list[str]:
    from symmetry_audit.kernels import STENCILS

    return list(STENCILS)


def datasets() -> list[str]:
    """Names of dataset manifests, for completion."""
    from symmetry_audit.data.manifests import available

    return list(available())


def measuring_options(default_reg: str) -> Callable[[Callable], Callable]:
    """Options for what is measured and which images; ``default_reg`` is named in the help of ``--reg``."""
    options = (
        click.option(
            "--reg",
            multiple=True,
            shell_complete=complete(_regularizers),
            help=f"Regularizers, repeated or as a comma list.  [default: {default_reg}]",
        ),
        click.option("--stencils", type=click.Path(path_type=Path), help="TOML file with regularizers of your own."),
        click.option(
            "--group",
            default="p32",
            show_default=True,
            shell_complete=complete(lambda: GROUPS),
            help="pT for T rotations, pTm with mirrors.",
        ),
        click.option(
            "--kernel",
            default="gaussian",
            show_default=True,
            shell_complete=complete(lambda: ["gaussian", "bicubic", "fourier"]),
            help="Kernel model: gaussian, bicubic or fourier.",
        ),
        click.option(
            "--sigma", type=NumberList(), help="Width of the gaussian in px; a comma list sweeps.  [default: 1.5]"
        ),
        click.option(
            "--margin", type=click.IntRange(0), help="Border left out, in px.  [default: from the kernels; 15]"
        ),
        click.option("--response", default="abs", show_default=True, help="abs or energy (mean of squares)."),
        click.option("--downscale", type=NumberList(int), help="Repeat the audit on copies this many times coarser."),
        click.option("--limit", type=click.IntRange(1), help="Only the first N images."),
        click.option("--seed", type=int, default=0, show_default=True, help="Of everything that is drawn at random."),
        click.option("--max-pixels", type=click.IntRange(1), help="Leave out larger images.  [default: 200000000]"),
        click.option(
            "--on-error",
            type=click.Choice(("skip", "fail")),
            default="skip",
            show_default=True,
            help="What to do with an image that cannot be measured.",
        ),
        click.option("--allow-skipped", is_flag=True, help="Exit with 0 even if images were left out."),
        click.option(
            "--data-root",
            envvar="SYMAUDIT_DATA",
            type=click.Path(path_type=Path),
            help="Where datasets lie (or SYMAUDIT_DATA).",
        ),
    )

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def default_folder(prefix: str, name: str) -> Path:
    """``prefix-NAME`` here, from a source's name without what a shell would stumble over."""
    return Path(f"{prefix}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}")


def print_skipped(skipped: Sequence[SkippedImage], verbose: bool) -> None:
    """Name the images left out on stderr, the first few or all."""
    shown = len(skipped) if verbose else SHOWN
    for item in skipped[:shown]:
        click.echo(f"Left out: {item.image}: {item.reason}", err=True)
    if len(skipped) > shown:
        click.echo(f"... and {len(skipped) - shown} more, see report.json or -v", err=True)
