"""All tables of a run in one pass: the sums, resamples and draws behind every number of the report (SPEC 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from symmetry_audit.audit import AuditSettings, FitTables, ImageTables
from symmetry_audit.findings._controls import ControlTotals
from symmetry_audit.findings._flips import FlipTotals
from symmetry_audit.findings._folders import FolderTotals
from symmetry_audit.findings._singles import Deformations, SingleEpsilons
from symmetry_audit.findings._subsets import Subsets
from symmetry_audit.findings._sums import Sum
from symmetry_audit.groups import IDENTITY, Affine, Group
from symmetry_audit.statistics import (
    FEWEST_IMAGES,
    UNITS,
    BootstrapMeans,
    CommonDirection,
    InvarianceDraws,
    Member,
    ProfileAccumulator,
    UnitSums,
)

__all__ = ["FEWEST_IMAGES", "PROFILES", "Totals"]

PROFILES = ("strict", "adaptive")  # of whole images: the rows are made from these
BODY_BIN = 0.01  # of a known a, for the floor of strict rows
BODIES = 4096  # distinct deformations of bodies; later ones are rounded to bins


class Totals:
    """Accumulators over the images of one run; ``add`` takes them in order, in memory that does not grow with them.

    The statistics resample ``units``: clusters or images, above ``limit`` of them random groups (UnitSums); None keeps
    all apart. ``resampled`` names the profiles that are resampled side by side, with the single images' epsilons and
    spreads (max - min); ``draws`` shifts the strict profiles by random elements of each subgroup. ``flips`` holds what
    flips and half turns change, ``directions`` compares the directions of the strict profiles. ``controls`` is None
    unless some images are ``controlled``.
    """

    def __init__(
        self,
        settings: AuditSettings,
        *,
        controlled: bool = False,
        limit: int | None = UNITS,
    ) -> None:
        seed = abs(settings.seed)
        self.settings, self.resampled = settings, tuple[str, ...]()
        self._seed, self.limit = seed, limit
        self._drawn = UnitSums(limit)
        self._shifted = self._drawn if settings.clusters == "image" else UnitSums(limit, single=True)
        self.strict, self.normalized_adaptive = ProfileAccumulator(), ProfileAccumulator()
        self.singles, self.deformations = SingleEpsilons(), Deformations()
        self.subsets = Subsets(self._shifted, seed)
        self.directions = CommonDirection(settings.group, seed=seed, limit=limit)
        self.flips = FlipTotals(seed, limit=limit)
        self.controls = ControlTotals(settings.group, seed=seed, limit=limit) if controlled else None
        self.folders = FolderTotals()
        self.means: dict[str, Sum] = {}
        self.within_limit: dict[str, Sum] = {}
        self.at_limit: np.ndarray = np.zeros((), int)
        self.failed: np.ndarray = np.zeros((), int)
        self.contrast: np.ndarray = np.zeros(())
        self.spectrum: np.ndarray = np.zeros(())
        self.bodies = Counter[Affine]()

    def add(
        self, image: str, tables: ImageTables, spectrum: np.ndarray, member: Member, body: Affine = IDENTITY
    ) -> None:
        """Add one image, drawn as ``member`` says, whose strict group is deformed by ``body``."""
        profiles = tables.profiles
        strict = profiles["strict"]
        self._add_body(body)
        epsilons, normalized = self.strict.add(strict)
        inside = None if tables.adaptive is None else ~tables.adaptive.at_limit
        self.singles.add(member.number, epsilons, normalized, inside)
        self.resampled = tuple(name for name in PROFILES if name in profiles)
        for name in self.resampled:
            self.means.setdefault(name, Sum()).add(profiles[name])
        self.folders.add(image, {name: profiles[name] for name in self.resampled})
        self.spectrum = self.spectrum + spectrum
        stack = strict[None] if len(self.resampled) == 1 else np.stack([profiles[name] for name in self.resampled])
        table = np.concatenate([stack.ravel(), epsilons.ravel(), np.ptp(strict, axis=-1).ravel()])
        if self._shifted is not self._drawn:
            self._shifted.add({"profiles": stack}, member)
            self._drawn.add({"resampled": table}, member)
        else:
            self._drawn.add({"profiles": stack, "resampled": table}, member)
        self.subsets.add(member.number, stack)
        self.directions.add(strict, member)
        self._add_mirror_contrast(strict)
        if tables.flips is not None:
            self.flips.add(tables.flips, member)
        if tables.adaptive is not None:
            self._add_fits(profiles, tables.adaptive, member)
        if self.controls is not None:
            self.controls.add(tables, member)

    def _add_body(self, body: Affine) -> None:
        if body not in self.bodies and len(self.bodies) >= BODIES:
            body = _binned(body)
        self.bodies[body] += 1

    def _add_mirror_contrast(self, strict: np.ndarray) -> None:
        """How much single images differ from their mirror image, in their mean response, (S, R)."""
        mirror = strict[..., self.settings.group.rotations % self.settings.group.order]
        gap, mean = np.abs(mirror - strict[..., 0]), strict.mean(-1)
        self.contrast = self.contrast + np.divide(gap, mean, out=np.zeros_like(gap), where=mean > 0)

    def _add_fits(self, profiles: Mapping[str, np.ndarray], tables: FitTables, member: Member) -> None:
        inside = ~tables.at_limit
        for name in PROFILES:
            self.within_limit.setdefault(name, Sum()).add(profiles[name], inside)
        self.normalized_adaptive.add(profiles["adaptive"])
        self.at_limit = self.at_limit + (tables.fits[..., 4] == 1)
        self.failed = self.failed + np.isnan(tables.fits[..., 0])
        self.deformations.add(member.number, tables.fits[..., :2])

    @property
    def images(self) -> int:
        """Images added so far."""
        return self.strict.count

    @property
    def units(self) -> int:
        """What the bootstrap draws, in number."""
        return len(self._drawn)

    @property
    def shift_units(self) -> int:
        """What the test of invariance shifts, in number."""
        return len(self._shifted)

    @property
    def drawn_in_groups(self) -> bool:
        """Whether the bootstrap draws random groups."""
        return self._drawn.grouped

    @property
    def shifted_in_groups(self) -> bool:
        """Whether the test of invariance shifts random groups of images."""
        return self._shifted.grouped

    def mean(self, name: str) -> np.ndarray:
        """Mean profile over the images, (S, R, T)."""
        return self.means[name].mean()

    def resamples(self, name: str) -> np.ndarray:
        """Mean profiles of the bootstrap resamples, (resamples, S, R, T)."""
        shape = self.mean(name).shape
        place, size = self.resampled.index(name), int(np.prod(shape))
        return self._resamples[:, place * size : (place + 1) * size].reshape(-1, *shape)

    def resampled_epsilons(self) -> np.ndarray:
        """Mean single-image epsilons of the bootstrap resamples, (resamples, S, R)."""
        return self._resampled_single()[:, 0]

    def resampled_spreads(self) -> np.ndarray:
        """Mean of single images' max - min over the group in the bootstrap resamples, (resamples, S, R)."""
        return self._resampled_single()[:, 1]

    def _resampled_single(self) -> np.ndarray:
        shape = (2, *self.mean("strict").shape[:-1])
        return self._resamples[:, -int(np.prod(shape)) :].reshape(-1, *shape)

    @cached_property
    def _resamples(self) -> np.ndarray:
        """(resamples, cells), once all images are added."""
        bootstrap = BootstrapMeans(self.units, seed=self._seed)
        self._drawn.feed("resampled", bootstrap)
        return bootstrap.means()

    @cached_property
    def draws(self) -> dict[Group, InvarianceDraws]:
        """The shifted means of each subgroup, once all images are added; empty for fewer than FEWEST_IMAGES."""
        group, found = self.settings.group, {}
        if self.images < FEWEST_IMAGES:
            return found
        for subgroup in group.subgroups():
            if subgroup.order > 1:
                elements = group.indices_of(subgroup)
                found[subgroup] = InvarianceDraws(group, len(self._shifted), elements=elements, seed=self._seed)
        for table, images in self._shifted.rows("profiles"):
            for draws in found.values():
                draws.add(table[PROFILES.index("strict")], images)
        return found

    def binned_bodies(self) -> Counter[Affine]:
        """How many images have a strict group deformed by about this."""
        binned = Counter[Affine]()
        for body, count in self.bodies.items():
            binned[_binned(body)] += count
        return binned


def _binned(body: Affine) -> Affine:
    return Affine(round(body.a / BODY_BIN) * BODY_BIN, body.b)
