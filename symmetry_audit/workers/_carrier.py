"""How work reaches the processes of a cluster; the only module that cannot be imported without Dask."""

from __future__ import annotations

from typing import Any

from distributed import WorkerPlugin

from symmetry_audit.workers._carried import drop, hold

__all__ = ["Carrier"]


class Carrier(WorkerPlugin):
    """Pickled work under a name: the scheduler gives it to every worker, also to one that joins or starts again."""

    def __init__(self, name: str, data: bytes) -> None:
        self._name, self._data = name, data

    def setup(self, worker: Any) -> None:
        """Hold the work in this process."""
        hold(self._name, self._data)

    def teardown(self, worker: Any) -> None:
        """Forget it."""
        drop(self._name)
