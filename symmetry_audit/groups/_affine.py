"""The affine deformation w of one image in smooth coordinates (SPEC 5), and the group D_w A D_w^-1."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cosh, hypot, isfinite, log, pi, sinh

import numpy as np

from symmetry_audit.errors import SettingError

__all__ = ["IDENTITY", "MAX_RATIO", "Affine"]

MAX_RATIO = 2.0  # the largest axis ratio that is fitted; windows and margins leave room for it (SPEC 3 and 5)


@dataclass(frozen=True)
class Affine:
    """w in the smooth coordinates (a, b) = ln(ratio) (cos 2 alpha, sin 2 alpha); (0, 0) is the identity.

    The deformation is D = Rot(alpha) diag(sqrt ratio, 1/sqrt ratio) Rot(-alpha), of determinant one, with
    Rot(alpha) = [[cos, sin], [-sin, cos]] on (x, y), y down. Nothing is singular at ratio 1 and nothing
    wraps at alpha = pi.
    Raises SettingError for coordinates that are not finite.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (isfinite(self.a) and isfinite(self.b)):
            raise SettingError(f"affine coordinates must be finite, got a={self.a}, b={self.b}")

    @classmethod
    def from_axes(cls, alpha: float, ratio: float) -> Affine:
        """From the long axis' angle ``alpha`` in radians and the axis ``ratio`` s_x / s_y >= 1.

        Raises SettingError for a ratio below 1.
        """
        if not ratio >= 1.0:
            raise SettingError(f"the axis ratio must be at least 1, got {ratio}")
        return cls(log(ratio) * np.cos(2 * alpha).item(), log(ratio) * np.sin(2 * alpha).item())

    @property
    def ratio(self) -> float:
        """s_x / s_y >= 1."""
        return float(np.exp(hypot(self.a, self.b)))

    @property
    def alpha(self) -> float:
        """Angle of the long axis in radians, in [0, pi); 0 at ratio 1, where it is undetermined."""
        return (atan2(self.b, self.a) / 2) % pi if (self.a or self.b) else 0.0

    @property
    def matrix(self) -> np.ndarray:
        """D, shape (2, 2): symmetric, positive definite, determinant one.

        D = exp(L / 2) with L = [[a, -b], [-b, -a]], whose square is (a^2 + b^2) I.
        """
        radius = hypot(self.a, self.b) / 2
        slope = sinh(radius) / radius if radius else 1.0
        return cosh(radius) * np.eye(2) + 0.5 * slope * np.array([[self.a, -self.b], [-self.b, -self.a]])

    def conjugate(self, matrices: np.ndarray) -> np.ndarray:
        """The deformed group D A D^-1 for every A of ``matrices`` (T, 2, 2), Eqs. (47)-(48) of [SA]."""
        d = self.matrix
        return d @ matrices @ np.linalg.inv(d)


IDENTITY = Affine(0.0, 0.0)
