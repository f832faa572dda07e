"""What the verbs that score networks share: their options, the task, and the check for images trained on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symmetry_audit.cli.measuring import datasets, print_skipped
from symmetry_audit.cli.options import complete, progress_on_stderr

if TYPE_CHECKING:
    from symmetry_audit.checkpoints import Checkpoint
    from symmetry_audit.results import Evaluation
    from symmetry_audit.tasks import Pairs, Task

__all__ = [
    *("SIGMA", "TASK_OPTIONS", "allow_skipped_option", "data_option", "data_root_option", "device_option"),
    *("evaluated", "evaluating_options", "limit_option", "named", "network_task", "opened_pairs", "seed_option"),
    *("table_options", "task_options", "together", "write_tables"),
]

TASKS = ("sr", "denoise", "derain", "inpaint")
BASELINES = ("bicubic", "identity")
TASK_OPTIONS = ("task", "scale", "sigma", "missing", "peak")
FIXED = ("name", "scale")  # what a network is built for; noise of another strength it can be tried on


class Span(click.ParamType):
    """A number, or the lowest and the highest with a colon between."""

    name = "number[:number]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text, or a number from a config file, to a number or a pair of them."""
        if isinstance(value, float | tuple):
            return value
        try:
            numbers = tuple(float(part) for part in str(value).split(":"))
        except ValueError:
            numbers = ()
        if len(numbers) not in (1, 2):
            self.fail(f'"{value}" is not a number such as 25, or a range such as 5:35', param, ctx)
        return numbers if len(numbers) == 2 else numbers[0]


SIGMA = Span()


seed_option = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the noise.")
limit_option = click.option("--limit", type=click.IntRange(1), help="Only the first N images.")
data_root_option = click.option(
    "--data-root",
    envvar="SYMAUDIT_DATA",
    type=click.Path(path_type=Path),
    help="Where datasets lie (or SYMAUDIT_DATA).",
)
allow_skipped_option = click.option("--allow-skipped", is_flag=True, help="Exit with 0 even if images were left out.")


def data_option(required: bool) -> Callable[[Callable], Callable]:
    """``--data``."""
    return click.option(
        "--data",
        required=required,
        shell_complete=complete(datasets),
        help="Clean test images: a folder, glob, list, archive or dataset; for deraining, rainy ones beside them.",
    )


def device_option(command: Callable) -> Callable:
    """``--device``."""
    return click.option("--device", type=click.Choice(("auto", "cpu", "cuda")), default="auto", show_default=True)(
        command
    )


def task_options(required: bool) -> Callable[[Callable], Callable]:
    """``--task`` and its settings; ``required``: whether the task has to be named."""
    usual = "" if required else "  [default: what the network was trained for; sr for bicubic]"
    options = (
        click.option("--task", type=click.Choice(TASKS), required=required, help=f"What is restored.{usual}"),
        click.option("--scale", type=int, help="Of super-resolution: 2, 3 or 4."),
        click.option("--sigma", type=SIGMA, help="Of the noise in grey levels, or a range such as 5:35."),
        click.option("--missing", type=float, help="Share of the pixels that inpainting has to fill."),
        click.option("--peak", type=float, help="Photons at white, for Poisson noise on top of inpainting."),
        click.option("--inputs", help="Where the degraded partners of --data lie, for tasks with pairs."),
    )
    return together(options)


