"""Several images at a time, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_order"]

T = TypeVar("T")
Found = TypeVar("Found")


def in_order(work: Callable[[T], Found], items: Iterable[T], workers: int) -> Iterator[Found]:
    """``map(work, items)`` by ``workers`` threads, with at most two items for each of them in memory."""
    waiting: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(workers, "symaudit") as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) == 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
