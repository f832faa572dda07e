"""Groups acting on the pixels of a window, as matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.sparse import csr_array

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group

__all__ = ["GROUPS", "Symmetry", "window_symmetry"]

UPDOWN = "updown"  # the mirror y -> -y, which Group has no name for
GROUPS = ("p1m", UPDOWN, "p2", "p4", "p4m", "p8")


@dataclass(frozen=True)
class Symmetry:
    """A group on windows of d pixels: one matrix (m, d) for each element, that of the identity first.

    m = d where all elements permute the pixels. Otherwise the m pixels are those of a disc.
    """

    name: str
    elements: tuple[csr_array, ...]

    @property
    def trivial(self) -> Symmetry:
        """The identity alone, on the same pixels."""
        return Symmetry("p1", self.elements[:1])

    @property
    def exact(self) -> bool:
        """Whether every element only permutes the pixels."""
        return self.pixels == self.elements[0].shape[1]

    @property
    def pixels(self) -> int:
        """m, the number of weights of a filter."""
        return self.elements[0].shape[0]


def window_symmetry(name: str, side: int) -> Symmetry:
    """The group ``name`` on windows of ``side`` x ``side`` px, ``side`` odd: a name of ``Group``, or "updown".

    Quarter turns and mirrors permute the pixels. Other turns are interpolated by quintic splines; their windows are cut
    to the disc of radius side // 2 - 1, which no turn takes out of the window. Raises SettingError for another name.
    """
    if name == UPDOWN:
        matrices: Sequence[np.ndarray] = [np.eye(2), np.diag([1.0, -1.0])]
    else:
        matrices = list(Group.parse(name).matrices())
    if len(matrices) == 1:
        raise SettingError('the group "p1" changes nothing, so a pilot cannot measure it; choose p4, for example')
    middle = side // 2
    y, x = np.mgrid[-middle : middle + 1, -middle : middle + 1].reshape(2, -1)
    exact = [bool(np.isin(matrix, (-1, 0, 1)).all()) for matrix in matrices]
    kept = np.ones(side * side, bool) if all(exact) else x * x + y * y <= (middle - 1) ** 2
    if kept.sum() < 2:
        raise SettingError(f"{name} needs a window of 5 px or more to be interpolated, got {side}; enlarge the window")
    elements = []
    for matrix, permutes in zip(matrices, exact, strict=True):
        places = matrix @ np.stack([x, y])[:, kept] + middle  # the turned window has there what it now has here
        elements.append(_permutation(places, side) if permutes else _interpolation(places, side))
    return Symmetry(name, tuple(elements))


def _permutation(places: np.ndarray, side: int) -> csr_array:
    """The matrix that reads a window at whole pixels (2, m), x first."""
    x, y = np.rint(places).astype(int)
    return csr_array((np.ones(len(x)), (np.arange(len(x)), side * y + x)), shape=(len(x), side * side))


def _interpolation(places: np.ndarray, side: int) -> csr_array:
    """The matrix that reads a window at ``places`` (2, m), x first, by quintic splines; each row sums to 1."""
    units = np.eye(side * side).reshape(-1, side, side)
    read = np.stack([map_coordinates(unit, places[::-1], order=5, mode="mirror") for unit in units], axis=-1)
    return csr_array(read)
