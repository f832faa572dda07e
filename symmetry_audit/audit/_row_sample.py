"""A quick look at an image: bands of its rows in place of all, and the error that this adds to a mean (SPEC 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np

from symmetry_audit.audit._settings import AuditSettings

__all__ = ["RowSample", "row_sample", "stacked_errors"]

BAND = 32  # rows of V in a band, about, or fewer: as many again, around it, are only reached by kernels
FEWEST = 4  # bands of an image: from fewer no error can be told


@dataclass(frozen=True)
class RowSample:
    """The rows of V that are measured: ``bands``, (first row, last row + 1) each, some of the ``candidates`` bands of
    equal height, give or take a row, that V is divided into."""

    bands: tuple[tuple[int, int], ...]
    candidates: int

    @property
    def indices(self) -> np.ndarray:
        """The rows of V that are measured, in order, (n,)."""
        return np.concatenate([np.arange(*band) for band in self.bands])

    def __len__(self) -> int:
        return sum(stop - first for first, stop in self.bands)

    def measured(self, image: np.ndarray, margin: int, row_means: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """What ``row_means`` gives for the sampled rows of ``image`` (H, W), (n, ...), band by band.

        It takes an image to values of the rows of its V, (rows, ...); V is ``margin`` px from every border, and each
        band is cut out with as many rows around it.
        """
        return np.concatenate([row_means(image[first : stop + 2 * margin]) for first, stop in self.bands])

    def errors(self, values: np.ndarray) -> np.ndarray:
        """The sampling error of the mean of ``values`` (n, ...) over the sampled rows: (k - 1, ...) for k bands.

        The squares of these, of any linear combination too, add up to its estimated variance; none where all bands are
        measured. With residuals e_b = n_b (m_b - m) k / n, where n_b is the number of rows and m_b the mean of band b,
        it is (1 - k / B) / k times the mean over neighbors of (e_b+1 - e_b)^2 / 2 (successive differences; Wolter,
        Introduction to Variance Estimation, 2007, section 8.2). Of bands without an order that is its expectation, and
        less than it where near bands are alike or the image has a trend: the strips then differ more than their bands.
        """
        count = len(self.bands)
        if count == self.candidates:
            return np.zeros((0, *values.shape[1:]))
        sizes = np.array([stop - first for first, stop in self.bands])
        sums = np.add.reduceat(values - values.mean(0), np.cumsum(sizes) - sizes)
        share = (1 - count / self.candidates) / (2 * count * (count - 1))
        return sqrt(share) * np.diff(sums, axis=0) * count / len(values)


def row_sample(shape: tuple[int, int], settings: AuditSettings, image: str) -> RowSample:
    """The rows to measure of ``image``, of ``shape`` (H, W): about ``settings.pixels`` pixels of V, or all.

    V is divided into k equal strips of g bands, and one band of each is drawn by the run's seed and the image's name,
    so that every row is as likely to be measured as another. No more than half of V is measured, or all of it.
    """
    rows, columns = (side - 2 * settings.margin for side in shape)
    wanted = rows if settings.pixels is None else min(settings.pixels / columns, rows)
    strips = max(FEWEST, ceil(wanted / BAND))
    choices = min(round(rows / wanted), rows // strips)  # g
    if choices < 2:
        return RowSample(((0, rows),), 1)
    ends = np.arange(strips * choices + 1) * rows // (strips * choices)
    digest = hashlib.sha256(f"{settings.seed} rows {image}".encode()).digest()
    drawn = np.random.default_rng(int.from_bytes(digest)).integers(choices, size=strips)
    chosen = np.arange(strips) * choices + drawn
    return RowSample(tuple((int(ends[b]), int(ends[b + 1])) for b in chosen), strips * choices)


def stacked_errors(scales: Sequence[np.ndarray]) -> np.ndarray:
    """``errors`` of every scale, (k - 1, ...) each, as one array (S, K, ...): zeros are added where bands are fewer."""
    most = max(map(len, scales))
    return np.stack([np.concatenate([part, np.zeros((most - len(part), *part.shape[1:]))]) for part in scales])
