"""Sums of response profiles over images, from which mean, normalized and single-image epsilons follow (SPEC 4)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from symmetry_audit.statistics._epsilon import symmetry_error

__all__ = ["ProfileAccumulator"]


@dataclass
class ProfileAccumulator:
    """Adds up the profiles (..., T) of images one by one, in constant memory except for one epsilon per image.

    Sums run in the order of the calls, so the same images in the same order give the same bits.
    """

    total: np.ndarray = field(default_factory=lambda: np.zeros(()))
    total_normalized: np.ndarray = field(default_factory=lambda: np.zeros(()))
    total_spread: np.ndarray = field(default_factory=lambda: np.zeros(()))  # of max - min of single images
    usable: np.ndarray = field(default_factory=lambda: np.zeros((), int))  # images whose profile is not zero everywhere
    epsilons: list[np.ndarray] = field(default_factory=list)
    normalized: list[np.ndarray] = field(default_factory=list)

    def add(self, profiles: np.ndarray) -> None:
        """Add one image's profiles."""
        mean = profiles.mean(-1, keepdims=True)
        usable = mean > 0
        normalized = np.divide(profiles, mean, out=np.zeros_like(profiles), where=usable)
        self.total = self.total + profiles
        self.total_normalized = self.total_normalized + normalized
        self.total_spread = self.total_spread + np.ptp(profiles, axis=-1)
        self.usable = self.usable + usable[..., 0]
        self.epsilons.append(symmetry_error(profiles)[0])
        self.normalized.append(np.where(usable[..., 0], symmetry_error(normalized)[0], np.nan))

    @property
    def count(self) -> int:
        """Images added so far."""
        return len(self.epsilons)

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
