"""Options of how a verb runs. None of them changes a number by more than rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge

from symmetry_audit.options._option import FilePath, Hidden, Option, Options

__all__ = ["DeviceOptions", "Progress", "RunOptions", "Say", "SourceOptions", "TalkOptions", "silent_progress"]

Progress = Callable[[int, int], None]  # (done, in all)
Say = Callable[[str], None]


def silent_progress(done: int, total: int) -> None:
    """Show nothing."""


def _silent(line: str) -> None:
    """Say nothing."""


class TalkOptions(Options):
    """How progress is told."""

    progress: Annotated[Progress, Hidden()] = silent_progress
    say: Annotated[Say, Hidden()] = _silent  # notes for people, a line each


class SourceOptions(TalkOptions):
    """Where datasets are."""

    heading: ClassVar[str] = "Run"

    data_root: Annotated[
        FilePath | None, Option("Folder of the datasets (or SYMAUDIT_DATA).", variable="SYMAUDIT_DATA")
    ] = None


class DeviceOptions(TalkOptions):
    """On which device."""

    heading: ClassVar[str] = "Run"

    device: Annotated[Literal["auto", "cpu", "cuda"], Option("Device for the computation.")] = "auto"


class RunOptions(DeviceOptions):
    """Of a run that measures images into a folder, and that can be continued."""

    heading: ClassVar[str] = "Run"

    workers: Annotated[int | None, Ge(1), Option("Images measured at a time.", default="all cores")] = None
    out: Annotated[FilePath | None, Option("Folder of the results.", default="symaudit-NAME, here")] = None
    resume: Annotated[bool, Option("Continue the run in --out.")] = True
    force: Annotated[bool, Option("Start over, whatever run --out holds.")] = False
    on_error: Annotated[Literal["skip", "fail"], Option("What to do with an image that cannot be measured.")] = "skip"
