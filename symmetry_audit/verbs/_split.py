"""The images to train on and those to validate on: two sources, or one of which a share is held out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from symmetry_audit.errors import SettingError
from symmetry_audit.options import SHARE, BandOptions, Images, Option, PairOptions, SourceOptions, names
from symmetry_audit.verbs._networks import reported_pairs

if TYPE_CHECKING:
    from symmetry_audit.tasks import Pairs, Task

__all__ = ["SplitOptions", "split_pairs"]


class SplitOptions(PairOptions, BandOptions, SourceOptions):
    """Training and validation images."""

    heading: ClassVar[str] = "Data and results"

    data: Annotated[Images, Option("Training images: folder, glob, list, archive or dataset.", complete=names.datasets)]
    valid: Annotated[
        Images | None,
        Option("Validation images. None of them may be in --data. Or give --hold-out.", complete=names.datasets),
    ] = None
    hold_out: Annotated[
        float | None,
        SHARE,
        Gt(0),
        Lt(1),
        Option("Share of --data to validate on in place of --valid, of each class alike; --seed draws it."),
    ] = None
    inputs: Annotated[
        Images | None, Option("Degraded partners of the images in --data, for tasks with pairs (derain).")
    ] = None
    valid_inputs: Annotated[
        Images | None, Option("Degraded partners of the images in --valid, for tasks with pairs (derain).")
    ] = None
    limit: Annotated[int | None, Ge(1), Option("Use only the first N training images.")] = None
    valid_limit: Annotated[int | None, Ge(1), Option("Use only the first N validation images.")] = None


def split_pairs(request: SplitOptions, task: Task, seed: int) -> tuple[Task, Pairs, Pairs]:
    """The task with what it takes from its training images, these, and the validation images.

    Raises SettingError unless the request says where the validation images come from, DataError as ``open_pairs``.
    """
    share = request.hold_out
    if (request.valid is None) == (share is None):
        raise SettingError(
            "give validation images with --valid, or with --hold-out the share of --data to validate on, such as 1/3"
        )
    pairs = reported_pairs(request, task, request.data, request.inputs, request.limit)
    task = task.fitted(pairs)
    if share is not None:
        if request.valid_inputs is not None or request.valid_limit is not None:
            raise SettingError("--valid-inputs and --valid-limit belong to --valid; remove them, or --hold-out")
        return task, *_held_out(pairs, share, seed)
    assert request.valid is not None  # checked above
    return task, pairs, reported_pairs(request, task, request.valid, request.valid_inputs, request.valid_limit)


def _held_out(pairs: Pairs, share: float, seed: int) -> tuple[Pairs, Pairs]:
    """The images to train on, and those that are held out."""
    from symmetry_audit.tasks import held_out

    held = held_out([pair.label or pairs.name for pair in pairs.refs], share, seed)
    parts = (tuple(pair for pair, out in zip(pairs.refs, held, strict=True) if out == wanted) for wanted in (0, 1))
    train, valid = (replace(pairs, refs=refs) for refs in parts)
    return train, replace(valid, name=f"{pairs.name} (held out)", skipped=())
