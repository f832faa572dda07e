"""Sums of arrays and of numbers over images."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import fsum

import numpy as np

__all__ = ["ExactSum", "Sum"]


@dataclass
class Sum:
    """A sum of arrays of one shape."""

    total: np.ndarray = field(default_factory=lambda: np.zeros(()))
    count: np.ndarray = field(default_factory=lambda: np.zeros((), int))

    def add(self, array: np.ndarray, weight: np.ndarray | int = 1) -> None:
        """Add ``array`` (..., T) times ``weight`` (...)."""
        if isinstance(weight, int):
            self.total = self.total + (array if weight == 1 else array * weight)
        else:
            self.total = self.total + array * weight[..., None]
        self.count = self.count + weight

    def add_known(self, array: np.ndarray) -> None:
        """Add the profiles (..., T) of ``array`` that are not NaN."""
        known = ~np.isnan(array[..., 0])
        self.add(np.where(known[..., None], array, 0.0), known.astype(int))

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
