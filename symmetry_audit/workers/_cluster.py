"""Tasks on the workers of a Dask cluster: one that runs, or worker processes of this machine."""

from __future__ import annotations

import logging
import os
import pickle
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

from symmetry_audit.errors import DataError, OutOfMemory, SettingError, one_line
from symmetry_audit.workers._carried import done, done_apart
from symmetry_audit.workers._versions import checked, described, refuse_others, versions

__all__ = ["Cluster", "connected"]

Task = TypeVar("Task")
Item = TypeVar("Item")
Result = TypeVar("Result")

LOCAL, FILE = "local", "file"
SILENT = logging.CRITICAL + 1
STARTS = 3  # of a local cluster
AT_A_TIME = 2  # tasks per thread of a worker: when a worker dies, all that it was given count as suspects
PATIENCE = 10.0  # s, after which a connection is given up, and after which missing workers are told
RESENDS = 100  # of tasks whose results were lost, in a run
SILENCE = (OSError, AttributeError)  # the latter of a client that has given its scheduler up
ASKS, PAUSE = 3, 1.0  # how often a scheduler that does not answer is asked, and s between
RECOUNT = 5.0  # s between two looks at how many workers there are
LOST = "the connection to the cluster is lost; the same command continues with what was kept"
MISSING = "clusters need the package distributed: pip install 'symaudit[cluster]'"


@contextmanager
def connected(place: str, *, device: str = "cpu", say: Callable[[str], None] = lambda line: None) -> Iterator[Cluster]:
    """The cluster at ``place``: "local" or "local:N" for N processes of this machine, the file that a scheduler wrote,
    or its address such as "tcp://node1:8786".

    On "cuda" a task takes one of the GPUs that workers were started with (``--resources GPU=1``). Raises SettingError
    for a wrong ``place`` and where the package distributed is missing, DataError where nobody answers.
    """
    kind, resources = _kind(place), {"GPU": 1.0} if device == "cuda" else {}
    distributed, dask = _library("distributed"), _library("dask")
    settings = {
        "distributed.comm.timeouts.connect": PATIENCE,
        "distributed.scheduler.allowed-failures": 1,  # of a local cluster; then the images are measured apart
    }
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        stack.enter_context(_quiet())
        try:
            at: dict[str, Any] = {"scheduler_file" if kind == FILE else "address": place}
            if kind == LOCAL:
                workers = _local(distributed, int(place.partition(":")[2] or _cores()), resources)
                at = {"address": stack.enter_context(workers)}
            client = stack.enter_context(distributed.Client(**at, timeout=PATIENCE, set_as_default=False))
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            if kind == LOCAL:
                raise DataError(f"worker processes do not start here ({one_line(error)}); try again") from None
            raise DataError(f"no scheduler answers at {place} ({one_line(error)}); is it running?") from None
        cluster = Cluster(client, resources, say)
        stack.callback(cluster.forget)
        yield cluster


def _local(distributed: Any, processes: int, resources: dict[str, float]) -> Any:
    """A cluster of so many processes of this machine. Raises RuntimeError where they do not start."""
    make = partial(
        distributed.LocalCluster,
        processes,
        threads_per_worker=1,
        host="127.0.0.1",
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},  # no fixed port
        silence_logs=SILENT,
        resources=resources,
    )
    for _ in range(STARTS - 1):
        with suppress(RuntimeError):  # a process that ends before it has started is not started again
            return make()
    return make()


