"""Options of a restoration task."""

from __future__ import annotations

from typing import Annotated, ClassVar

from symmetry_audit.catalogue import TASKS
from symmetry_audit.options._option import Option, Options, SourceName
from symmetry_audit.options._parsed import SPAN

__all__ = ["TASK", "TaskOptions", "TaskSettings"]

TASK = Option(f"Restoration task: {', '.join(TASKS)}.", complete=lambda: TASKS)


class TaskSettings(Options):
    """The settings that tasks have; ``tasks.make_task`` checks which of them belong to which task."""

    heading: ClassVar[str] = "Task"

    scale: Annotated[int | None, Option("Factor of super-resolution: 2, 3 or 4.")] = None
    sigma: Annotated[
        float | tuple[float, float] | None, SPAN, Option("Noise level in grey levels, or a range such as 5:35.")
    ] = None
    missing: Annotated[float | None, Option("Share of the pixels that inpainting has to fill.")] = None
    peak: Annotated[float | None, Option("Photons at white, for Poisson noise on top of inpainting.")] = None


class TaskOptions(TaskSettings):
    """A task where a network may say itself what it restores."""

    heading: ClassVar[str] = "Task"

    task: Annotated[str | None, Option(TASK.help, default="the network's; sr for bicubic", complete=TASK.complete)] = (
        None
    )
    inputs: Annotated[SourceName | None, Option("Degraded partners of --data, for tasks with pairs.")] = None
