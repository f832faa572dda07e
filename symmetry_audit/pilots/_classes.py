"""The linear pilot of classification: what invariance of a linear classifier gains or loses, in a minute (SPEC 8)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from symmetry_audit.data import set_fingerprint
from symmetry_audit.errors import DataError, ImageError, SettingError
from symmetry_audit.pilots._class_features import MEMBERS, WINDOW, drawn_filters, group_mean, moved_features, squared
from symmetry_audit.pilots._class_ridge import predicted
from symmetry_audit.pilots._linear import drawn_pairs
from symmetry_audit.pilots._pool import in_order
from symmetry_audit.pilots._validation import fold_numbers
from symmetry_audit.results import POINTS, DatasetInfo, LinearGain, LinearPilot, SkippedImage
from symmetry_audit.statistics import student_interval
from symmetry_audit.tasks import MAX_BYTES, Pair, Pairs, Task, streamed

__all__ = ["CLASS_GROUPS", "CLASS_LIMIT", "class_pilot"]

CLASS_GROUPS = tuple(group for group in MEMBERS if group != "p1")
CLASS_LIMIT = 2000  # images
FOLDS = 5
Progress = Callable[[int, int], None]
Prepared = tuple[str, str, int, np.ndarray]  # name, hash, class and square of an image


def class_pilot(
    pairs: Pairs,
    task: Task,
    *,
    groups: Sequence[str] = CLASS_GROUPS,
    folds: int = FOLDS,
    seed: int = 0,
    limit: int = CLASS_LIMIT,
    workers: int = 1,
    progress: Progress = lambda done, total: None,
) -> LinearPilot:
    """The accuracy that every one of ``groups`` gains for a linear classifier on fixed features, in percentage points.

    A classifier is ridge regression of the classes on responses to random windows of the images, pooled over quadrants,
    so that it can tell left from right and up from down. With a group the features are their mean over the group, which
    makes the classifier invariant. Both are trained on all but one of ``folds`` parts of the images and tested on that
    part. The gain is the mean over images of right (1) or wrong (0) with the group, less that without, and its interval
    is Student's over images. Of more than ``limit`` images so many are drawn with ``seed``. Images that cannot be used
    are skipped. Raises SettingError for another group, DataError where fewer than two images of a class can be used.
    """
    for group in groups:
        if group not in CLASS_GROUPS:
            raise SettingError(f'the pilot of classification takes {", ".join(CLASS_GROUPS)}, got "{group}"')
    refs = drawn_pairs(pairs.refs, limit, seed)
    images: list[Prepared] = []
    skipped = list(pairs.skipped)
    for done, found in enumerate(in_order(partial(_prepared, task=task), streamed(refs), workers), 1):
        if isinstance(found, SkippedImage):
            skipped.append(found)
        else:
            images.append(found)
        progress(done, 2 * len(refs))
    images.sort(key=lambda item: item[0])  # archives return their images in an order of their own
    labels = np.array([label for _, _, label, _ in images], int)
    if min(np.bincount(labels, minlength=len(task.class_names)), default=0) < 2:
        raise DataError(
            f'the pilot needs two images of each class or more, but "{pairs.text}" has fewer that can be read'
        )
    filters = drawn_filters([image for _, _, _, image in images], seed)
    rows = []
    for features in in_order(lambda item: moved_features([item[3]], filters)[0], images, workers):
        rows.append(features)
        progress(len(refs) + len(rows), len(refs) + len(images))
    right = _right(np.array(rows), labels, ("p1", *groups), min(folds, len(labels)), seed)
    return LinearPilot(
        task=task.to_dict(),
        task_text=task.text,
        data=DatasetInfo(pairs.name, pairs.text, len(images), set_fingerprint((one[1], one[0]) for one in images)),
        window=WINDOW,
        folds=min(folds, len(labels)),
        noise="none",
        seed=seed,
        gains=tuple(_gain(group, right[group] - right["p1"], len(filters)) for group in groups),
        skipped=tuple(sorted(skipped, key=lambda item: (item.image, item.reason))),
        accuracy=float(right["p1"].mean()),
    )


def _prepared(pair: Pair, task: Task) -> Prepared | SkippedImage:
    """What is used of an image; or why it cannot be."""
    try:
        data = pair.clean.read(MAX_BYTES)
        found = task.read(pair)
    except ImageError as error:
        return SkippedImage(pair.key, str(error))
    return pair.key, hashlib.sha256(data).hexdigest(), int(found.clean), squared(found.picture)


def _right(
    features: np.ndarray, labels: np.ndarray, groups: Sequence[str], folds: int, seed: int
) -> dict[str, np.ndarray]:
    """By group, which images are recognized by a classifier that was not trained on them, (n,) of 0 and 1."""
    held_out = fold_numbers(len(labels), folds, seed)
    found = {group: np.zeros(len(labels)) for group in groups}
    for group, right in found.items():
        own = group_mean(features, group)
        for fold in range(folds):
            test = held_out == fold
            right[test] = predicted(own[~test], labels[~test], own[test]) == labels[test]
    return found


def _gain(group: str, differences: np.ndarray, pixels: int) -> LinearGain:
    points = 100 * differences
    low, high = student_interval(points)
    return LinearGain(group=group, pixels=pixels, gain_db=float(points.mean()), low=low, high=high, unit=POINTS)
