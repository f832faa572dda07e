"""Options that name a restoration task, for the verbs that train and that evaluate."""

from __future__ import annotations

from collections.abc import Callable

import click

from symmetry_audit.cli.evaluating import SIGMA

__all__ = ["TASKS", "task_options"]

TASKS = ("sr", "denoise", "derain", "inpaint")


def task_options(command: Callable) -> Callable:
    """``--task`` and its settings."""
    for option in (
        click.option("--inputs", help="Where the degraded partners of --data lie, for tasks with pairs."),
        click.option("--peak", type=float, help="Photons at white, for Poisson noise on top of inpainting."),
        click.option("--missing", type=float, help="Share of the pixels that inpainting has to fill."),
        click.option("--sigma", type=SIGMA, help="Of the noise in grey levels, or a range such as 5:35."),
        click.option("--scale", type=int, help="Of super-resolution: 2, 3 or 4."),
        click.option("--task", type=click.Choice(TASKS), required=True, help="What is restored."),
    ):
        command = option(command)
    return command
