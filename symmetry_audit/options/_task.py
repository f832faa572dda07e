"""Options of a restoration task."""

from __future__ import annotations

from typing import Annotated, ClassVar

from symmetry_audit.catalogue import TASKS
from symmetry_audit.options._option import Images, Option, Options
from symmetry_audit.options._parsed import SPAN

__all__ = ["TASK", "TaskOptions", "TaskSettings"]

TASK = Option(f"Restoration task: {', '.join(TASKS)}.", complete=lambda: TASKS)


class TaskSettings(Options):
    """The settings of all tasks; ``tasks.make_task`` checks which of them belong to which task."""

    heading: ClassVar[str] = "Task"

    scale: Annotated[int | None, Option("Factor of super-resolution: 2, 3 or 4.")] = None
    sigma: Annotated[
        float | tuple[float, float] | None, SPAN, Option("Noise level in grey levels, or a range such as 5:35.")
    ] = None
    missing: Annotated[
        float | None, Option("Share of the pixels that are missing and that inpainting fills, 0 to 1.")
    ] = None
    peak: Annotated[float | None, Option("Inpainting: also add Poisson noise, with this many photons at white.")] = None


class TaskOptions(TaskSettings):
    """A task; a trained network may already know its own."""

    heading: ClassVar[str] = "Task"

    task: Annotated[
        str | None, Option(TASK.help, default="the network's own; sr for bicubic", complete=TASK.complete)
    ] = None
    inputs: Annotated[
        Images | None, Option("Degraded partners of the images in --data, for tasks with pairs (derain).")
    ] = None
