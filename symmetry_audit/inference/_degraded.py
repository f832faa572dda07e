"""The degraded images of a task as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from symmetry_audit.data import ImageRef
from symmetry_audit.errors import DataError
from symmetry_audit.files import write_atomically
from symmetry_audit.inference._files import encoded
from symmetry_audit.inference._samples import as_samples
from symmetry_audit.tasks import Pairs, Task, evaluation_items

__all__ = ["write_degraded"]


def write_degraded(
    pairs: Pairs,
    task: Task,
    targets: Mapping[ImageRef, Path],
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Path]:
    """Write what a network for ``task`` gets for each of ``pairs``, in 8 bits and grey for grey; the files by the
    image's name.

    The noise of an image depends on ``seed`` and its name, as in an evaluation. Every file is written whole or not at
    all. Raises DataError for an image that cannot be used.
    """
    places = {ref.key: path for ref, path in targets.items()}
    written = {}
    for done, item in enumerate(evaluation_items(pairs, task, seed)):
        progress(done, len(pairs.refs))
        target = places[item.key]
        samples = as_samples(task.shown(item.input))
        write_atomically(target, encoded(samples[..., 0] if item.grey else samples, target.suffix), error=DataError)
        written[item.key] = target
    progress(len(pairs.refs), len(pairs.refs))
    return written
