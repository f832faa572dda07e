"""Test of invariance by random group shifts of each image's profile, and the null level (SPEC 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.statistics._blocks import Blocks

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["InvarianceDraws", "null_level", "p_value"]

STREAM = 2  # this accumulator's own random stream beside those of the others
TIE = 1e-12  # relative: equal epsilons may differ by this much if their sums were rounded in another order
SHIFTED = 2**19  # numbers in one block of shifted profiles, 4 MB: fits the cache
CELLS = 16  # cells worth taking together, so that rows of the block are long


def p_value(observed: np.ndarray | float, draws: np.ndarray) -> np.ndarray:
    """p = (1 + #{epsilon* >= epsilon}) / (B + 1) of ``observed`` (...) among ``draws`` (B, ...); shape (...).

    Ties, also ties up to rounding, count against a finding: an epsilon of 0 has p = 1.
    """
    return (1 + (draws >= observed * (1 - TIE)).sum(0)) / (len(draws) + 1)


def null_level(draws: np.ndarray) -> np.ndarray:
    """The epsilon (...) expected from as many images of a symmetric distribution: the mean of ``draws`` (B, ...)."""
    return draws.mean(0)


class InvarianceDraws:
    """Mean profiles after each unit's f_A is replaced by f_{B^-1 A}, B uniform in a subgroup, ``draws`` times.

    A unit is an image, or a group of images that are shifted together, as UnitSums makes them; ``units`` is their
    number.

    If the distribution of the images is invariant under the subgroup, the shifts do not change it. So the epsilons of
    the observed and of the shifted means are exchangeable and ``p_value`` is exact; ``null_level`` is their mean.
    There is one B per unit and draw, the same for all cells of its table, so cells can be compared within a draw.
    All this holds for groups as well. But with M of them the null level cannot fall below about epsilon / sqrt(M).

    ``elements`` are the indices of the subgroup in ``group.elements``, the identity first, as in
    ``group.indices_of(subgroup)``; all of ``group`` by default. Draws for two subgroups of the same seed come from
    the same stream of random numbers: each test is exact, but the two are not independent.
    """

    def __init__(
        self, group: Group, units: int, *, elements: np.ndarray | None = None, draws: int = 999, seed: int
    ) -> None:
        self._elements = np.arange(group.order) if elements is None else np.asarray(elements)
        self._table = _quotients(group, self._elements)
        order = len(self._elements)
        self._units = Blocks(units, min(max(SHIFTED // (CELLS * order**2), 1), 64), self._shift)
        self._group = group
        self._draws = draws
        self._rng = np.random.default_rng([seed, STREAM])
        self._totals: np.ndarray | None = None

    def add(self, profiles: np.ndarray, images: int = 1) -> None:
        """Add the next unit's profiles (..., T), the sum over its ``images``; T is the order of the whole group.

        Raises SettingError for another shape and for one unit too many.
        """
        profiles = np.asarray(profiles)
        if profiles.shape[-1:] != (self._group.order,):
            raise SettingError(f"profiles of {self._group} need shape (..., {self._group.order}), got {profiles.shape}")
        self._units.add(profiles, images)

    def means(self) -> np.ndarray:
        """Mean shifted profiles (draws, ..., order of the subgroup), in the order of ``elements``."""
        shape = self._units.require_all()
        assert self._totals is not None
        means = np.moveaxis(self._totals, 1, -1) / self._units.images
        return means.reshape(self._draws, *shape[:-1], -1)

    def _shift(self, block: np.ndarray, _: np.ndarray) -> None:
        """Add a block of units to every draw; cells in groups, so that all their shifts stay in cache."""
        profiles = block.reshape(len(block), -1, self._group.order)[..., self._elements].swapaxes(1, 2)
        order, cells = profiles.shape[1:]
        if self._totals is None:
            self._totals = np.zeros((self._draws, order, cells))
        chosen = self._choose(len(block), order)
        width = max(SHIFTED // (len(block) * order**2), 1)
        for start in range(0, cells, width):
            part = profiles[..., start : start + width]
            shifted = part[:, self._table]  # (n, order, order, cells): all shifts of all images
            sums = chosen @ shifted.reshape(len(block) * order, -1)
            self._totals[..., start : start + width] += sums.reshape(self._draws, order, -1)

    def _choose(self, images: int, order: int) -> csr_array:
        """The 0-1 matrix (draws, images x order) that picks one shift B of each image in each draw."""
        from scipy.sparse import csr_array

        shifts = self._rng.integers(order, size=(images, self._draws))
        # 32-bit indices, which scipy would otherwise have to make
        columns = (shifts.T + order * np.arange(images)).astype(np.int32)
        starts = np.arange(0, columns.size + 1, images, dtype=np.int32)
        return csr_array((np.ones(columns.size), columns.ravel(), starts), shape=(self._draws, images * order))


def _quotients(group: Group, elements: np.ndarray) -> np.ndarray:
    """Position in ``elements`` of B^-1 A at [B, A], both running over ``elements``."""
    position = np.full(group.order, -1)
    listed = elements.tolist()
    if listed[:1] == [0] and len(set(listed)) == len(listed) and set(listed) <= set(range(group.order)):
        position[elements] = np.arange(len(elements))
        table = position[group.quotients()[np.ix_(elements, elements)]]
        if (table >= 0).all():
            return table
    raise SettingError(f"elements must list a subgroup of {group}, the identity 0 first, got {listed}")
