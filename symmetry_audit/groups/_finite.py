"""``pT`` and ``pTm``: parse from a string, print the same string, compose and invert like algebra."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from symmetry_audit.errors import SettingError

__all__ = ["MAX_ROTATIONS", "Element", "Group", "as_group"]

# letters before and after the number of rotations: whether there are mirrors
NAMES = {"p": False, "c": False, "z": False, "pm": True, "d": True, "cv": True}
MAX_ROTATIONS = 360


@dataclass(frozen=True, order=True)
class Element:
    """``A_turn`` or ``A_turn M`` in a group with ``rotations`` rotations; M (x -> -x) acts first.

    ``a @ b`` applies b first, then a, as matrices do; ``~a`` is the inverse.
    """

    turn: int
    mirrored: bool
    rotations: int

    def __matmul__(self, other: Element) -> Element:
        if self.rotations != other.rotations:
            raise SettingError(f"cannot compose elements of p{self.rotations} and p{other.rotations}")
        turn = self.turn + (-other.turn if self.mirrored else other.turn)
        return Element(turn % self.rotations, self.mirrored != other.mirrored, self.rotations)

    def __invert__(self) -> Element:
        return self if self.mirrored else Element(-self.turn % self.rotations, False, self.rotations)

    @property
    def angle_deg(self) -> float:
        """Angle of the rotation part in degrees, in [0, 360); counter-clockwise on the screen."""
        return 360.0 * self.turn / self.rotations

    def matrix(self) -> np.ndarray:
        """The (2, 2) float64 matrix acting on (x, y), y down: A = [[cos, sin], [-sin, cos]], times M."""
        c, s = _cos_sin(self.turn, self.rotations)
        m = -1.0 if self.mirrored else 1.0
        # adding 0.0 makes -0.0 to 0.0, so that equal matrices are equal bit for bit
        return np.array([[m * c, s], [-m * s, c]]) + 0.0

    def __str__(self) -> str:
        return f"A{self.turn}M" if self.mirrored else f"A{self.turn}"


@dataclass(frozen=True)
class Group:
    """The group ``pT`` of T rotations by 2 pi t / T, or ``pTm`` with the mirror x -> -x as well.

    Elements are in the order A_0 .. A_{T-1}, then A_0 M .. A_{T-1} M (SPEC 3).
    Raises SettingError for more than 360 rotations or fewer than 1.
    """

    rotations: int
    mirrored: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.rotations <= MAX_ROTATIONS:
            raise SettingError(
                f'group "{self}" has {self.rotations} rotations; use p1 to p{MAX_ROTATIONS}, for example p32'
            )

    @classmethod
    def parse(cls, text: str) -> Group:
        """Read ``"p32"`` or ``"p8m"``; ``str(group)`` prints it back. Raises SettingError otherwise.

        Other names of the same groups are read too: ``"c8"`` or ``"z8"`` for p8, ``"d4"`` or ``"c4v"`` for p4m.
        """
        match = re.fullmatch(r"([pczd])([0-9]{1,6})([mv]?)", text.strip().lower())
        if not match or match[1] + match[3] not in NAMES:
            raise SettingError(
                f'"{text}" is not a group; write pT for T rotations or pTm with mirrors, for example p4, p32, p8m '
                "(also c4 for p4, d4 for p4m)"
            )
        return cls(int(match[2]), NAMES[match[1] + match[3]])

    def __str__(self) -> str:
        return f"p{self.rotations}{'m' if self.mirrored else ''}"

    @property
    def order(self) -> int:
        """The number of elements, identity included."""
        return self.rotations * (2 if self.mirrored else 1)

    @property
    def elements(self) -> tuple[Element, ...]:
        """All elements in the documented order; element 0 is the identity."""
        return tuple(
            Element(turn, mirrored, self.rotations)
            for mirrored in ((False, True) if self.mirrored else (False,))
            for turn in range(self.rotations)
        )

    def index(self, element: Element) -> int:
        """The position of ``element`` in ``elements``."""
        return element.turn + self.rotations * element.mirrored

    def quotients(self) -> np.ndarray:
        """The index of ``~B @ A`` at [index of B, index of A], shape (order, order): left translation by B."""
        turns = np.array([element.turn for element in self.elements])
        mirrors = np.array([element.mirrored for element in self.elements])
        # a mirrored B is its own inverse, A_b M A_a = A_{b - a} M
        signs = np.where(mirrors, -1, 1)[:, None]
        return signs * (turns - turns[:, None]) % self.rotations + self.rotations * (mirrors ^ mirrors[:, None])

    def subgroups(self) -> tuple[Group, ...]:
        """All pS and, in a mirrored group, pSm with S a divisor of T, sorted by order, unmirrored before mirrored.

        From the trivial p1 to the group itself. Mirrored subgroups have the mirror M of this group; their rotated
        copies, which contain A_t M but not M, are not listed.
        """
        turns = [turn for turn in range(1, self.rotations + 1) if self.rotations % turn == 0]
        found = [Group(turn, mirrored) for turn in turns for mirrored in {False, self.mirrored}]
        return tuple(sorted(found, key=lambda group: (group.order, group.mirrored)))

    def indices_of(self, subgroup: Group) -> np.ndarray:
        """The indices in ``elements`` of the elements of ``subgroup``, in its own order; the identity, 0, first.

        Shape (order of ``subgroup``,), of int. Raises SettingError where it is not a subgroup.
        """
        if self.rotations % subgroup.rotations or subgroup.mirrored > self.mirrored:
            names = ", ".join(map(str, self.subgroups()))
            raise SettingError(f"{subgroup} is not a subgroup of {self}, whose subgroups are {names}")
        step = self.rotations // subgroup.rotations
        return np.array([step * element.turn + self.rotations * element.mirrored for element in subgroup.elements])

    def matrices(self) -> np.ndarray:
        """All elements as an (order, 2, 2) float64 array; quarter turns are exact."""
        return np.stack([element.matrix() for element in self.elements])

    def angles_deg(self) -> np.ndarray:
        """The rotation angle of every element in degrees, shape (order,)."""
        return np.array([element.angle_deg for element in self.elements])


def as_group(group: Group | str) -> Group:
    """A group from its name, "p8" or "p4m"; a ``Group`` as it is. Raises SettingError for another name."""
    return group if isinstance(group, Group) else Group.parse(group)


def _cos_sin(turn: int, rotations: int) -> tuple[float, float]:
    """cos and sin of 2 pi turn / rotations, computed in the first octant so that symmetries are exact.

    So rotating by 90 degrees permutes the sampled kernels without any rounding difference.
    """
    quadrant, rest = divmod(4 * (turn % rotations), rotations)  # angle = (quadrant + rest / rotations) 90 deg
    if 2 * rest <= rotations:
        c, s = cos(pi * rest / (2 * rotations)), sin(pi * rest / (2 * rotations))
    else:
        c, s = sin(pi * (rotations - rest) / (2 * rotations)), cos(pi * (rotations - rest) / (2 * rotations))
    return ((c, s), (-s, c), (-c, -s), (s, -c))[quadrant]
