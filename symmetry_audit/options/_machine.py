"""Options that say how a verb runs. None of them changes a number by more than rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge

from symmetry_audit.options._option import FilePath, Hidden, Option, Options

__all__ = [
    "ClusterOptions",
    "Device",
    "DeviceOptions",
    "Estimate",
    "Progress",
    "RunOptions",
    "Say",
    "ShardOptions",
    "SourceOptions",
    "SpreadOptions",
    "TalkOptions",
    "silent_progress",
]

Progress = Callable[[int, int], None]  # (done, in all)
Estimate = Callable[[float], None]  # relative epsilon of the images so far, a fraction of the mean response
Say = Callable[[str], None]
Device = Literal["auto", "cpu", "cuda"]


def silent_progress(done: int, total: int) -> None:
    """Show nothing."""


def _silent(line: str) -> None:
    """Say nothing."""


def _silent_estimate(value: float) -> None:
    """Show nothing."""


class TalkOptions(Options):
    """How progress and notes are reported."""

    progress: Annotated[Progress, Hidden()] = silent_progress
    say: Annotated[Say, Hidden()] = _silent  # notes for people, one line each


class SourceOptions(TalkOptions):
    """Where datasets are."""

    heading: ClassVar[str] = "Run"

    data_root: Annotated[
        FilePath | None, Option("Folder of the datasets; SYMAUDIT_DATA sets it too.", variable="SYMAUDIT_DATA")
    ] = None


class ShardOptions(SourceOptions):
    """Where datasets are, and how files that hold many images are read."""

    column: Annotated[str | None, Option("Column of the images in Parquet files.", default="found by its type")] = None


class DeviceOptions(TalkOptions):
    """The device that a verb runs on."""

    heading: ClassVar[str] = "Run"

    device: Annotated[Device, Option("Device for the computation.")] = "auto"


class ClusterOptions(Options):
    """The machines that a verb runs on."""

    heading: ClassVar[str] = "Run"

    cluster: Annotated[
        str | None,
        Option(
            "Run on a Dask cluster: the address or the file of its scheduler, or local[:N] for N processes here.",
            metavar="local|FILE.json|tcp://HOST:PORT",
        ),
    ] = None


class SpreadOptions(DeviceOptions, ClusterOptions):
    """The device, and whose: this machine's or those of a cluster."""

    heading: ClassVar[str] = "Run"


class RunOptions(SpreadOptions):
    """Options of a run that writes into a folder and can be continued."""

    heading: ClassVar[str] = "Run"

    workers: Annotated[
        int | None, Ge(1), Option("Number of images that are measured at a time.", default="all cores")
    ] = None
    out: Annotated[
        FilePath | None, Option("Folder for the results.", default="symaudit-NAME in the current folder")
    ] = None
    resume: Annotated[bool, Option("Whether to continue the run in --out.")] = True
    force: Annotated[bool, Option("Start over, even if --out holds another run.")] = False
    estimate: Annotated[Estimate, Hidden()] = _silent_estimate
    on_error: Annotated[
        Literal["skip", "fail"], Option("Whether to skip an image that cannot be measured, or to fail.")
    ] = "skip"
