"""How much memory images take while they are measured, and no more of them at a time than there is room for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition

__all__ = ["LARGEST_FIELD", "SHARE", "Room", "free_memory", "memory_of"]

DECODED = 12  # bytes a pixel: samples of 16-bit color, and luminance
FIELD = 28  # bytes a pixel of a control's isotropic field beside luminance
LARGEST_FIELD = 1 << 25  # pixels of such a field at most
SHARE = 0.8  # of the free memory: the rest is for what all images share
MEMORY = Path("/proc/meminfo")
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container


def memory_of(pixels: float, *, controlled: bool) -> float:
    """About the bytes that an image of so many pixels takes at most."""
    return max(DECODED * pixels, FIELD * min(pixels, LARGEST_FIELD) if controlled else 0.0)


def free_memory() -> float:
    """Bytes that are free, or infinity where the system does not say."""
    found = [float("inf")]
    with suppress(OSError, ValueError, StopIteration):
        line = next(line for line in MEMORY.read_text().splitlines() if line.startswith("MemAvailable:"))
        found.append(1024 * int(line.split()[1]))
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # ValueError: "max"
            found.append(int(Path(limit).read_text()))
    return min(found)


class Room:
    """Memory that images share: each waits until there is enough for it, or until it is alone."""

    def __init__(self, size: float) -> None:
        self._size, self._taken, self._changed = size, 0.0, Condition()

    @contextmanager
    def taken(self, size: float) -> Iterator[None]:
        """Hold ``size`` bytes, or all there are."""
        size = min(size, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + size <= self._size)
            self._taken += size
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()

    def remark(self, sizes: Collection[float], workers: int) -> str | None:
        """What to say where there is no room for the largest of ``sizes``, one for each of the ``workers``."""
        largest = sorted(sizes, reverse=True)[:workers]
        if sum(largest) <= self._size:
            return None
        together = max(1, int(self._size // largest[0]))
        size, room = (f"{value / 1e9:.1f} GB" for value in (largest[0], self._size))
        return (
            f"The largest images take up to {size} each of {room} of free memory: {together} at a time, not {workers}"
        )
