"""Ctrl-C and SIGTERM as requests to stop, which are met between two steps."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["StopSign"]


class StopSign:
    """Whether this process was ``asked`` to stop while it was ``watched``."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Treat Ctrl-C and SIGTERM as requests. Outside the main thread, signals cannot be caught."""

        def ask(number: int, frame: Any) -> None:
            self.asked = True

        try:
            before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