def _library(name: str) -> Any:
    """dask or distributed, whose types say little. Raises SettingError where it is missing."""
    try:
        return import_module(name)
    except ImportError:
        raise SettingError(MISSING) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the log of dask, which tells deaths and lost connections by tracebacks: here they have sentences."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(SILENT)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _kind(place: str) -> str:
    """What ``place`` names. Raises SettingError."""
    name, _, number = place.partition(":")
    if name == LOCAL and (not number or (number.isdigit() and int(number) > 0)):
        return LOCAL
    if place.endswith(".json"):
        if os.path.isfile(place):
            return FILE
        raise SettingError(
            f"--cluster: there is no file {place}; start `dask scheduler --scheduler-file {place}` first"
        )
    if "://" in place:
        return "address"
    raise SettingError(f'--cluster: "{place}" is not local, local:N, a scheduler\'s .json file or tcp://HOST:PORT')


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cluster:
    """Workers that take tasks; made by :func:`connected`."""

    def __init__(self, client: Any, resources: dict[str, float], say: Callable[[str], None]) -> None:
        self._client, self._resources, self._say = client, resources, say
        self._threads, self._counted = 0, 0.0
        self._carried: list[str] = []  # names of work that workers hold

    def map(
        self, function: Callable[[Task], Result], tasks: Iterator[Task], apart: Callable[[Task], Result]
    ) -> Iterator[Result]:
        """Results as they come, of a few tasks per worker at a time. Each is ``function`` of a task; of one that keeps
        ending its worker it is ``apart``, which survives what ends processes.

        Raises what the functions raise, and DataError where the cluster is lost or a worker has other versions.
        """
        self._check_versions()
        pending: dict[str, tuple[Task, bool]] = {}
        done = _library("distributed").as_completed(loop=self._client.loop)
        resends = RESENDS
        try:
            while True:
                while len(pending) < AT_A_TIME * self._thread_count():
                    task = next(tasks, None)
                    if task is None:
                        break
                    done.add(self._submit(function, task, pending, guarded=False))
                if not pending:
                    return
                future = next(done)
                task, guarded = pending.pop(future.key)
                if self._died(future, guarded=guarded):
                    done.add(self._submit(apart, task, pending, guarded=True))
                    continue
                try:
                    result = self._result(future)
                except CancelledError:  # a worker may die between the end of its task and the fetching of the result
                    resends -= 1
                    self._check_alive(resends)
                    done.add(self._submit(apart if guarded else function, task, pending, guarded=guarded))
                    continue
                yield result
        finally:
            done.clear()

    def each(
        self, work: Callable[[Item], Result], runs: Iterator[Sequence[Item]], dead: Callable[[Item, str], Result]
    ) -> Iterator[Result]:
        """``work`` of every item of ``runs``, as they come; a run of items is one task, done by one thread.

        ``work`` may be large, such as a network: it is pickled and travels once to each worker process, also to those
        that join late, and each thread has its own. Of an item that twice ended a process the result is ``dead`` of it
        and of how that ended. Raises as ``map``.
        """
        from symmetry_audit.workers._carrier import Carrier

        self._check_versions()
        name = f"symaudit-{uuid.uuid4()}"
        self._client.register_plugin(Carrier(name, pickle.dumps(work)), name=name)
        self._carried.append(name)
        for results in self.map(partial(done, name), runs, partial(done_apart, name, dead)):
            yield from results

    def forget(self) -> None:
        """Take back the work that workers hold."""
        with suppress(OSError, TimeoutError, RuntimeError):  # where the scheduler is gone
            while self._carried:
                self._client.unregister_worker_plugin(self._carried.pop())

    @property
    def threads(self) -> int:
        """Threads of all workers, each for one task at a time; waits for the first worker. Raises DataError."""
        return self._thread_count()

    def _submit(
        self, function: Callable[[Task], Result], task: Task, pending: dict[str, tuple[Task, bool]], *, guarded: bool
    ) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tasks that carry records of an earlier run
            future = self._client.submit(
                partial(checked, versions(), function),
                task,
                key=f"symaudit-{uuid.uuid4()}",
                resources=self._resources or None,
                pure=False,
            )
        pending[future.key] = task, guarded
        return future

    def _died(self, future: Any, *, guarded: bool) -> bool:
        """Whether a task ended its workers. Raises DataError where it did so although it was ``guarded``."""
        if future.status != "error" or not isinstance(future.exception(), _library("distributed").KilledWorker):
            return False
        if guarded:
            raise DataError(
                "workers of the cluster keep ending, whatever their tasks are; look at their logs, then run the same "
                "command again, which continues"
            )
        return True

    def _result(self, future: Any) -> Any:
        """Raises CancelledError where the scheduler, or it alone, has lost the result."""
        if future.status in ("cancelled", "lost"):
            raise CancelledError
        try:
            return future.result()
        except MemoryError:
            raise OutOfMemory(
                "a worker has not enough memory; start workers with more, or fewer on a machine"
            ) from None

    def _thread_count(self) -> int:
        """Threads of all workers, counted now and then; waits for the first worker."""
        if time.monotonic() - self._counted < RECOUNT:
            return self._threads
        said = time.monotonic() + PATIENCE
        while not (threads := self._asked_threads()):
            if time.monotonic() > said:
                self._say("No worker has joined the cluster yet; waiting for the first")
                said = float("inf")
            time.sleep(0.2)
        self._threads, self._counted = threads, time.monotonic()
        return threads

    def _check_alive(self, resends: int) -> None:
        """Raises DataError where the scheduler is gone, or loses one result after the other."""
        self._asked_threads()
        if resends < 0:
            raise DataError(LOST)

    def _asked_threads(self) -> int:
        """Threads of all workers now. Raises DataError where the scheduler is gone."""
        for _ in range(ASKS - 1):
            with suppress(*SILENCE):  # a busy machine answers late
                return sum(self._client.nthreads().values())
            time.sleep(PAUSE)
        try:
            return sum(self._client.nthreads().values())
        except SILENCE:
            raise DataError(LOST) from None

    def _check_versions(self) -> None:
        """Raises DataError for the first worker that has other versions than this process."""
        self._thread_count()
        for found in self._client.run(described, on_error="return").values():
            if isinstance(found, Exception):
                raise DataError(f"a worker of the cluster cannot import symaudit ({one_line(found)}); install it there")
            refuse_others(versions(), *found)
