"""What all verbs that run trained networks need: the task, the test images, and the check for leaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.options import BandOptions, Images, PairOptions, Say, SourceOptions, TaskOptions, TaskSettings
from symmetry_audit.verbs._sources import opened
from symmetry_audit.verbs._white import white_of_pairs

if TYPE_CHECKING:
    from symmetry_audit.checkpoints import Checkpoint
    from symmetry_audit.tasks import Pairs, Task

__all__ = [
    "asked_task",
    "network_task",
    "refuse_leaks",
    "refuse_logits",
    "refuse_others",
    "reported_pairs",
    "unseen",
]

FIXED = ("name", "scale")  # a network is built for these; noise of another strength can be tried


def asked_task(task: str | None, request: TaskSettings) -> dict[str, Any]:
    """The requested settings of a task, by the names that a Task has for them."""
    asked = {"name": task, **request.only(TaskSettings)}
    return {name: value for name, value in asked.items() if value is not None}


def network_task(model: str, trained: Task, request: TaskOptions, say: Say) -> Task:
    """The task that the network was trained for, with the requested strength of noise and gaps."""
    from symmetry_audit.tasks import make_task

    known, asked = trained.to_dict(), asked_task(request.task, request)
    for name in FIXED:
        if name in asked and asked[name] != known[name]:
            option = "task" if name == "name" else name
            raise SettingError(
                f"{model} was trained for {trained.text}, not for --{option} {asked[name]}; remove that option"
            )
    task = make_task(**known | asked)
    if task != trained:
        say(f"Note: {model} was trained for {trained.text}; it is evaluated for {task.text}")
    return task


def refuse_others(task: Task, what: str) -> None:
    """Raise SettingError for a task whose networks get more than a degraded picture, which ``what`` needs."""
    if not task.pictures:
        raise SettingError(f"{what} is for tasks that get a degraded picture alone; {task.name} needs more than that")


def reported_pairs(
    request: SourceOptions,
    task: Task,
    source: Images,
    inputs: Images | None,
    limit: int | None,
    pictures: BandOptions | None = None,
) -> Pairs:
    """The images of ``source``, as ``request`` finds datasets, read as ``pictures`` say, or ``request`` itself.

    Reports choices made for the user and skipped images. Raises DataError where the white level would be a guess.
    """
    from symmetry_audit.tasks import open_pairs

    root = request.data_root
    clean = str(source) if isinstance(source, str | Path) else opened(source, root)
    if task.masked and isinstance(inputs, Path):
        inputs = str(inputs)
    degraded = inputs if isinstance(inputs, str | None) else opened(inputs, root)
    pair_by = request.pair_by if isinstance(request, PairOptions) else None
    pairs = open_pairs(clean, task, inputs=degraded, pair_by=pair_by, data_root=root, limit=limit)
    pictures = pictures or (request if isinstance(request, BandOptions) else BandOptions())
    pairs = white_of_pairs(pairs.with_bands(pictures.bands), pictures.white)
    for line in filter(None, (pairs.note, *pairs.remarks)):
        request.say(line)
    for item in pairs.skipped:
        request.say(f"Skipped: {item.image}: {item.reason}")
    return pairs


def refuse_logits(model: str, task: Task) -> None:
    """Raise SettingError if ``model``, a network for ``task``, gives classes where images are needed."""
    if task.labelled:
        raise SettingError(f"{model} classifies images and restores none; use symaudit evaluate or symaudit align")


def unseen(model: str, checkpoint: Checkpoint, pairs: Pairs, say: Say) -> Pairs:
    """``pairs`` without the images that the network was trained on. Raises DataError if none are left."""
    from symmetry_audit.inference import leaked

    seen = {test for test, _, _ in leaked(checkpoint, pairs)}
    left = tuple(pair for pair in pairs.refs if pair.key not in seen)
    if not left:
        raise DataError(f"{model} was trained on all {len(pairs.refs)} test images; give others")
    say(f"{len(left)} of {len(pairs.refs)} images are not in the training set")
    return replace(pairs, refs=left)


def refuse_leaks(model: str, checkpoint: Checkpoint, pairs: Pairs, *, allowed: bool, say: Say) -> None:
    """Report the test images that the network was trained on. Raises DataError if there are any, unless allowed."""
    from symmetry_audit.inference import leaked

    found = leaked(checkpoint, pairs)
    for test, train, kind in found:
        how = "the same pixels" if kind == "exact" else "nearly the same picture"
        say(f"Leak: {test} is {train} of the training set ({how})")
    if found and not allowed:
        count = len({test for test, _, _ in found})
        raise DataError(
            f"{model} was trained on {count} of the {len(pairs.refs)} test images; use others, "
            "or --allow-leak where that is meant"
        )
