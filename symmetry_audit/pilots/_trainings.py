"""The trainings of a network pilot, each of which any process can do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from symmetry_audit.catalogue import ARMS
from symmetry_audit.errors import ModelError
from symmetry_audit.pilots._arms import Length, run_arm, step_seconds
from symmetry_audit.pilots._runs import Run
from symmetry_audit.pilots._split import Pictures

if TYPE_CHECKING:
    from symmetry_audit.workers import Cluster

__all__ = ["Job", "paces", "trained"]

# weights are drawn from torch's one generator, so a process trains one network at a time, whatever its threads
_alone = threading.Lock()


@dataclass(frozen=True)
class Job:
    """One run of an ``arm``; ``average`` asks for the scores of the averaged network too."""

    seed: int
    arm: str
    average: bool = False


@dataclass(frozen=True)
class _Training:
    """Trains the arms of jobs on ``pictures``; it can be pickled."""

    pictures: Pictures
    length: Length
    device: str

    def __call__(self, job: Job, on_step: Callable[[int], None] = lambda done: None) -> Run:
        images = self.pictures.split(job.seed)
        with _alone:
            done = run_arm(
                *(ARMS[job.arm], self.pictures.task, images, images.held_out),
                seed=job.seed,
                length=self.length,
                device=self.device,
                average=job.average,
                on_step=on_step,
            )
        return Run(job.seed, job.arm, done.psnr, round(done.seconds, 3), done.averaged)


@dataclass(frozen=True)
class _Pacing:
    """Seconds of one step of an arm; it can be pickled."""

    pictures: Pictures
    length: Length
    device: str
    seed: int

    def __call__(self, arm: str) -> float:
        with _alone:
            return step_seconds(ARMS[arm], self.pictures.task, self.pictures.split(self.seed), self.length, self.device)


def trained(
    jobs: Iterator[Job],
    pictures: Pictures,
    length: Length,
    device: str,
    cluster: Cluster | None,
    on_step: Callable[[int], None],
) -> Iterator[Run]:
    """The runs of ``jobs``: here one after another, with ``on_step`` after each step, or on a ``cluster`` in any order.

    Raises ModelError if a training diverges, or twice ends its process; DataError for a cluster that is lost.
    """
    work = _Training(pictures, length, device)
    if cluster is None:
        return map(partial(work, on_step=on_step), jobs)
    return cluster.each(work, ((job,) for job in jobs), _untrained)


def paces(
    arms: Sequence[str], pictures: Pictures, length: Length, device: str, seed: int, cluster: Cluster | None
) -> list[float]:
    """Seconds of one step of each of ``arms``, in any order, where they are trained. Raises as ``trained``."""
    work = _Pacing(pictures, length, device, seed)
    if cluster is None:
        return list(map(work, arms))
    return list(cluster.each(work, ((arm,) for arm in arms), _untimed))


def _untrained(job: Job, how: str) -> NoReturn:
    _ended(f"the training of {job.arm} with seed {job.seed}", how)


def _untimed(arm: str, how: str) -> NoReturn:
    _ended(f"the first steps of {arm}", how)


def _ended(what: str, how: str) -> NoReturn:
    raise ModelError(
        f"{what} twice ended the process ({how}); start workers with more memory, and run the same command again"
    )
