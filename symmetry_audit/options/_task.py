"""Options of a restoration task."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from symmetry_audit.options._option import Option, Options
from symmetry_audit.options._parsed import SPAN

__all__ = ["TASK_FIELDS", "TaskOptions"]


class TaskOptions(Options):
    """A task and its settings; ``tasks.make_task`` checks that they belong together."""

    heading: ClassVar[str] = "Task"

    task: Annotated[
        Literal["sr", "denoise", "derain", "inpaint"] | None,
        Option("Restoration task.", default="the network's; sr for bicubic"),
    ] = None
    scale: Annotated[int | None, Option("Factor of super-resolution: 2, 3 or 4.")] = None
    sigma: Annotated[
        float | tuple[float, float] | None, SPAN, Option("Noise level in grey levels, or a range such as 5:35.")
    ] = None
    missing: Annotated[float | None, Option("Share of the pixels that inpainting has to fill.")] = None
    peak: Annotated[float | None, Option("Photons at white, for Poisson noise on top of inpainting.")] = None
    inputs: Annotated[str | None, Option("Degraded partners of --data, for tasks with pairs.")] = None


TASK_FIELDS = tuple(name for name in TaskOptions.model_fields if name not in ("task", "inputs"))
