"""What is kept of the last few files that were read, so that images of one file do not read it again each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from symmetry_audit.errors import ImageError

__all__ = ["Kept", "Key"]

Value = TypeVar("Value")
Key = tuple[object, ...]


class Kept(Generic[Value]):
    """The last few of what is made from files. A thread that needs what another one makes waits for it."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.RLock()
        self._held: dict[Key, Value | ImageError] = {}

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """What ``make`` returned for this ``key``. Raises ImageError as it did."""
        with self._lock:
            if key in self._held:
                self._held[key] = self._held.pop(key)  # the last to go
            else:
                while len(self._held) >= self._most:
                    del self._held[next(iter(self._held))]
                try:
                    self._held[key] = make()
                except ImageError as error:
                    self._held[key] = error
            found = self._held[key]
        if isinstance(found, ImageError):
            raise ImageError(str(found))
        return found
