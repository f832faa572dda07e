"""All tables of a run in one pass: the sums, resamples and draws behind every number of the report (SPEC 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from symmetry_audit.audit import AuditSettings, FitTables, ImageTables
from symmetry_audit.findings._controls import ControlTotals
from symmetry_audit.findings._flips import FlipTotals
from symmetry_audit.findings._sums import Sum
from symmetry_audit.groups import IDENTITY, Affine, Group
from symmetry_audit.results import folder_of
from symmetry_audit.statistics import (
    FEWEST_IMAGES,
    BootstrapMeans,
    CommonDirection,
    InvarianceDraws,
    ProfileAccumulator,
    SubsetCurve,
)

__all__ = ["FEWEST_IMAGES", "PROFILES", "Totals", "empty_totals"]

PROFILES = ("strict", "adaptive")  # of whole images: the rows are made from these
BIN = 0.15  # of (a, b), for the floor of adaptive rows
BODY_BIN = 0.01  # of a known a, for the floor of strict rows


@dataclass
class Totals:
    """Accumulators over the images of one run; ``add`` takes them in order. ``units`` counts what the bootstrap draws.

    ``bootstrap`` resamples the profiles named in ``resampled`` side by side, and the single images' epsilons and
    spreads (max - min); ``draws`` shifts the strict profiles by random elements of each subgroup. ``flips`` holds what
    flips and half turns change, ``directions`` compares the directions of the strict profiles. ``controls`` is None
    where no image is controlled.
    """

    settings: AuditSettings
    strict: ProfileAccumulator
    bootstrap: BootstrapMeans
    curve: SubsetCurve
    directions: CommonDirection
    draws: dict[Group, InvarianceDraws]
    units: int
    flips: FlipTotals
    controls: ControlTotals | None = None
    means: dict[str, Sum] = field(default_factory=dict)
    within_limit: dict[str, Sum] = field(default_factory=dict)
    folders: dict[str, dict[str, Sum]] = field(default_factory=dict)
    at_limit: np.ndarray = field(default_factory=lambda: np.zeros((), int))
    failed: np.ndarray = field(default_factory=lambda: np.zeros((), int))
    contrast: np.ndarray = field(default_factory=lambda: np.zeros(()))
    spectrum: np.ndarray = field(default_factory=lambda: np.zeros(()))
    normalized_adaptive: ProfileAccumulator = field(default_factory=ProfileAccumulator)
    deformations: list[np.ndarray] = field(default_factory=list)
    limits: list[np.ndarray] = field(default_factory=list)
    resampled: tuple[str, ...] = ()
    bodies: Counter[Affine] = field(default_factory=Counter)

    def add(self, image: str, tables: ImageTables, spectrum: np.ndarray, body: Affine = IDENTITY) -> None:
        """Add one image, whose strict group is deformed by ``body``."""
        profiles = tables.profiles
        self.bodies[body] += 1
        self.strict.add(profiles["strict"])
        self.resampled = tuple(name for name in PROFILES if name in profiles)
        for name in self.resampled:
            self.means.setdefault(name, Sum()).add(profiles[name])
            self.folders.setdefault(folder_of(image), {}).setdefault(name, Sum()).add(profiles[name])
        self.spectrum = self.spectrum + spectrum
        stack = np.stack([profiles[name] for name in self.resampled])
        single = self.strict.epsilons[-1], np.ptp(profiles["strict"], axis=-1)
        self.bootstrap.add(np.concatenate([stack.ravel(), *(values.ravel() for values in single)]))
        self.curve.add(stack)
        self.directions.add(profiles["strict"])
        for draw in self.draws.values():
            draw.add(profiles["strict"])
        self._add_mirror_contrast(profiles["strict"])
        if tables.flips is not None:
            self.flips.add(tables.flips)
        if tables.adaptive is not None:
            self._add_fits(profiles, tables.adaptive)
        if self.controls is not None:
            self.controls.add(tables)

    def _add_mirror_contrast(self, strict: np.ndarray) -> None:
        """How much single images differ from their mirror image, in their mean response, (S, R)."""
        mirror = strict[..., self.settings.group.rotations % self.settings.group.order]
        gap, mean = np.abs(mirror - strict[..., 0]), strict.mean(-1)
        self.contrast = self.contrast + np.divide(gap, mean, out=np.zeros_like(gap), where=mean > 0)

    def _add_fits(self, profiles: Mapping[str, np.ndarray], tables: FitTables) -> None:
        inside = ~tables.at_limit
        for name in PROFILES:
            self.within_limit.setdefault(name, Sum()).add(profiles[name], inside)
        self.normalized_adaptive.add(profiles["adaptive"])
        self.at_limit = self.at_limit + (tables.fits[..., 4] == 1)
        self.failed = self.failed + np.isnan(tables.fits[..., 0])
        self.deformations.append(tables.fits[..., :2].copy())
        self.limits.append(tables.at_limit)

    @property
    def images(self) -> int:
        """Images added so far."""
        return self.strict.count

    def mean(self, name: str) -> np.ndarray:
        """Mean profile over the images, (S, R, T)."""
        return self.means[name].mean()

    def resamples(self, name: str) -> np.ndarray:
        """Mean profiles of the bootstrap resamples, (resamples, S, R, T)."""
        shape = self.mean(name).shape
        place, size = self.resampled.index(name), int(np.prod(shape))
        return self._resamples()[:, place * size : (place + 1) * size].reshape(-1, *shape)

    def resampled_epsilons(self) -> np.ndarray:
        """Mean single-image epsilons of the bootstrap resamples, (resamples, S, R)."""
        return self._resampled_single()[:, 0]

    def resampled_spreads(self) -> np.ndarray:
        """Mean of single images' max - min over the group in the bootstrap resamples, (resamples, S, R)."""
        return self._resampled_single()[:, 1]

    def _resampled_single(self) -> np.ndarray:
        shape = (2, *self.strict.epsilons[0].shape)
        return self._resamples()[:, -int(np.prod(shape)) :].reshape(-1, *shape)

    def _resamples(self) -> np.ndarray:
        return self.bootstrap.means()

    def limited(self, scale: int, regularizer: int) -> np.ndarray:
        """Which images are at the largest ratio under this regularizer's w, (N,) of bool."""
        return np.array([limit[scale, regularizer] for limit in self.limits])

    def binned_bodies(self) -> Counter[Affine]:
        """How many images have a strict group deformed by about this."""
        binned = Counter[Affine]()
        for body, count in self.bodies.items():
            binned[Affine(round(body.a / BODY_BIN) * BODY_BIN, body.b)] += count
        return binned

    def binned_deformations(self, scale: int, source: int) -> Counter[tuple[float, float]]:
        """How often w fell into each bin of (a, b), by the bin's center; images without a fit count as identity."""
        points = np.nan_to_num(np.stack(self.deformations)[:, scale, source])
        return Counter(map(tuple, (np.round(points / BIN) * BIN).tolist()))


def empty_totals(
    settings: AuditSettings,
    names: Sequence[str],
    labels: Sequence[Hashable] | None,
    controlled: Collection[str] = (),
) -> Totals:
    """Empty accumulators for a run of the images ``names``, of which some are ``controlled``; ``labels`` are the
    clusters that they belong to, None where each is its own."""
    group, seed, images = settings.group, abs(settings.seed), len(names)
    draws = {}
    if images >= FEWEST_IMAGES:
        for subgroup in group.subgroups():
            if subgroup.order > 1:
                draws[subgroup] = InvarianceDraws(group, images, elements=group.indices_of(subgroup), seed=seed)
    units = images if labels is None else len(set(labels))
    controls = None
    if controlled:
        controls = ControlTotals(group, [name in controlled for name in names], seed=seed, clusters=labels)
    return Totals(
        settings=settings,
        strict=ProfileAccumulator(),
        bootstrap=BootstrapMeans(images, seed=seed, clusters=labels),
        curve=SubsetCurve(images, seed=seed),
        directions=CommonDirection(group, images, seed=seed, clusters=labels),
        draws=draws,
        units=units,
        flips=FlipTotals.empty(images, units, labels, seed),
        controls=controls,
    )
