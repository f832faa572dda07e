"""Logits of a classifier, and its accuracy on a test set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
import torch
from torch import nn

from symmetry_audit.data import set_fingerprint
from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.inference._modes import evaluating, move_to
from symmetry_audit.nets import smallest_side
from symmetry_audit.results import Classification, ClassScore, DatasetInfo, EvaluatedModel, ImageLabel
from symmetry_audit.statistics import proportion_interval
from symmetry_audit.tasks import Pairs, Task, evaluation_items

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


def classify(
    network: nn.Module,
    pairs: Pairs,
    task: Task,
    *,
    info: EvaluatedModel | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Classification:
    """The class that ``network`` gives to every image of ``pairs``, whole and one at a time.

    Raises DataError for an image that cannot be used, ModelError as ``logits_of``.
    """
    names, found, digests = task.class_names, [], []
    for item in evaluation_items(pairs, task, seed=0):
        progress(len(found), len(pairs.refs))
        start = perf_counter()
        logits = logits_of(network, item.input, len(names), device)
        seconds = perf_counter() - start
        label, largest = int(item.clean), logits.max()
        loss = largest + np.log(np.exp(logits - largest).sum()) - logits[label]
        predicted = names[int(logits.argmax())]
        row = ImageLabel(
            image=item.key, label=names[label], predicted=predicted, cross_entropy=float(loss), seconds=seconds
        )
        found.append(row)
        digests.append((item.fingerprint["sha256"] or "", item.key))
    progress(len(found), len(pairs.refs))
    images = tuple(sorted(found, key=lambda row: row.image))  # archives return their images in an order of their own
    return Classification(
        model=info or EvaluatedModel(name="network", parameters=sum(value.numel() for value in network.parameters())),
        task=task.to_dict(),
        task_text=task.text,
        data=DatasetInfo(pairs.name, pairs.text, len(images), set_fingerprint(sorted(digests, key=lambda one: one[1]))),
        settings={"device": device},
        interval=proportion_interval(sum(row.label == row.predicted for row in images), len(images)),
        classes=_by_class(names, images),
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
