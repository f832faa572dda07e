"""How long a run has taken, and how long it will still take."""

from __future__ import annotations

import time

__all__ = ["Clock"]


class Clock:
    """The time of a run from ``step`` on; ``before`` are the seconds that its earlier parts took.

    The run ends after ``steps``, or after ``minutes`` if that is sooner. ``elapsed`` is minutes into the run. The loop
    makes it the same number in all processes after every step; the time limit and the schedule depend on it.
    """

    def __init__(self, steps: int, minutes: float | None, step: int = 0, before: float = 0.0) -> None:
        self.steps, self.minutes, self.first, self.before = steps, minutes, step, before
        self.begin, self.elapsed = time.monotonic(), before / 60

    def seconds(self) -> float:
        """Seconds that the run has taken in this process, earlier parts included."""
        return self.before + time.monotonic() - self.begin

    def over(self) -> bool:
        """Whether the time limit is reached."""
        return self.minutes is not None and self.elapsed >= self.minutes

    def left(self, step: int) -> float:
        """Seconds until the end once ``step`` steps are done, at the pace of this process so far; never below 0."""
        pace = (time.monotonic() - self.begin) / max(step - self.first, 1)
        left = pace * (self.steps - step)
        return max(left if self.minutes is None else min(left, 60 * (self.minutes - self.elapsed)), 0.0)
