"""Control experiments, measured on some of the images, as statements about all of them (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from symmetry_audit.audit import FitTables, ImageTables
from symmetry_audit.findings._sums import Sum
from symmetry_audit.groups import Group
from symmetry_audit.statistics import (
    FEWEST_IMAGES,
    UNITS,
    BootstrapMeans,
    InvarianceDraws,
    Member,
    NullFields,
    UnitSums,
)

__all__ = ["ControlTotals"]

Measure = Callable[[np.ndarray], np.ndarray]  # mean profiles (..., T) -> their epsilon (...)
BASES = {"random": "strict", "held_out": "strict_held_out"}  # known for all images, and like the control
BETWEEN_FITS = ("transfer", "scales")
ERROR_RESAMPLES = 200  # for standard errors alone
REST = 1  # added to the seed of the resamples of images without controls


class ControlTotals:
    """Sums over the images of a run, of which some were measured with controls. ``add`` takes all in their order.

    Means are difference estimates of survey sampling: the mean over all images of a profile like the control's, plus
    the mean over the controlled ones of what the control differs by. So they describe all images; with controls on all
    of them they are plain means. Standard errors are those of a bootstrap over the controlled images, or over the
    clusters that they belong to; above ``limit`` of them, over random groups (UnitSums).
    """

    def __init__(self, group: Group, *, seed: int, limit: int | None = UNITS) -> None:
        self.images, self.count = 0, 0  # of the run, and those with controls
        self.null = NullFields(seed)
        self._group, self._seed = group, seed
        self._bases: dict[str, Sum] = {}
        self._differences: dict[str, Sum] = {}
        self._adaptive = Sum()  # of the controlled images
        self._held_out = Sum()
        self._controlled, self._rest = UnitSums(limit), UnitSums(limit)
        self._shifted = UnitSums(limit, single=True)
        self._names: tuple[str, ...] = ()
        self._shapes: dict[str, tuple[int, ...]] = {}

    @property
    def units(self) -> int:
        """What the bootstrap draws among the controlled images, in number."""
        return len(self._controlled)

    def add(self, tables: ImageTables, member: Member) -> None:
        """Add one image, controlled or not."""
        self.images += 1
        profiles, fits = tables.profiles, tables.adaptive
        assert fits is not None
        for name in (*BASES.values(), "adaptive"):
            self._bases.setdefault(name, Sum()).add(profiles[name][None])
        self._bases.setdefault("transfer", Sum()).add_known(fits.transfer[None])
        if "random" in profiles:
            self._add_controlled(profiles, fits, member)
        else:
            self._rest.add({"strict_held_out": profiles["strict_held_out"]}, member)

    def _add_controlled(self, profiles: dict[str, np.ndarray], fits: FitTables, member: Member) -> None:
        self.count += 1
        self._adaptive.add(profiles["adaptive"][None])
        self._names = tuple(name for name in BASES if name in profiles)
        found = {name: profiles[name] - profiles[BASES[name]] for name in self._names}
        between = {"transfer": fits.transfer - profiles["adaptive"][:, None]}
        if fits.scales is not None:
            between["scales"] = fits.scales - profiles["adaptive"]
        for name, difference in {**found, **between}.items():
            self._differences.setdefault(name, Sum()).add(difference[None])
            self._shapes[name] = difference.shape
        table = {
            "controlled": np.stack([*found.values(), profiles["strict_held_out"]]),
            "between": np.concatenate([difference.ravel() for difference in between.values()]),
        }
        self._controlled.add(table, member)
        if "null" in profiles:
            self.null.add(profiles["null"])
        if "held_out" in profiles:
            self._held_out.add(profiles["held_out"][None])
            self._shifted.add({"held_out": profiles["held_out"]}, member)

    def measured(self, name: str) -> bool:
        """Whether the images have this control: ``random``, ``held_out``, ``null``, ``transfer`` or ``scales``."""
        return bool(self.null.count) if name == "null" else name in self._differences

    def base(self, name: str) -> np.ndarray:
        """The mean profile, over all images, that a control is compared with."""
        if name not in BETWEEN_FITS:
            return self._bases[BASES[name]].mean()
        adaptive = self._bases["adaptive"].mean()
        return adaptive[:, None] if name == "transfer" else adaptive

    def mean(self, name: str) -> np.ndarray:
        """The mean profile of a control over all images: (S, R, T), transfer (S, F, R, T), scales (S, S, R, T)."""
        found = self.base(name) + self._differences[name].mean()
        if name != "transfer":
            return found
        known = self._bases["transfer"]
        return np.where((known.count == self.images)[..., None], known.mean(), found)

    def standard_error(self, name: str, measure: Measure) -> np.ndarray:
        """Of ``measure`` of ``mean(name)``, without its last axis: what another choice of the controlled images would
        change. NaN for a single one, and for profiles that are known of all images, which have no such error."""
        if self.units < 2:
            return np.full(self._shapes[name][:-1], np.nan)
        error = measure(self.base(name) + self._resampled(name)).std(0)
        if name == "transfer":
            error = np.where(self._bases["transfer"].count == self.images, np.nan, error)
        return error

    def _resampled(self, name: str) -> np.ndarray:
        """Mean differences of resamples of the controlled images, (resamples, ...)."""
        if name in self._names:
            return self._controlled_resamples[:, self._names.index(name)]
        first = 0 if name == BETWEEN_FITS[0] else int(np.prod(self._shapes[BETWEEN_FITS[0]]))
        shape = self._shapes[name]
        return self._between_resamples[:, first : first + int(np.prod(shape))].reshape(-1, *shape)

    @cached_property
    def _controlled_resamples(self) -> np.ndarray:
        return self._resampled_table(self._controlled, "controlled", self._seed)

    @cached_property
    def _between_resamples(self) -> np.ndarray:
        return self._resampled_table(self._controlled, "between", self._seed, ERROR_RESAMPLES)

    @cached_property
    def _rest_resamples(self) -> np.ndarray:
        return self._resampled_table(self._rest, "strict_held_out", self._seed + REST)

    @staticmethod
    def _resampled_table(sums: UnitSums, name: str, seed: int, resamples: int = 1000) -> np.ndarray:
        bootstrap = BootstrapMeans(len(sums), resamples=resamples, seed=seed)
        sums.feed(name, bootstrap)
        return bootstrap.means()

    def held_out_resamples(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean strict and adaptive profiles of held-out halves, each (resamples, S, R, T), paired.

        A resample draws as many controlled images as there are, and as many others: the strict profiles are those of
        both, the adaptive ones differ from them by what the controlled ones tell.
        """
        differences, strict = self._resampled("held_out"), self._controlled_resamples[:, -1]
        if self.count < self.images:
            share = self.count / self.images
            strict = share * strict + (1 - share) * self._rest_resamples
        return strict, strict + differences

    def null_level(self, measure: Measure, elements: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """The epsilon expected of as many fitted isotropic fields as there are images, and its standard error."""
        return self.null.level(measure, self.images, elements)

    def loudness(self) -> np.ndarray:
        """The mean adaptive response of all images over that of the controlled ones, (S, R)."""
        if self.count == self.images:
            return np.ones(self._adaptive.mean().shape[:-1])
        whole, part = (total.mean().mean(-1) for total in (self._bases["adaptive"], self._adaptive))
        return np.divide(whole, part, out=np.ones_like(whole), where=part > 0)

    def held_out_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean held-out profiles of the controlled images alone, (S, R, T), and those of random shifts of theirs,
        (draws, S, R, T); None for fewer than FEWEST_IMAGES and for the trivial group."""
        if self.count < FEWEST_IMAGES or self._group.order == 1:
            return None
        draws = InvarianceDraws(self._group, len(self._shifted), seed=self._seed)
        self._shifted.feed("held_out", draws)
        return self._held_out.mean(), draws.means()
