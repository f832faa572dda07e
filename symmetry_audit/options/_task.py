"""Options of a restoration task."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from symmetry_audit.catalogue import TASKS
from symmetry_audit.options._option import Images, Option, Options
from symmetry_audit.options._parsed import NAMES, SPAN

__all__ = ["TASK", "PairOptions", "TaskOptions", "TaskSettings"]

TASK = Option(f"Task: {', '.join(TASKS)}.", complete=lambda: TASKS)


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
    ct_side: Annotated[
        int | None, Option("Metal artefacts: side of the images in px; the field stays the same.", default="416")
    ] = None
    views: Annotated[int | None, Option("Metal artefacts: views of a scan.", default="640")] = None
    scans: Annotated[
        int | None, Option("Metal artefacts: scans of every slice, each with other metal.", default="1")
    ] = None
    metal_place: Annotated[
        Literal["random", "given"] | None,
        Option(
            "Metal artefacts: put pieces of the masks' shapes into the body, or metal where the masks have it.",
            default="random",
        ),
    ] = None
    classes: Annotated[
        tuple[str, ...] | None, NAMES, Option("Classes to tell apart.", default="all folders or labels of --data")
    ] = None
    peak: Annotated[float | None, Option("Inpainting: also add Poisson noise, with this many photons at white.")] = None
    mask_seed: Annotated[
        int | None, Option("Inpainting: remove always the same pixels, drawn by this seed.", default="drawn anew")
    ] = None
    square: Annotated[int | None, Option("Inpainting: use only the central square with this side in px.")] = None
    resize: Annotated[int | None, Option("Inpainting: reduce the central square of --square to this side in px.")] = (
        None
    )


class PairOptions(Options):
    """How degraded and clean images are paired, for tasks that do not degrade images themselves."""

    heading: ClassVar[str] = "Task"

    pair_by: Annotated[
        str | None,
        Option(
            "How partners are named, if not alike: 'rain-(.*) -> norain-\\1', a regular expression of the degraded "
            "and the clean name, without suffixes; or a file with a degraded and a clean name in each line.",
        ),
    ] = None


class TaskOptions(PairOptions, TaskSettings):
    """A task; a trained network may already know its own."""

    heading: ClassVar[str] = "Task"

    task: Annotated[
        str | None, Option(TASK.help, default="the network's own; sr for bicubic", complete=TASK.complete)
    ] = None
    inputs: Annotated[
        Images | None,
        Option(
            "Degraded partners of the images in --data (derain), or the masks of metal: .npy, .mat or a folder (mar)."
        ),
    ] = None
