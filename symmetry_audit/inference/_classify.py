"""Logits of a classifier, and its accuracy on a test set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from symmetry_audit.data import set_fingerprint
from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.inference._modes import evaluating, move_to
from symmetry_audit.inference._scoring import unscored
from symmetry_audit.inference._spread import of_pairs
from symmetry_audit.nets import smallest_side
from symmetry_audit.results import Classification, ClassScore, DatasetInfo, EvaluatedModel, ImageLabel
from symmetry_audit.statistics import proportion_interval
from symmetry_audit.tasks import Pair, Pairs, Task, evaluation_item

if TYPE_CHECKING:
    from symmetry_audit.workers import Cluster

__all__ = ["classify", "logits_of"]


def logits_of(network: nn.Module, image: np.ndarray, classes: int, device: str = "cpu") -> np.ndarray:
    """``image`` (H, W, 3) in 0..255 to the network's logits (classes,), float64.

    The network runs in eval mode on ``device``, stays there, and returns to the mode that it had. Images that are too
    small for a hypernetwork are extended by copies of their last row and column. Raises SettingError for arrays of
    another shape, ModelError if the output is not as many finite numbers as there are ``classes``.
    """
    if image.ndim != 3 or not image.size:
        raise SettingError(f"expected an image (H, W, C), got shape {image.shape}")
    pixels = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
    move_to(network, torch.device(device))
    with torch.inference_mode(), evaluating(network):
        x = torch.from_numpy(pixels).to(device)
        missing = [max(smallest_side(network) - side, 0) for side in (x.shape[-1], x.shape[-2])]
        if any(missing):
            x = nn.functional.pad(x, (0, missing[0], 0, missing[1]), mode="replicate")
        found = network(x)
        if not isinstance(found, torch.Tensor) or found.shape != (1, classes):
            got = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise ModelError(f"the network returned {got}; expected logits of shape (1, {classes}), one for each class")
        logits = found[0].cpu().double().numpy()
    if not np.isfinite(logits).all():
        raise ModelError("the network returned NaN or infinite values; train it again, with a lower learning rate")
    return logits


@dataclass(frozen=True)
class Labelling:
    """Finds the classes of images with ``network``, in any process: it can be pickled."""

    network: nn.Module
    task: Task
    device: str

    def __call__(self, pair: Pair) -> tuple[ImageLabel, str]:
        """The class of one image, and the SHA-256 of its pixels. Raises the errors of ``classify``."""
        item, names = evaluation_item(pair, self.task, seed=0), self.task.class_names
        start = perf_counter()
        logits = logits_of(self.network, item.input, len(names), self.device)
        seconds = perf_counter() - start
        label, largest = int(item.clean), logits.max()
        loss = float(largest + np.log(np.exp(logits - largest).sum()) - logits[label])
        about = {"label": names[label], "predicted": names[int(logits.argmax())], "cross_entropy": loss}
        return ImageLabel(image=item.key, **about, seconds=seconds), item.fingerprint["sha256"] or ""


def classify(
    network: nn.Module,
    pairs: Pairs,
    task: Task,
    *,
    info: EvaluatedModel | None = None,
    device: str = "cpu",
    cluster: Cluster | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Classification:
    """The class that ``network`` gives to every image of ``pairs``, whole and one at a time, also on a ``cluster``.

    Raises DataError for an image that cannot be used, and for a cluster that is lost; ModelError as ``logits_of``.
    """
    found: list[tuple[ImageLabel, str]] = []
    progress(0, len(pairs.refs))
    for one in of_pairs(Labelling(network, task, device), pairs, unscored, cluster):
        found.append(one)
        progress(len(found), len(pairs.refs))
    found.sort(key=lambda one: one[0].image)  # archives and clusters have an order of their own
    images = tuple(row for row, _ in found)
    digest = set_fingerprint((sha256, row.image) for row, sha256 in found)
    return Classification(
        model=info or EvaluatedModel(name="network", parameters=sum(value.numel() for value in network.parameters())),
        task=task.to_dict(),
        task_text=task.text,
        data=DatasetInfo(pairs.name, pairs.text, len(images), digest),
        settings={"device": device},
        interval=proportion_interval(sum(row.label == row.predicted for row in images), len(images)),
        classes=_by_class(task.class_names, images),
        images=images,
        skipped=pairs.skipped,
    )


def _by_class(names: Sequence[str], images: Sequence[ImageLabel]) -> tuple[ClassScore, ...]:
    held, predicted = (Counter(getattr(row, name) for row in images) for name in ("label", "predicted"))
    correct = Counter(row.label for row in images if row.label == row.predicted)
    return tuple(
        ClassScore(
            name=name,
            images=held[name],
            predicted=predicted[name],
            correct=correct[name],
            interval=proportion_interval(correct[name], held[name]) if held[name] else None,
        )
        for name in names
    )
