"""The epsilon that fitting alone leaves, of as many isotropic fields as images, from fewer fields (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["NullFields"]

STREAM = 5  # this accumulator's own random stream beside those of the others
DRAWS = 256  # of the mean profile, for its expected epsilon
RESAMPLES = 100  # of the fields, for the standard error

Measure = Callable[[np.ndarray], np.ndarray]  # mean profiles (..., T) -> their epsilon (...)


class NullFields:
    """Mean and covariance of the profiles of n fields, and the epsilon expected of N >= n fields of their law.

    The deviation of a mean profile from its level has a part that is the same for any number of fields and one that
    is chance, whose square falls as 1 / n. The second is known from the covariance C: tr(C) / n. So the first is the
    mean profile's own deviation, shrunk until its square is less by that; where chance explains all, it is 0. The
    epsilon of N fields is the mean over Gaussian draws of the mean profile: that deviation plus noise of C / N. For
    N = n it is simply that of the fields' own mean profile.
    """

    def __init__(self, seed: int) -> None:
        self.count = 0
        self._seed = seed
        self._first: np.ndarray = np.zeros(())
        self._sum = np.zeros(())
        self._products = np.zeros(())

    def add(self, profiles: np.ndarray) -> None:
        """Add the profiles (..., T) of one field."""
        if not self.count:
            self._first = profiles
        self.count += 1
        change = profiles - self._first  # keeps the digits of a small variance
        self._sum = self._sum + change
        self._products = self._products + change[..., :, None] * change[..., None, :]

    def mean(self) -> np.ndarray:
        """Mean profiles of the fields, (..., T)."""
        return self._first + self._sum / self.count

    def covariance(self) -> np.ndarray:
        """Of one field's profile, (..., T, T); of two fields or more."""
        center = self._sum / self.count
        return (self._products - self.count * center[..., :, None] * center[..., None, :]) / (self.count - 1)

    def level(
        self, measure: Measure, images: int, elements: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The epsilon expected of ``images`` fields and its standard error, each (...).

        ``measure`` takes mean profiles over ``elements``, all by default. The standard error is that of a parametric
        bootstrap over the fields. It is None for a single field, whose epsilon NaN stands for where ``images`` is
        larger.
        """
        chosen = np.arange(self._first.shape[-1]) if elements is None else elements
        mean = self.mean()[..., chosen]
        if self.count == 1:
            return measure(mean) if images == 1 else np.full(mean.shape[:-1], np.nan), None
        covariance = self.covariance()[..., chosen[:, None], chosen]
        rng = np.random.default_rng([self._seed, STREAM])
        drawn, resampled = (rng.standard_normal((count, len(chosen))) for count in (DRAWS, RESAMPLES))
        flat = zip(mean.reshape(-1, len(chosen)), covariance.reshape(-1, *covariance.shape[-2:]), strict=True)
        found = np.array([self._cell(*each, measure, images, drawn, resampled) for each in flat])
        value, error = np.moveaxis(found.reshape(*mean.shape[:-1], 2), -1, 0)
        return value, error

    def _cell(
        self,
        mean: np.ndarray,
        covariance: np.ndarray,
        measure: Measure,
        images: int,
        drawn: np.ndarray,
        resampled: np.ndarray,
    ) -> tuple[float, float]:
        values, axes = np.linalg.eigh(covariance)
        root = (axes * np.sqrt(np.maximum(values, 0))).T  # standard normal rows times root have this covariance
        others = mean + resampled @ root / np.sqrt(self.count)
        if images == self.count:
            return float(measure(mean)), float(measure(others).std())
        chance = (np.trace(covariance) - covariance.mean(0).sum()) / self.count  # of the deviation from the level
        noise = drawn @ root / np.sqrt(images)

        def expected(profile: np.ndarray, excess: float) -> float:
            """Mean epsilon under a deviation whose square is less by ``excess``."""
            level = profile.mean()
            square = float(np.square(profile - level).sum())
            share = np.sqrt(max(1 - excess / square, 0)) if square > 0 else 0.0
            return float(measure(level + share * (profile - level) + noise).mean())

        # a resample varies about a mean profile that varies itself: twice the chance
        return expected(mean, chance), float(np.std([expected(other, 2 * chance) for other in others]))
