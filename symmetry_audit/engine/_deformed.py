"""Responses to deformed kernels: by small stencils after a blur where that is compiled and true, else by transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from threading import Lock

import numpy as np

from symmetry_audit.engine._compiled import direct_rows, instruction_sets
from symmetry_audit.engine._window import Rows
from symmetry_audit.kernels import LEAST_RADIUS, DirectDesign, direct_design

__all__ = ["DeformedEngine"]

ERROR = 1e-5  # relative, of a mean absolute response
MOST_TAPS = {"avx512": 8, "avx2": 7, "plain": 4}  # on each side: with more, transforms are faster
RATIOS = (1.03, 1.06, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4)  # up to which one design serves


class DeformedEngine:
    """Mean responses to kernels under deformations of any ratio, for one set of stencils and one kernel model.

    ``sample`` gives kernels (m, k, k) deformed by a ratio, for which a design is made when a ratio first needs it;
    ``support`` (px) is the radius of the undeformed kernels, ``sigma`` (px) the width of their Gaussian, None for other
    models.
    """

    def __init__(
        self,
        sample: Callable[[float], np.ndarray],
        sigma: float | None,
        support: float,
        margin: int,
        device: str = "cpu",
    ) -> None:
        self._sample, self._sigma, self._support = sample, sigma, support
        self._margin, self._device = margin, device
        self._designs: dict[float, DirectDesign | None] = {}
        self._lock = Lock()

    def row_means(
        self,
        image: Rows,
        parts: Sequence[tuple[np.ndarray, float]],
        kind: str = "abs",
        inside: Rows | None = None,
    ) -> list[np.ndarray]:
        """Means of responses of a ``kind`` (SPEC 3) over each row of V, (rows of V, m) float64 per part.

        ``image`` is (H, W); each of ``parts`` has kernels (m, k, k) and the ratio by which they are deformed at most. V
        is as in ``StrictEngine.row_means``, with the engine's own margin.
        """
        together: dict[float | None, list[int]] = {}
        for place, (_, ratio) in enumerate(parts):
            together.setdefault(self._bucket(ratio), []).append(place)
        found: dict[int, np.ndarray] = {}
        for bucket, places in together.items():
            kernels = [parts[place][0] for place in places]
            rows = self._rows(image, np.concatenate(kernels), bucket, kind, inside)
            ends = np.cumsum([len(part) for part in kernels])[:-1]
            found |= zip(places, np.split(rows, ends, axis=1), strict=True)
        return [found[place] for place in range(len(parts))]

    def _rows(
        self, image: Rows, kernels: np.ndarray, bucket: float | None, kind: str, inside: Rows | None
    ) -> np.ndarray:
        if bucket is not None and (design := self._design(bucket)):
            return direct_rows(image, design.plan(kernels), self._margin, kind, inside)
        from symmetry_audit.engine._spectral import kernel_rows

        return kernel_rows(image, kernels, self._margin, kind, self._device, inside=inside)

    def _bucket(self, ratio: float) -> float | None:
        """The ratio whose design serves ``ratio``; None where transforms do."""
        if self._device != "cpu" or self._sigma is None or not instruction_sets():
            return None
        return next((most for most in RATIOS if ratio <= most), None)

    def _design(self, bucket: float) -> DirectDesign | None:
        radius, taps = max(ceil(bucket * self._support - 1e-9), LEAST_RADIUS), MOST_TAPS[instruction_sets()[0]]
        if self._sigma is None or radius > self._margin:
            return None
        with self._lock:
            if bucket not in self._designs:
                self._designs[bucket] = direct_design(self._sample(bucket), self._sigma, radius, ERROR, taps)
            return self._designs[bucket]
