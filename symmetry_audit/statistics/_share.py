"""The common-direction share (SPEC 8): how much of the images' own anisotropy points the same way, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Any

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.statistics._blocks import added
from symmetry_audit.statistics._bootstrap import BootstrapMeans
from symmetry_audit.statistics._units import UNITS, Member, UnitSums

__all__ = ["HARMONICS", "CommonDirection", "DirectionShares", "directions", "visible_part"]

HARMONICS = (2, 4)  # of the angle: an axis, and a cross of two axes
ROUNDING = 1e-9  # an amplitude below it is a sum that should be 0


def visible_part(harmonic: int, rotations: int) -> str:
    """What T ``rotations`` see of an even ``harmonic`` m: "full", "cosine" or "none".

    At the angles 2 pi t / T, harmonics that differ by a multiple of T look the same. "none": m looks like a lower even
    one, the constant 0 included. "cosine": T = 2m, where sin(m theta_t) = 0; only the contrast between the angles
    pi k / m of even and of odd k is left, for m = 2 that of {0, 180} against {90, 270} degrees.
    """
    lower = (sign * other for other in range(0, harmonic, 2) for sign in (1, -1))
    if any((harmonic - other) % rotations == 0 for other in lower):
        return "none"
    return "cosine" if 2 * harmonic == rotations else "full"


def directions(profiles: np.ndarray, rotations: int) -> np.ndarray:
    """The complex z (..., H) of profiles (..., E), for each of HARMONICS; the ``rotations`` T come first in a profile.

    z = 2 sum_t f_t exp(i m theta_t) / sum_t f_t, so that f is nearly mean (1 + |z| cos(m theta - arg z)); without the
    2 where only the cosine is seen, so that |z| is the relative amplitude for every T. 0 where no part is seen, NaN
    where nothing responds.
    """
    turns = np.asarray(profiles)[..., :rotations]
    total = turns.sum(-1)
    sums = np.stack([turns @ weight for weight in _weights(rotations)], axis=-1)
    found = np.full(sums.shape, np.nan, dtype=complex)
    return np.divide(sums, total[..., None], out=found, where=total[..., None] > 0)


@cache
def _weights(rotations: int) -> tuple[np.ndarray, ...]:
    """exp(i m theta_t) (T,) of every harmonic, with its factor."""
    waves = []
    for harmonic in HARMONICS:
        part = visible_part(harmonic, rotations)
        wave = np.exp(2j * np.pi * harmonic * np.arange(rotations) / rotations)
        waves.append({"full": 2 * wave, "cosine": np.real(wave) + 0j, "none": 0 * wave}[part])
    return tuple(waves)


@dataclass(frozen=True)
class DirectionShares:
    """What the images have in common, arrays (..., H) over HARMONICS; NaN where it is undefined.

    ``share`` is R^2, 0 where directions differ from image to image (below 0 by chance) and 1 where all images have the
    same anisotropy; ``low`` and ``high`` its 95 % interval, within [0, 1]. ``mean`` is the complex mean of z and
    ``covariance`` (..., H, 2, 2) the covariance of that mean; ``amplitude`` = |mean z| and ``single`` =
    sqrt(mean |z|^2) are relative amplitudes, 0 to 2, of the set and of single images. ``images`` counts those that
    respond.
    """

    group: Group
    units: int
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    amplitude: np.ndarray
    single: np.ndarray
    images: np.ndarray

    def rows(self, at: tuple[int, ...]) -> list[dict[str, Any]]:
        """JSON-ready: one dict for each harmonic, of the cell ``at``; None with a ``reason`` where undefined.

        ``direction_deg`` is the angle of the transformation whose mean response is highest, in [0, 360 / m).
        """
        return [self._row(harmonic, (*at, place)) for place, harmonic in enumerate(HARMONICS)]

    def _row(self, harmonic: int, at: tuple[int, ...]) -> dict[str, Any]:
        part, reason = visible_part(harmonic, self.group.rotations), self._reason(harmonic, at)
        values = {"share": self.share, "ci_low": self.low, "ci_high": self.high}
        fields = {name: _number(array[at]) for name, array in values.items()}
        seen = part != "none" and self.images[at] > 0
        direction = np.degrees(np.angle(self.mean[at])) / harmonic % (360 / harmonic)
        return {
            "harmonic": harmonic,
            "part": part,
            **fields,
            "amplitude": float(self.amplitude[at]) if seen else None,
            "single_amplitude": float(self.single[at]) if seen else None,
            "direction_deg": float(direction) if seen and self.amplitude[at] > 0 else None,
            "images": int(self.images[at]),
            "reason": reason,
        }

    def _reason(self, harmonic: int, at: tuple[int, ...]) -> str | None:
        """Why the share, or its interval, is undefined."""
        if visible_part(harmonic, self.group.rotations) == "none":
            return f"{self.group} does not see it; p{4 * harmonic} does"
        if self.images[at] < 2:
            return "it needs two images that respond"
        if np.isnan(self.share[at]):
            return "every image responds alike in all directions"
        return "an interval needs more than one cluster" if np.isnan(self.low[at]) else None


class CommonDirection:
    """R^2 = (n |mean z|^2 / mean |z|^2 - 1) / (n - 1) over n images, from profiles in one pass and constant memory.

    It estimates |E z|^2 / E |z|^2 without bias of order 1 / n. Images without response are left out.

    For images in clusters, n is the number of independent images whose mean z would vary as much.

    The interval is a percentile bootstrap over images or their clusters, above ``limit`` of them over random groups
    (UnitSums). A resample repeats images, which raises the share
    by (1 - R^2) / n once more, so it is corrected twice. For few images percentiles are too narrow; theirs are taken
    at the levels Phi(-sqrt(N / (N - 1)) t) and 1 minus that, t the quantile of Student's distribution with N - 1
    degrees of freedom (Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 2015).
    """

    def __init__(
        self,
        group: Group,
        *,
        resamples: int = 1000,
        seed: int,
        limit: int | None = UNITS,
    ) -> None:
        self._group, self._resamples, self._seed = group, resamples, seed
        self._clustered = False
        self._sums = UnitSums(limit)
        self._total: np.ndarray = np.zeros(())

    def add(self, profiles: np.ndarray, member: Member) -> None:
        """Add the next image's profiles (..., E), E the order of the group. Raises SettingError for another shape."""
        self.add_all(np.asarray(profiles)[None], [member])

    def add_all(self, profiles: np.ndarray, members: Sequence[Member]) -> None:
        """Add the next n images, with profiles (n, ..., E)."""
        if profiles.shape[-1:] != (self._group.order,):
            raise SettingError(
                f"profiles of {self._group} need shape (..., {self._group.order}), got {profiles.shape[1:]}"
            )
        z = directions(profiles, self._group.rotations)
        responds, size = ~np.isnan(z), np.abs(z)
        z[~(size > ROUNDING)] = 0  # NaN too
        table = np.empty((*z.shape, 4))
        table[..., 0], table[..., 1], table[..., 3] = np.real(z), np.imag(z), responds
        np.square(np.abs(z), out=table[..., 2])
        self._total = added(self._total, table)
        for at, member in enumerate(members):
            self._clustered |= member.cluster is not None
            self._sums.add({"z": table[at]}, member)

    def found(self) -> DirectionShares:
        """The shares of all images. Raises SettingError where there is none."""
        bootstrap = BootstrapMeans(self._units, resamples=self._resamples, seed=self._seed)
        self._sums.feed("z", bootstrap)
        resampled = bootstrap.means()
        images = self._total[..., 3]
        mean, square = _means(self._total)
        means, squares = _means(resampled)
        covariance = _covariance(means)
        ratio = _ratio(mean, square)
        count = images if not self._clustered else self._independent(ratio, square, covariance)
        count = np.where(images < 2, np.nan, count)
        draws = _corrected(_corrected(_ratio(means, squares), count), count)
        low, high = self._interval(draws)
        return DirectionShares(
            group=self._group,
            units=self._units,
            share=_corrected(ratio, count),
            low=low,
            high=high,
            mean=mean,
            covariance=covariance,
            amplitude=np.abs(mean),
            single=np.sqrt(square),
            images=images.astype(int),
        )

    @property
    def _units(self) -> int:
        """What the bootstrap draws."""
        return len(self._sums)

    def _independent(self, ratio: np.ndarray, square: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        """n such that n independent images would have a mean of this ``covariance``; N for clusters of one."""
        spread = np.trace(covariance, axis1=-2, axis2=-1) * self._units / max(self._units - 1, 1)
        own = (1 - ratio) * square
        return np.maximum(1 + np.divide(own, spread, out=np.full_like(own, self._units), where=spread > 0), 2)

    def _interval(self, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Low and high ends (...) of ``draws`` (resamples, ...), within [0, 1]; NaN for a single unit."""
        from scipy.special import ndtr, stdtrit

        undefined = np.isnan(draws).all(0)
        if self._units < 2:
            unknown = np.full(undefined.shape, np.nan)
            return unknown, unknown
        tail = ndtr(-sqrt(self._units / (self._units - 1)) * stdtrit(self._units - 1, 0.975))
        low, high = np.nanquantile(np.where(undefined, 0, draws), [tail, 1 - tail], axis=0).clip(0, 1)
        return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def _means(tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean z and mean |z|^2 of sums or means (..., 4) over the images that respond; NaN where none does."""
    means = np.divide(
        tables[..., :3], tables[..., 3:], out=np.full_like(tables[..., :3], np.nan), where=tables[..., 3:] > 0
    )
    return means[..., 0] + 1j * means[..., 1], means[..., 2]


def _ratio(mean: np.ndarray, square: np.ndarray) -> np.ndarray:
    """|mean z|^2 / mean |z|^2; NaN where there is no direction."""
    return np.divide(np.square(np.abs(mean)), square, out=np.full_like(square, np.nan), where=square > 0)


def _corrected(ratio: np.ndarray, count: np.ndarray) -> np.ndarray:
    """``ratio`` without what ``count`` images of random directions have by chance."""
    return (count * ratio - 1) / (count - 1)


def _covariance(means: np.ndarray) -> np.ndarray:
    """Covariance (..., 2, 2) of the parts of complex ``means`` (resamples, ...), 0 where nothing was drawn."""
    parts = np.stack([np.real(means), np.imag(means)], axis=-1)
    drawn = ~np.isnan(parts)
    count = np.maximum(drawn.sum(0), 1)
    gaps = np.where(drawn, parts - np.where(drawn, parts, 0).sum(0) / count, 0)
    return np.einsum("b...i,b...j->...ij", gaps, gaps) / count[..., None]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
