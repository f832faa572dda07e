"""Sums of response profiles over images, from which mean and normalized epsilons follow (SPEC 4)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from symmetry_audit.statistics._blocks import added
from symmetry_audit.statistics._epsilon import subgroup_error

__all__ = ["ProfileAccumulator"]


@dataclass
class ProfileAccumulator:
    """Adds up the profiles (n, ..., T) of n images at a time, in constant memory.

    Sums run in the order of the images, so the same ones in the same order give the same bits.
    """

    total: np.ndarray = field(default_factory=lambda: np.zeros(()))
    total_normalized: np.ndarray = field(default_factory=lambda: np.zeros(()))
    total_spread: np.ndarray = field(default_factory=lambda: np.zeros(()))  # of max - min of single images
    usable: np.ndarray = field(default_factory=lambda: np.zeros((), int))  # images whose profile is not zero everywhere
    count: int = 0  # images added so far

    def add(self, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Add n images; their own epsilons, and those of their normalized profiles, NaN where these are flat; (n, ...)
        each."""
        mean = profiles.mean(-1, keepdims=True)
        usable = mean > 0
        normalized = np.divide(profiles, mean, out=np.zeros_like(profiles), where=usable)
        self.total = added(self.total, profiles)
        self.total_normalized = added(self.total_normalized, normalized)
        self.total_spread = added(self.total_spread, np.ptp(profiles, axis=-1))
        self.usable = self.usable + usable[..., 0].sum(0)
        self.count += len(profiles)
        return subgroup_error(profiles), np.where(usable[..., 0], subgroup_error(normalized), np.nan)

    def mean(self) -> np.ndarray:
        """Mean profile over the images, (..., T)."""
        return self.total / self.count

    def mean_spread(self) -> np.ndarray:
        """Mean over the images of max - min over the group, (...)."""
        return self.total_spread / self.count

    def mean_normalized(self) -> np.ndarray:
        """Mean over the images of profiles divided by their own mean over t; NaN where all are zero."""
        usable = np.where(self.usable > 0, self.usable, np.nan)
        return self.total_normalized / usable[..., None]
