"""Several images at a time, with the same bits whatever their number."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Protocol, TypeVar

from threadpoolctl import threadpool_limits

from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.errors import ImageError, OutOfMemory

__all__ = ["pooled", "single_threaded"]

MOST_HELD = 1 << 28  # bytes of members of archives that wait or are measured; only the last may go beyond


class Held(Protocol):
    """An image to measure, whose bytes may have been read."""

    @property
    def key(self) -> str:
        """Its name."""
        ...

    @property
    def payload(self) -> bytes | None:
        """Its bytes."""
        ...


Image = TypeVar("Image", bound=Held)


def pooled(
    measure: Callable[[Image], ImageRecord], refs: Iterator[Image], workers: int, device: str = "cpu"
) -> Generator[tuple[Image, ImageRecord | ImageError]]:
    """Outcomes as they come, with no more than two images per worker in flight, fewer where they come with many bytes.

    Threads, not processes: decoding and tensor work release the interpreter lock, so they scale alike, and
    threads start at once, share the kernel bank and die with the run.
    """
    pool = ThreadPoolExecutor(workers, "symaudit", initializer=_prepare_thread, initargs=(device,))
    pending: dict[Future, Image] = {}
    try:
        while True:
            while len(pending) < 2 * workers and _held(pending.values()) < MOST_HELD:
                if (ref := next(refs, None)) is None:
                    break
                pending[pool.submit(measure, ref)] = ref
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                ref = pending.pop(future)
                try:
                    yield ref, future.result()
                except ImageError as error:
                    yield ref, error
                except MemoryError:
                    raise OutOfMemory(
                        f"not enough memory to measure {ref.key}; try again with fewer --workers"
                    ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _held(refs: Iterable[Held]) -> int:
    """The bytes that come with ``refs``; slices of one volume share theirs."""
    return sum({id(ref.payload): len(ref.payload) for ref in refs if ref.payload is not None}.values())


def _prepare_thread(device: str) -> None:
    """What torch keeps per thread. A GPU works on one image while another's samples are on their way only where each
    thread has a stream of its own."""
    if "torch" in sys.modules:
        import torch

        # the caller's thread count reaches a new thread's matrix products only if it is set there too
        torch.set_num_threads(1)
        if device == "cuda":
            torch.cuda.set_stream(torch.cuda.Stream())


@contextmanager
def single_threaded() -> Iterator[None]:
    """One thread per image: parallel over images, and the same bits whatever the number of workers.

    More threads inside a matrix product of this size mostly wait, and waiting costs a core. Torch is left alone where
    it is not in use: importing it takes longer than measuring some datasets.
    """
    with threadpool_limits(1, user_api="blas"):
        if "torch" not in sys.modules:
            yield
            return
        import torch

        before = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        torch.set_num_threads(1)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before[1:]
