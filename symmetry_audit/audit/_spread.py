"""What a worker process of a cluster does with a task: plans are made once, and nothing is taken from its settings."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from functools import partial
from threading import Lock

import numpy as np

from symmetry_audit.audit._masks import Masks
from symmetry_audit.audit._measure_partition import (
    Job,
    Measure,
    MeasuredPart,
    Outcome,
    PartitionTask,
    measure_partition,
)
from symmetry_audit.audit._plan import ImagePlan
from symmetry_audit.audit._run import image_plans
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.errors import ImageError
from symmetry_audit.workers import Apart, Died, one_thread_for_good

__all__ = ["measured_apart", "measured_there"]

_making = Lock()
_latest: tuple[AuditSettings, str, tuple[ImagePlan, ...]] | None = None


def measured_there(task: PartitionTask) -> MeasuredPart:
    """Measure a partition in this process. Raises as ``measure_partition`` does."""
    measure = _measure(task.settings, task.device, task.given, task.masks)
    return measure_partition(task, measure.one_by_one)


def measured_apart(task: PartitionTask) -> MeasuredPart:
    """Measure a partition, each image in a process of its own kind, which some image may end: that one is left out."""
    setup = partial(_measure, task.settings, task.device, task.given, task.masks)
    with Apart(setup) as child:
        return measure_partition(task, partial(_one_by_one_apart, child))


def _one_by_one_apart(child: Apart, jobs: Iterator[Job]) -> Generator[Outcome]:
    for job in jobs:
        try:
            yield job, child.twice(job)
        except ImageError as error:
            yield job, error
        except Died as death:
            yield job, ImageError(f"twice ended the process that measured it ({death}): out of memory, or damaged")


def _measure(
    settings: AuditSettings, device: str, given: Mapping[str, np.ndarray] | None, masks: Masks | None
) -> Measure:
    """How this process measures: the plans of the latest settings are kept, and one thread computes."""
    global _latest
    one_thread_for_good()
    with _making:
        if _latest is None or _latest[:2] != (settings, device):  # settings hold the hash of what is given
            _latest = settings, device, image_plans(settings, device, given)[1]
        plans = _latest[2]
    one_thread_for_good()  # torch may have been imported just now
    return Measure(settings, plans, masks)
