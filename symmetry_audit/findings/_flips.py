"""The responses that flips and half turns change, over all images: the answers to "may I flip?" (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from symmetry_audit.audit import DIRECTIONS, FLIP_KIND, FLIP_REGULARIZER
from symmetry_audit.findings._sums import Sum
from symmetry_audit.groups import Group
from symmetry_audit.results import Answer
from symmetry_audit.statistics import (
    FEWEST_IMAGES,
    UNITS,
    BootstrapMeans,
    InvarianceDraws,
    Member,
    UnitSums,
    images_to_show,
    null_level,
    p_value,
    percentile_interval,
    relative_error,
)
from symmetry_audit.theory import FlipValue, flip_answer

__all__ = ["FlipTotals", "exchanged"]

PAIR = Group(1, mirrored=True)  # the identity and the transformation
DRAWS = 9999  # of the test: p-values down to 0.0001, multiplied by up to four
# where each transformation takes the direction of index t, at t times 45 degrees counter-clockwise
TAKES = {
    "flip left-right": lambda t: (DIRECTIONS.order // 2 - t) % DIRECTIONS.order,
    "flip upside down": lambda t: -t % DIRECTIONS.order,
    "half turn": lambda t: (t + DIRECTIONS.order // 2) % DIRECTIONS.order,
}


def exchanged(transformation: str) -> np.ndarray:
    """The pairs (C, 2) of directions that it exchanges, by index.

    >>> exchanged("flip upside down").tolist()
    [[1, 7], [2, 6], [3, 5]]
    """
    directions = np.arange(DIRECTIONS.order)
    pairs = np.stack([directions, TAKES[transformation](directions)], axis=1)
    return pairs[pairs[:, 0] < pairs[:, 1]]


class FlipTotals:
    """Accumulators over the images; ``add`` takes them in order. The bootstrap draws clusters or images, the test
    shifts images; above ``limit`` of them, random groups (UnitSums)."""

    def __init__(self, seed: int, *, limit: int | None = UNITS) -> None:
        self.images = 0
        self._seed = seed
        self._total = Sum()
        self._drawn, self._shifted = UnitSums(limit), UnitSums(limit, single=True)

    def add(self, profile: np.ndarray, member: Member) -> None:
        """Add the responses of one image to ``flip_kernels``, (8,)."""
        self.images += 1
        self._total.add(profile[None])
        self._drawn.add({"profile": profile}, member)
        self._shifted.add({"profile": profile}, member)

    @cached_property
    def draws(self) -> dict[str, InvarianceDraws]:
        """The shifted means of the pairs that each transformation exchanges; empty for fewer than FEWEST_IMAGES."""
        if self.images < FEWEST_IMAGES:
            return {}
        found = {name: InvarianceDraws(PAIR, len(self._shifted), draws=DRAWS, seed=self._seed) for name in TAKES}
        for profile, images in self._shifted.rows("profile"):
            for name, draws in found.items():
                draws.add(profile[exchanged(name)], images)
        return found

    @cached_property
    def _resamples(self) -> np.ndarray | None:
        """Mean responses of the resamples, (resamples, 8); None for a single unit."""
        if len(self._drawn) < 2:
            return None
        bootstrap = BootstrapMeans(len(self._drawn), seed=self._seed)
        self._drawn.feed("profile", bootstrap)
        return bootstrap.means()

    def answers(self, tolerance: float) -> tuple[Answer, ...]:
        """Those about both flips and the half turn; none where no image was added."""
        return tuple(self._answer(name, tolerance) for name in TAKES) if self.images else ()

    def _answer(self, name: str, tolerance: float) -> Answer:
        return flip_answer(
            name,
            list(self._values(name)),
            images=self.images,
            needed=images_to_show(self.draws[name].means(), self.images, tolerance=tolerance) if self.draws else None,
            tolerance=tolerance,
            regularizer=FLIP_REGULARIZER,
            response=FLIP_KIND,
        )

    def _values(self, name: str) -> Iterator[FlipValue]:
        """What each pair of directions says; nothing where the images are flat along one of them."""
        pairs = exchanged(name)
        mean = self._total.mean()[pairs]
        if not mean.any(-1).all():
            return
        relative = relative_error(mean)
        resampled = None if self._resamples is None else np.nan_to_num(relative_error(self._resamples[:, pairs]))
        shifted = relative_error(self.draws[name].means()) if self.draws else None
        for at in range(len(pairs)):
            low, high = (None, None) if resampled is None else map(float, percentile_interval(resampled[:, at]))
            yield FlipValue(
                relative_epsilon=float(relative[at]),
                ci_low=low,
                ci_high=high,
                null_epsilon=None if shifted is None else float(null_level(shifted[:, at])),
                p_value=None if shifted is None else float(p_value(relative[at], shifted[:, at])),
            )
