"""One function of many images: here, one after another, or on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from symmetry_audit.data import ImageRef
from symmetry_audit.tasks import Pair, Pairs, streamed

if TYPE_CHECKING:
    from symmetry_audit.workers import Cluster

__all__ = ["each_of", "in_runs", "of_pairs"]

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST, BYTES = 8, 1 << 20  # images, and bytes of their files, that are worth a task


def of_pairs(
    work: Callable[[Pair], Result], pairs: Pairs, dead: Callable[[Pair, str], Result], cluster: Cluster | None
) -> Iterator[Result]:
    """``work`` of each of ``pairs``, here or on a ``cluster``, in any order. Members of archives are read here.

    The result of an image that twice ended a process of the cluster is ``dead`` of it and of how that ended.
    """
    stream = streamed(pairs.refs)
    return each_of(work, (pair.anywhere() for pair in stream), lambda pair: pair.refs, dead, cluster)


def each_of(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    refs: Callable[[Item], Iterable[ImageRef]],
    dead: Callable[[Item, str], Result],
    cluster: Cluster | None,
) -> Iterator[Result]:
    """As :func:`of_pairs`, for ``items`` that any process can read; ``refs`` are the files of one."""
    return map(work, items) if cluster is None else cluster.each(work, in_runs(items, refs), dead)


def in_runs(items: Iterable[Item], refs: Callable[[Item], Iterable[ImageRef]]) -> Iterator[tuple[Item, ...]]:
    """``items`` in tasks for one thread: a large one alone, several small ones together. ``refs`` are its files."""
    run: list[Item] = []
    size = 0
    for item in items:
        more = sum(map(_size, refs(item)))
        if run and (len(run) == MOST or size + more > BYTES):
            yield tuple(run)
            run, size = [], 0
        run.append(item)
        size += more
    if run:
        yield tuple(run)


def _size(ref: ImageRef) -> int:
    """Bytes of an image's file; 0 where there is none, which its reader tells."""
    if ref.payload is not None:
        return len(ref.payload)
    try:
        return ref.path.stat().st_size
    except (OSError, ValueError):
        return 0
