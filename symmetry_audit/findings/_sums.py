"""Sums of arrays and of numbers over images."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import fsum

import numpy as np

from symmetry_audit.statistics import added

__all__ = ["ExactSum", "Sum"]


@dataclass
class Sum:
    """A sum of arrays of one shape."""

    total: np.ndarray = field(default_factory=lambda: np.zeros(()))
    count: np.ndarray = field(default_factory=lambda: np.zeros((), int))

    def add(self, arrays: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Add ``arrays`` (n, ..., T) of n images times ``weights`` (n, ...), by default 1, in their order."""
        self.total = added(self.total, arrays if weights is None else arrays * weights[..., None])
        self.count = self.count + (len(arrays) if weights is None else weights.astype(int).sum(0))

    def add_known(self, arrays: np.ndarray) -> None:
        """Add the profiles (n, ..., T) of ``arrays`` that are not NaN."""
        known = ~np.isnan(arrays[..., 0])
        self.add(np.where(known[..., None], arrays, 0.0), known)

    def mean(self) -> np.ndarray:
        """Total over count; NaN where nothing was added."""
        count = np.where(self.count > 0, self.count, np.nan)
        return self.total / count[..., None]


class ExactSum:
    """A sum of numbers without rounding errors, in parts that do not overlap (Shewchuk)."""

    def __init__(self) -> None:
        self._parts: list[float] = []

    def add(self, number: float) -> None:
        """Add a finite ``number``."""
        if not number:
            return
        kept = []
        for part in self._parts:
            large, small = (number, part) if abs(number) >= abs(part) else (part, number)
            number = large + small
            if rest := small - (number - large):
                kept.append(rest)
        self._parts = [*kept, number]

    def value(self) -> float:
        """The sum, rounded once."""
        return fsum(self._parts)
