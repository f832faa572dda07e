"""Work that is too large to travel with every task, such as a network: processes hold it, and threads unpack it."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from symmetry_audit.workers._apart import Apart, Died
from symmetry_audit.workers._threads import one_thread_for_good

__all__ = ["done", "done_apart", "drop", "hold"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_held: dict[str, bytes] = {}  # pickled, by name
_unpacked: dict[tuple[str, int], Callable[[Any], Any]] = {}  # by name and thread


def hold(name: str, data: bytes) -> None:
    """Keep pickled work for this process."""
    _held[name] = data


def drop(name: str) -> None:
    """Forget it."""
    _held.pop(name, None)
    for key in list(_unpacked):
        if key[0] == name:
            del _unpacked[key]


def done(name: str, run: Sequence[Any]) -> list[Any]:
    """What the work gives for each item of ``run``. Raises what it raises.

    A network changes while it runs, and is therefore no other thread's.
    """
    key = name, threading.get_ident()
    if key not in _unpacked:
        _unpacked[key] = _alone(_held[name])
    work = _unpacked[key]
    one_thread_for_good(tf32=True)  # as in a process that only runs networks; another task may have changed it
    return [work(item) for item in run]


def done_apart(name: str, dead: Callable[[Item, str], Result], run: Sequence[Item]) -> list[Result]:
    """As :func:`done`, in a process that some item may end: the result is then ``dead`` of it and of how it ended."""
    with Apart(partial(_alone, _held[name])) as child:
        return [_survived(child, item, dead) for item in run]


def _survived(child: Apart, item: Item, dead: Callable[[Item, str], Result]) -> Result:
    try:
        return child.twice(item)
    except Died as death:
        return dead(item, str(death))


def _alone(data: bytes) -> Callable[[Any], Any]:
    """The work, for a thread that has the process to itself or shares it with others of its kind."""
    work = pickle.loads(data)
    one_thread_for_good(tf32=True)  # after torch was imported
    return work
