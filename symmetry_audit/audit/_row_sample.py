"""A quick look at an image: bands of its rows in place of all, and the error that this adds to a mean (SPEC 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, sqrt

import numpy as np

from symmetry_audit.audit._domain import row_counts
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.data import StoredRows
from symmetry_audit.engine import Rows

__all__ = ["RowSample", "row_sample", "stacked_errors"]

BAND = 32  # rows of V in a band, about, or fewer: as many again, around it, are only reached by kernels
FEWEST = 4  # bands of an image: from fewer no error can be told


@dataclass(frozen=True)
class RowSample:
    """The rows of V that are measured: ``bands``, (first row, last row + 1) each, some of the ``candidates`` bands of
    as many pixels each, give or take a row, that V is divided into.

    ``inside`` (rows, columns) of bool is V in its rectangle; None where V is all of it.
    """

    bands: tuple[tuple[int, int], ...]
    candidates: int
    inside: np.ndarray | StoredRows | None = None

    @property
    def indices(self) -> np.ndarray:
        """The rows of V that are measured, in order, (n,)."""
        return np.concatenate([np.arange(*band) for band in self.bands])

    def __len__(self) -> int:
        return sum(stop - first for first, stop in self.bands)

    @cached_property
    def pixels(self) -> np.ndarray | None:
        """How many pixels of V are in each of these rows, (n,) of int; None where all rows have as many."""
        return (
            None
            if self.inside is None
            else np.concatenate([row_counts(self.inside[first:stop]) for first, stop in self.bands])
        )

    @property
    def chosen(self) -> np.ndarray | StoredRows | None:
        """V in these rows, (n, columns) of bool; None where V is all of them."""
        if self.inside is None or len(self) == len(self.inside):
            return self.inside
        return self.inside[self.indices]

    def measured(self, image: Rows, margin: int, row_means: Callable[..., np.ndarray]) -> np.ndarray:
        """What ``row_means`` gives for the sampled rows of ``image`` (H, W), (n, ...), band by band.

        It takes an image, and as ``inside`` its V, to means over the rows of V, (rows, ...); the rectangle of V is
        ``margin`` px from every border, and each band is cut out with as many rows around it.
        """
        found = []
        for first, stop in self.bands:
            inside = None if self.inside is None else self.inside[first:stop]
            found.append(row_means(image[first : stop + 2 * margin], inside=inside))
        return np.concatenate(found)

    def mean(self, values: np.ndarray, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The mean over pixels of row means ``values`` (n, ...), of all rows or of those ``chosen``, (n,) of bool."""
        if self.pixels is None:
            return values[chosen].mean(0)
        weights = self.pixels[chosen]
        return np.average(values[chosen], 0, weights) if weights.any() else np.zeros(values.shape[1:])

    def share(self, chosen: np.ndarray) -> float:
        """The share of the rows' pixels that is in those ``chosen``, (n,) of bool."""
        return float(chosen.mean() if self.pixels is None else self.pixels[chosen].sum() / self.pixels.sum())

    def errors(self, values: np.ndarray) -> np.ndarray:
        """The sampling error of the mean of ``values`` (n, ...) over the sampled rows: (k - 1, ...) for k bands.

        The squares of these, of any linear combination too, add up to its estimated variance; none where all bands are
        measured. With residuals e_b = n_b (m_b - m) k / n, where n_b is the number of rows (of pixels, where rows have
        different numbers) and m_b the mean of band b, it is (1 - k / B) / k times the mean over neighbors of
        (e_b+1 - e_b)^2 / 2 (successive differences; Wolter, Introduction to Variance Estimation, 2007, section 8.2). Of
        bands without an order that is its expectation, and less than it where near bands are alike or the image has a
        trend: the strips then differ more than their bands.
        """
        count = len(self.bands)
        if count == self.candidates:
            return np.zeros((0, *values.shape[1:]))
        sizes = np.array([stop - first for first, stop in self.bands])
        residuals, total = values - self.mean(values), len(values)
        if self.pixels is not None:
            residuals, total = (residuals.T * self.pixels).T, self.pixels.sum()
        sums = np.add.reduceat(residuals, np.cumsum(sizes) - sizes)
        share = (1 - count / self.candidates) / (2 * count * (count - 1))
        return sqrt(share) * np.diff(sums, axis=0) * count / total


def row_sample(
    shape: tuple[int, int], settings: AuditSettings, image: str, inside: np.ndarray | StoredRows | None = None
) -> RowSample:
    """The rows to measure of ``image``, of ``shape`` (H, W): about ``settings.pixels`` pixels of V, or all.

    V is divided into k equal strips of g bands, and one band of each is drawn by the run's seed and the image's name,
    so that every pixel is as likely to be measured as another. No more than half of V is measured, or all of it.
    ``inside`` is V in its rectangle, None where V is all of it; strips and bands then have equally many pixels.
    """
    rows, columns = (side - 2 * settings.margin for side in shape)
    above = np.arange(rows + 1) * columns  # pixels of V above each row
    if inside is not None:
        above = np.append(0, np.cumsum(row_counts(inside)))
    wanted = rows if settings.pixels is None else min(settings.pixels / (above[-1] / rows), rows)
    strips = max(FEWEST, ceil(wanted / BAND))
    choices = min(round(rows / wanted), rows // strips)  # g
    if choices < 2:
        return RowSample(((0, rows),), 1, inside)
    ends = np.searchsorted(above * strips * choices, np.arange(strips * choices + 1) * above[-1], side="right") - 1
    if not np.diff(ends).all():  # a single row holds more than a band may
        return RowSample(((0, rows),), 1, inside)
    digest = hashlib.sha256(f"{settings.seed} rows {image}".encode()).digest()
    drawn = np.random.default_rng(int.from_bytes(digest)).integers(choices, size=strips)
    chosen = np.arange(strips) * choices + drawn
    return RowSample(tuple((int(ends[b]), int(ends[b + 1])) for b in chosen), strips * choices, inside)


def stacked_errors(scales: Sequence[np.ndarray]) -> np.ndarray:
    """``errors`` of every scale, (k - 1, ...) each, as one array (S, K, ...): zeros are added where bands are fewer."""
    most = max(map(len, scales))
    return np.stack([np.concatenate([part, np.zeros((most - len(part), *part.shape[1:]))]) for part in scales])
