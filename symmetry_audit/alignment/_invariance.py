"""Errors of invariance of a classifier: how its logits and its labels change when the image is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from symmetry_audit.actions import is_exact, move
from symmetry_audit.alignment._domain import (
    DEFAULT_CROP,
    Domain,
    centred_square,
    checked_group,
    checked_square,
    resampled,
)
from symmetry_audit.errors import DataError
from symmetry_audit.groups import Group
from symmetry_audit.inference import logits_of
from symmetry_audit.results import DatasetInfo, EvaluatedModel, ImageInvariance, Invariance, SkippedImage
from symmetry_audit.statistics import proportion_interval
from symmetry_audit.tasks import Item, Task

__all__ = ["measure_invariance"]

SAME = 1e-4  # relative change of the logits that rounding in float32 explains


def measure_invariance(
    network: nn.Module,
    items: Iterable[Item],
    group: Group | str,
    task: Task,
    *,
    crop: int | None = DEFAULT_CROP,
    margin: float | None = None,
    device: str = "cpu",
    model: EvaluatedModel | None = None,
    data: DatasetInfo | None = None,
    skipped: Sequence[SkippedImage] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Invariance:
    """|| L(pi_A Y) - L(Y) ||^2 for every element A of ``group`` and image Y, and whether the label changes.

    L are the logits less their mean over the classes, which no softmax sees. Y is the central square of an image, at
    most ``crop`` px a side. If the group only moves pixels, the network sees all of it. Otherwise it sees what stays
    inside the square when that rotates, faded to its mean in a ``margin``, before and after rotation, as in
    ``measure_alignment``; so does the floor || L(Q Y) - L(Y) ||^2, what resampling alone does to the logits.

    Raises SettingError for a group of one element and wrong settings, DataError without images and for images that are
    too small, ModelError for outputs that are not logits.
    """
    group = checked_group(group, crop, margin)
    faded = not all(map(is_exact, group.matrices()))
    rows = []
    for item in items:
        progress(len(rows))
        image = checked_square(item.key, centred_square(item.input, crop), network)
        domain = Domain(image.shape[-1], margin=margin) if faded else None
        rows.append(_measured(network, item.key, image, group, task.class_names, domain, device))
    progress(len(rows))
    if not rows:
        raise DataError("there is no image to measure; give a folder that contains images")
    rows.sort(key=lambda row: row.image)  # archives return their images in an order of their own
    changed = [sum(row.predicted[at] != row.predicted[0] for row in rows) for at in range(group.order)]
    found = Invariance(
        model=model or EvaluatedModel(name="network", parameters=sum(value.numel() for value in network.parameters())),
        task=task.to_dict(),
        task_text=task.text,
        data=data or DatasetInfo("images", "images", len(rows), ""),
        group=str(group),
        names=tuple(map(str, group.elements)),
        angles_deg=tuple(map(float, group.angles_deg())),
        mirrored=tuple(element.mirrored for element in group.elements),
        settings={"crop": crop, "margin": margin, "faded": faded, "device": device},
        intervals=tuple(proportion_interval(number, len(rows)) for number in changed),
        images=tuple(rows),
        skipped=tuple(skipped),
    )
    return replace(found, verdict=_verdict(found))


def _measured(
    network: nn.Module,
    key: str,
    image: Tensor,
    group: Group,
    classes: Sequence[str],
    domain: Domain | None,
    device: str,
) -> ImageInvariance:
    def logits(picture: Tensor) -> np.ndarray:
        seen = picture if domain is None else domain.faded(picture)
        found = logits_of(network, seen.permute(1, 2, 0).numpy(), len(classes), device)
        return found - found.mean()

    side, plain = image.shape[-1], logits(image)
    errors, floors, predicted = [], [], []
    for matrix in group.matrices():
        found = logits(move(image, matrix))
        errors.append(float(np.mean((found - plain) ** 2)))
        there = plain if is_exact(matrix) else logits(resampled(image, matrix, side))
        floors.append(float(np.mean((there - plain) ** 2)))
        predicted.append(classes[int(found.argmax())])
    return ImageInvariance(
        image=key,
        side=side,
        contrast=float(np.mean(plain**2)),
        error=tuple(errors),
        floor=tuple(floors),
        predicted=tuple(predicted),
    )


def _verdict(found: Invariance) -> tuple[str, ...]:
    """The worst element in a sentence."""
    elements = found.elements[1:]
    relative = [one.relative for one in elements]
    known = [value for value in relative if value is not None]
    if len(known) < len(relative):
        return ("The logits are the same for all classes, so there is nothing to compare.",)
    if max(known) <= SAME:
        return (f"The logits are invariant under {found.group}, up to rounding.",)
    at = max(range(len(elements)), key=lambda index: (elements[index].changed, known[index]))
    one, name = elements[at], found.names[at + 1]
    low, high = (100 * end for end in one.interval)
    share = 100 * one.changed / len(found.images)
    line = (
        f"At worst, {name} ({found.angles_deg[at + 1]:g} degrees) changes the label of {share:.1f} % of the images "
        f"(95 % interval {low:.1f} to {high:.1f} %) and the logits by {100 * known[at]:.1f} % of their spread over the "
        "classes"
    )
    floor = one.relative_floor
    return (f"{line}; resampling alone changes them by {100 * floor:.1f} %." if floor else f"{line}.",)
