"""What a run has found so far: a first look at relative epsilon while its images are measured."""

from __future__ import annotations

import numpy as np

from symmetry_audit.audit._plan import StrictBank
from symmetry_audit.statistics import relative_error

__all__ = ["RunningEpsilon"]


class RunningEpsilon:
    """The largest relative epsilon of any regularizer, strict and at the first scale, over the images added so far."""

    def __init__(self, bank: StrictBank) -> None:
        self._index, self._total = bank.index, np.zeros(bank.index.shape)

    def add(self, responses: np.ndarray) -> float:
        """Add the strict responses of one image at the first scale, (m,), or a sum of those of several. Returns the
        value with them, a fraction of the mean response; 0 where nothing responds yet."""
        self._total = self._total + responses[self._index]
        return float(np.nan_to_num(relative_error(self._total)).max())
