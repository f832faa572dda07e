"""All tables of a run in one pass: the sums, resamples and draws behind every number of the report (SPEC 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

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
    added,
)

__all__ = ["BLOCK", "FEWEST_IMAGES", "PROFILES", "Totals"]

PROFILES = ("strict", "adaptive")  # of whole images: the rows are made from these
BODY_BIN = 0.01  # of a known a, for the floor of strict rows
BLOCK = 64  # images that are added together
BODIES = 4096  # distinct deformations of bodies; later ones are rounded to bins


class _Waiting(NamedTuple):
    """An image that is added with others."""

    image: str
    tables: ImageTables
    spectrum: np.ndarray
    member: Member


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
        self._waiting: list[_Waiting] = []

    def add(
        self, image: str, tables: ImageTables, spectrum: np.ndarray, member: Member, body: Affine = IDENTITY
    ) -> None:
        """Add one image, drawn as ``member`` says, whose strict group is deformed by ``body``; call ``finish`` after
        the last one."""
        self._add_body(body)
        if tables.flips is not None:
            self.flips.add(tables.flips, member)
        if self.controls is not None:
            self.controls.add(tables, member)
        self._waiting.append(_Waiting(image, tables, spectrum, member))
        if len(self._waiting) == BLOCK:
            self.finish()

    def finish(self) -> None:
        """Add up the images that wait for others, with which it is quicker."""
        if not self._waiting:
            return
        images, self._waiting = self._waiting, []
        self.resampled = tuple(name for name in PROFILES if name in images[0].tables.profiles)
        profiles = {name: np.stack([item.tables.profiles[name] for item in images]) for name in self.resampled}
        members, fits = [item.member for item in images], [item.tables.adaptive for item in images]
        epsilons, normalized = self.strict.add(profiles["strict"])
        for name, table in profiles.items():
            self.means.setdefault(name, Sum()).add(table)
        self.folders.add([item.image for item in images], profiles)
        self.spectrum = added(self.spectrum, np.stack([item.spectrum for item in images]))
        self._add_mirror_contrast(profiles["strict"])
        self.directions.add_all(profiles["strict"], members)
        stacks = np.stack([profiles[name] for name in self.resampled], axis=1)
        for stack, member in zip(stacks, members, strict=True):
            self.subsets.add(member.number, stack)
        for number, (member, fit) in enumerate(zip(members, fits, strict=True)):
            inside = None if fit is None else ~fit.at_limit
            self.singles.add(member.number, epsilons[number], normalized[number], inside)
        self._draw(stacks, epsilons, np.ptp(profiles["strict"], axis=-1), members)
        if fits[0] is not None:
            self._add_fits(profiles, [fit for fit in fits if fit is not None], members)

    def _draw(self, stacks: np.ndarray, epsilons: np.ndarray, spreads: np.ndarray, members: Sequence[Member]) -> None:
        """Add what is resampled and shifted: profiles (n, P, S, R, T) and numbers of single images, (n, S, R)."""
        parts = [part.reshape(len(members), -1) for part in (stacks, epsilons, spreads)]
        for stack, table, member in zip(stacks, np.concatenate(parts, axis=1), members, strict=True):
            if self._shifted is self._drawn:
                self._drawn.add({"profiles": stack, "resampled": table}, member)
            else:
                self._shifted.add({"profiles": stack}, member)
                self._drawn.add({"resampled": table}, member)

    def _add_body(self, body: Affine) -> None:
        if body not in self.bodies and len(self.bodies) >= BODIES:
            body = _binned(body)
        self.bodies[body] += 1

    def _add_mirror_contrast(self, strict: np.ndarray) -> None:
        """How much single images differ from their mirror image, in their mean response, by profiles (n, S, R, T)."""
        mirror = strict[..., self.settings.group.rotations % self.settings.group.order]
        gap, mean = np.abs(mirror - strict[..., 0]), strict.mean(-1)
        self.contrast = added(self.contrast, np.divide(gap, mean, out=np.zeros_like(gap), where=mean > 0))

    def _add_fits(
        self, profiles: Mapping[str, np.ndarray], fits: Sequence[FitTables], members: Sequence[Member]
    ) -> None:
        inside = ~np.stack([fit.at_limit for fit in fits])
        for name in PROFILES:
            self.within_limit.setdefault(name, Sum()).add(profiles[name], inside)
        self.normalized_adaptive.add(profiles["adaptive"])
        found = np.stack([fit.fits for fit in fits])
        self.at_limit = self.at_limit + (found[..., 4] == 1).sum(0)
        self.failed = self.failed + np.isnan(found[..., 0]).sum(0)
        for points, member in zip(found[..., :2], members, strict=True):
            self.deformations.add(member.number, points)

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
