"""The options of ``train``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from symmetry_audit.options import (
    TASK,
    DeviceOptions,
    FilePath,
    Hidden,
    NetworkOptions,
    Option,
    ScheduleOptions,
    SourceOptions,
    TaskSettings,
)
from symmetry_audit.verbs._split import SplitOptions

__all__ = ["OnStep", "TrainRequest", "unseen"]

OnStep = Callable[[int, int, Mapping[str, float]], None]  # (step, steps, loss and PSNR so far)


def unseen(step: int, steps: int, values: Mapping[str, float]) -> None:
    """Show nothing."""


class TrainRequest(SplitOptions, TaskSettings, NetworkOptions, ScheduleOptions, DeviceOptions, SourceOptions):
    """The options of ``train``."""

    heading: ClassVar[str] = "Data and results"

    from_report: Annotated[
        FilePath | None,
        Option("Folder of `symaudit measure`. The group, the method and the initial w are taken from it."),
    ] = None
    task: Annotated[str, TASK]
    weights: Annotated[FilePath | None, Option("Checkpoint to start from, such as a TL network for --method sa.")] = (
        None
    )
    out: Annotated[
        FilePath | None, Option("Folder for the run.", default="symaudit-train-TASK-METHOD in the current folder")
    ] = None
    force: Annotated[bool, Option("Start over, even if --out holds another run.")] = False
    save_every: Annotated[
        int | None, Ge(1), Option("Steps between saved states, in addition to those at validations.")
    ] = None
    cache_folder: Annotated[
        FilePath | None, Option("Folder for the cache of decoded images.", default="the user's cache folder")
    ] = None
    cache_limit: Annotated[float, Gt(0), Option("Largest size of the cache in GiB, on every machine.")] = 30.0
    allow_other_data: Annotated[bool, Option("Accept a report about images other than --data.")] = False
    allow_leak: Annotated[bool, Option("Train even if validation images are in --data.")] = False
    tensorboard: Annotated[bool, Option("Also write a log for TensorBoard.")] = False
    on_step: Annotated[OnStep, Hidden()] = unseen