def together(options: Sequence[Callable]) -> Callable[[Callable], Callable]:
    """One decorator of several, listed in this order."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def evaluating_options(required: bool) -> Callable[[Callable], Callable]:
    """Options for the test set, the task and how networks run; ``required``: whether ``--data`` is."""
    options = (
        data_option(required),
        task_options(required=False),
        click.option(
            "--protocol",
            shell_complete=complete(lambda: ["sr-y", "rgb", "derain-y", "edsr"]),
            help="How to score: sr-y, rgb, derain-y or edsr.  [default: the task's]",
        ),
        click.option("--self-ensemble", is_flag=True, help="Average over the eight flips and quarter turns."),
        click.option("--tile", type=click.IntRange(1), help="Cut images into tiles of at most this side, in px."),
        click.option(
            "--overlap", type=click.IntRange(0), default=32, show_default=True, help="What a tile sees around."
        ),
        seed_option,
        device_option,
        limit_option,
        data_root_option,
        click.option("--allow-leak", is_flag=True, help="Go on where test images were trained on."),
        allow_skipped_option,
    )
    return together(options)


def table_options(command: Callable) -> Callable:
    """Where the result goes beside the terminal."""
    options = (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text."),
        click.option("--csv", type=click.Path(dir_okay=False, path_type=Path), help="Write a CSV file too."),
        click.option("--latex", type=click.Path(dir_okay=False, path_type=Path), help="Write a LaTeX table too."),
    )
    return together(options)(command)


def write_tables(files: Mapping[Path | None, Callable[[], str | bytes]], quiet: bool) -> None:
    """Write what was asked for; a path of None was not."""
    from symmetry_audit.files import write_atomically

    for path, content in files.items():
        if path is not None:
            write_atomically(path, content())
            if not quiet:
                click.echo(f"wrote {click.format_filename(path)}", err=True)


def evaluated(model: str, options: Mapping[str, Any], quiet: bool) -> Evaluation:
    """Evaluate ``model``, a checkpoint or a baseline, by ``evaluating_options``; the talk goes to stderr.

    Raises SettingError where a network cannot do what the options ask for, DataError where it was trained on test
    images, unless that is allowed.
    """
    from symmetry_audit.audit import resolve_device
    from symmetry_audit.inference import describe, evaluate, prepared

    asked = {name: options[name] for name in TASK_OPTIONS if options[name] is not None}
    run = {name: options[name] for name in ("protocol", "seed", "tile", "overlap", "self_ensemble")}
    if model in BASELINES:
        task, checkpoint = _baseline_task(model, asked), None
        network, info = model, None
    else:
        from symmetry_audit.checkpoints import load_checkpoint

        model = os.path.normpath(model)
        checkpoint = load_checkpoint(model)
        task = network_task(model, checkpoint.task, asked, quiet)
        network = checkpoint.network()
        info, network = describe(checkpoint, network, model), prepared(network)
    pairs = opened_pairs(task, options, quiet)
    if checkpoint is not None:
        _check_leaks(model, checkpoint, pairs, options)
    device = resolve_device(options["device"])
    with progress_on_stderr(quiet) as progress:
        return evaluate(network, pairs, task, info=info, device=device, progress=progress, **run)


def _baseline_task(name: str, asked: Mapping[str, Any]) -> Task:
    from symmetry_audit.errors import SettingError
    from symmetry_audit.tasks import make_task

    if "task" not in asked and name != "bicubic":
        raise SettingError(
            f"{name} does not say what is to be restored; give --task, such as --task denoise --sigma 50"
        )
    return make_task(**{"name": "sr", **named(asked)})


def network_task(model: str, trained: Task, asked: Mapping[str, Any], quiet: bool) -> Task:
    """What the network was trained for, with noise and gaps of another strength where these are asked for."""
    from symmetry_audit.errors import SettingError
    from symmetry_audit.tasks import make_task

    known = trained.to_dict()
    for name, value in named(asked).items():
        if name in FIXED and value != known[name]:
            option = "task" if name == "name" else name
            raise SettingError(f"{model} was trained for {trained.text}, not for --{option} {value}; leave that out")
    task = make_task(**{**known, **named(asked)})
    if task != trained and not quiet:
        click.echo(f"Note: {model} was trained for {trained.text}; it is evaluated for {task.text}", err=True)
    return task


def named(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The options by the names that a task has for them."""
    return {"name" if name == "task" else name: value for name, value in asked.items()}


def opened_pairs(task: Task, options: Mapping[str, Any], quiet: bool) -> Pairs:
    """The images of ``--data``; what was chosen or left out is said on stderr."""
    from symmetry_audit.tasks import open_pairs

    where = {name: options[name] for name in ("inputs", "data_root", "limit")}
    pairs = open_pairs(options["data"], task, **where)
    if not quiet:
        if pairs.note:
            click.echo(pairs.note, err=True)
        print_skipped(pairs.skipped, verbose=True)
    return pairs


def _check_leaks(model: str, checkpoint: Checkpoint, pairs: Pairs, options: Mapping[str, Any]) -> None:
    """Name the test images that the network was trained on; refuse to go on unless it is allowed."""
    from symmetry_audit.errors import DataError
    from symmetry_audit.inference import leaked

    found = leaked(checkpoint, pairs)
    for test, train, kind in found:
        how = "the same pixels" if kind == "exact" else "nearly the same picture"
        click.echo(f"Leak: {test} is {train} of the training set ({how})", err=True)
    if found and not options["allow_leak"]:
        count = len({test for test, _, _ in found})
        raise DataError(
            f"{model} was trained on {count} of the {len(pairs.refs)} test images; use others, "
            "or --allow-leak where that is meant"
        )
