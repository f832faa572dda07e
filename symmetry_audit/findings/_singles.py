"""Numbers of single images: their means over all images, and their quantiles over all or a large sample of them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from symmetry_audit.statistics import SmallestHashes

__all__ = ["SAMPLE", "Deformations", "SingleEpsilons"]

SAMPLE = 100_000  # images whose own numbers are kept
BIN = 0.15  # of (a, b), for the floor of adaptive rows


class SingleEpsilons:
    """Epsilons of single images and of their normalized profiles, (S, R) each.

    Means are over all images; quantiles over those of smallest hash where there are more than ``sample`` of them.
    """

    def __init__(self, sample: int = SAMPLE) -> None:
        self._kept = SmallestHashes(sample)
        self._total = np.zeros(())
        self._within, self._inside = np.zeros(()), np.zeros((), int)  # of images within the limit of the fits
        self._normalized, self._usable = np.zeros(()), np.zeros((), int)

    def add(self, number: int, epsilons: np.ndarray, normalized: np.ndarray, inside: np.ndarray | None) -> None:
        """Add one image by its hash; NaN in ``normalized`` where it is flat. ``inside`` (S, R): whether it is within
        the limit, None where nothing is fitted."""
        usable = ~np.isnan(normalized)
        row = np.ones((3, *epsilons.shape))
        row[0], row[1] = epsilons, normalized
        self._total = self._total + epsilons
        self._normalized, self._usable = self._normalized + np.where(usable, normalized, 0), self._usable + usable
        if inside is not None:
            row[2] = inside
            self._within, self._inside = self._within + epsilons * inside, self._inside + inside
        self._kept.add(number, row)

    def means(self) -> np.ndarray:
        """Mean epsilons of the images, (S, R)."""
        return np.mean(self._rows()[:, 0], axis=0) if self._kept.complete else self._total / self._kept.count

    def mean(self, at: tuple[int, int]) -> float:
        """Mean epsilon at (scale, regularizer)."""
        return float(self._column(0, at).mean() if self._kept.complete else self._total[at] / self._kept.count)

    def mean_within(self, at: tuple[int, int]) -> float:
        """Mean epsilon of the images that are within the limit of the fits, of which there are some."""
        if not self._kept.complete:
            return float(self._within[at] / self._inside[at])
        return float(self._column(0, at)[self._column(2, at) == 1].mean())

    def mean_normalized(self, at: tuple[int, int]) -> float | None:
        """Mean epsilon of the normalized profiles of images that are not flat; None where all are."""
        if not self._usable[at]:
            return None
        if not self._kept.complete:
            return float(self._normalized[at] / self._usable[at])
        found = self._column(1, at)
        return float(found[~np.isnan(found)].mean())

    def quartiles(self, at: tuple[int, int]) -> tuple[float, float, float]:
        """The 25, 50 and 75 % quantiles of the epsilons."""
        low, middle, high = np.quantile(self._column(0, at), (0.25, 0.5, 0.75)).tolist()
        return low, middle, high

    def _rows(self) -> np.ndarray:
        return self._kept.rows()

    def _column(self, which: int, at: tuple[int, int]) -> np.ndarray:
        return np.ascontiguousarray(self._rows()[:, which, *at])


class Deformations:
    """The fitted (a, b) of the images, (S, F, 2): all of them up to ``sample``, then those of smallest hash."""

    def __init__(self, sample: int = SAMPLE) -> None:
        self._kept = SmallestHashes(sample)
        self._ratios, self._fitted = np.zeros(()), np.zeros((), int)
        self._bins: dict[tuple[int, int], Counter[tuple[float, float]]] = {}

    def add(self, number: int, points: np.ndarray) -> None:
        """Add those of one image by its hash; NaN where there is no fit."""
        self._kept.add(number, points)
        ratios = np.exp(np.hypot(points[..., 0], points[..., 1]))
        self._ratios = self._ratios + np.nan_to_num(ratios)
        self._fitted = self._fitted + ~np.isnan(ratios)
        binned = np.round(np.nan_to_num(points) / BIN) * BIN
        for s, scale in enumerate(binned.tolist()):
            for f, (a, b) in enumerate(scale):
                self._bins.setdefault((s, f), Counter())[a, b] += 1

    def points(self, scale: int, source: int) -> np.ndarray:
        """(n, 2) of the images that have a fit, of the sample."""
        found = self._kept.rows()[:, scale, source]
        return found[~np.isnan(found[:, 0])]

    def mean_ratio(self, scale: int, source: int) -> float | None:
        """The mean ratio of all images that have a fit; None where none has."""
        if not self._fitted[scale, source]:
            return None
        if not self._kept.complete:
            return float(self._ratios[scale, source] / self._fitted[scale, source])
        return float(np.exp(np.hypot(*self.points(scale, source).T)).mean())

    def binned(self, scale: int, source: int) -> Counter[tuple[float, float]]:
        """How many images fall into each bin of (a, b), by its center; those without a fit count as identity."""
        return self._bins[scale, source]
