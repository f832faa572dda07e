"""Many names or kinds in a few words: a count, and the first or the most frequent ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

__all__ = ["SHOWN", "Kinds", "Names", "some"]

SHOWN = 5  # names in one warning
KINDS = 10_000  # counted apart


def some(names: Sequence[str], total: int | None = None) -> str:
    """The first of ``names``, of which there are ``total``, by default those that are given."""
    rest = (len(names) if total is None else total) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


class Names:
    """How many there are, and the first few."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, name: str) -> None:
        """Add the next name."""
        self.count += 1
        if len(self._first) < SHOWN:
            self._first.append(name)

    def __str__(self) -> str:
        return some(self._first, self.count)


class Kinds:
    """How often each of at most ``most`` kinds occurs; of those that come later, that there are more."""

    def __init__(self, most: int = KINDS) -> None:
        self._counts = Counter[str]()
        self._most, self._further = most, False

    def add(self, kind: str) -> None:
        """Add the kind of the next image."""
        if kind not in self._counts and len(self._counts) >= self._most:
            self._further = True
        else:
            self._counts[kind] += 1

    def __len__(self) -> int:
        return len(self._counts)

    def __str__(self) -> str:
        """The most frequent kinds with their numbers."""
        most = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        text = some([f"{kind} ({number})" for kind, number in most])
        return f"{text}, and others" if self._further else text
