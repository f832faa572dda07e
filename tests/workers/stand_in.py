"""In place of a cluster, in this process: what travels is pickled, and results come in another order."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest

from symmetry_audit import workers


class StandIn:
    """Takes as many tasks at a time as a cluster of ``threads`` does; ``deadly`` items end their process.

    ``tasks`` are those that were given out.
    """

    def __init__(self, threads: int = 2, deadly: Callable[[Any], bool] = lambda item: False) -> None:
        self.threads, self.deadly = threads, deadly
        self.tasks: list[Sequence[Any]] = []

    def each(
        self, work: Callable[[Any], Any], runs: Iterator[Sequence[Any]], dead: Callable[[Any, str], Any]
    ) -> Iterator[Any]:
        """The results of some runs at a time, the latest first."""
        work = pickle.loads(pickle.dumps(work))
        while some := list(islice(runs, 2 * self.threads)):
            self.tasks += some
            results = [[self._done(work, item, dead) for item in pickle.loads(pickle.dumps(run))] for run in some]
            for run in reversed(results):
                yield from run

    def _done(self, work: Callable[[Any], Any], item: Any, dead: Callable[[Any, str], Any]) -> Any:
        return dead(item, "signal 9") if self.deadly(item) else pickle.loads(pickle.dumps(work(item)))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """What verbs are connected with, wherever ``--cluster`` says."""
    found = StandIn()

    @contextmanager
    def connected(place: str, **options: Any) -> Iterator[StandIn]:
        yield found

    monkeypatch.setattr(workers, "connected", connected)
    return found
