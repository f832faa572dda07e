"""The solvable case: a quadratic data term and a convolutional quadratic regularizer on a periodic grid (SPEC 7).

Phi(y) = argmin_x (data/2) ||x - y||_h^2 + R_h(x), R_h(x) = (1/2) sum_d ||k_d * x||_h^2, is the linear filter
data / (data + s) in Fourier space, with s = sum_d |k_d^|^2, the symbol of R_h. Everything about it is known: mu is
data + min s, and the equivariance error comes only from s, which differs from its rotated copy.

Rotations are exact too, and not only quarter turns: a rotation takes the wave exp(i pi k x) of the torus [-1, 1]^2, k a
Gaussian integer, to the wave of k (p + qi) / (p - qi), which is on the torus again where p - qi divides k. These are
the rotations by 2 arg(p + qi): 90 degrees for (1, 1), 53.13 for (2, 1), 22.62 for (5, 1). No interpolation is involved.

Arrays are (m, m) float64, indexed [y, x], rows downward; point [0, 0] is the center of rotation, h = 2/m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import atan2, degrees

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.results import Smoothness

__all__ = ["ExactTurn", "QuadraticProblem", "Waves", "difference_filters", "mesh_frequencies"]

ROUNDING = 1e-12  # relative; Fourier coefficients below this are rounding of 0


def mesh_frequencies(size: int) -> tuple[np.ndarray, np.ndarray]:
    """omega_x (1, m) and omega_y (m, 1) of the waves that a grid of ``size`` m resolves, pi times whole numbers."""
    omega = np.pi * np.fft.fftfreq(size, 1 / size)
    return omega[None, :], omega[:, None]


def difference_filters(size: int, weights: Sequence[float] = (1.0, 1.0)) -> tuple[np.ndarray, np.ndarray]:
    """Forward differences along x and y by h, times the roots of ``weights``, as (m, m) filters.

    They discretize R(r) = (1/2) integral w_1 |d_x r|^2 + w_2 |d_y r|^2; unequal weights prefer a direction.
    Raises SettingError for a negative weight.
    """
    if min(weights) < 0:
        raise SettingError(f"weights must be at least 0, got {', '.join(f'{weight:g}' for weight in weights)}")
    filters = np.zeros((2, size, size))
    filters[:, 0, 0] = -1
    filters[0, 0, -1] = filters[1, -1, 0] = 1  # (k * x)[0] = sum k[u] x[-u]: the neighbor to the right, below
    along_x, along_y = filters * (np.sqrt(weights) * size / 2)[:, None, None]
    return along_x, along_y


@dataclass(frozen=True, eq=False)
class QuadraticProblem:
    """The restoration with weight ``data`` on its data term and the regularizer of ``symbol``, (m, m), at least 0.

    ``symbol`` holds s at the frequencies of the discrete Fourier transform. Raises SettingError where it is negative
    or not square, or ``data`` is not positive.
    """

    symbol: np.ndarray
    data: float = 1.0

    def __post_init__(self) -> None:
        shape = self.symbol.shape
        if len(shape) != 2 or shape[0] != shape[1] or self.symbol.min() < 0:
            raise SettingError(f"symbol must be a square array of values of at least 0, got shape {shape}")
        if not self.data > 0:
            raise SettingError(f"data must be above 0, got {self.data:g}")

    @classmethod
    def of_filters(cls, filters: Sequence[np.ndarray], data: float = 1.0) -> QuadraticProblem:
        """The problem whose regularizer sums over periodic ``filters``, (m, m) each, (k * x)[y] = sum_u k[u] x[y - u].

        Samples of a continuous kernel have to be multiplied by h^2.
        """
        return cls(sum((np.abs(np.fft.fft2(item)) ** 2 for item in filters), np.zeros(())), data)

    @property
    def size(self) -> int:
        """m, the number of grid points along a side."""
        return len(self.symbol)

    @property
    def h(self) -> float:
        """The grid spacing 2/m."""
        return 2 / self.size

    @property
    def mu(self) -> float:
        """The strong convexity of the energy, data + min s."""
        return self.data + float(self.symbol.min())

    @cached_property
    def response(self) -> np.ndarray:
        """The optimal operator in Fourier space, data / (data + s), shape (m, m)."""
        return self.data / (self.data + self.symbol)

    def solve(self, y: np.ndarray) -> np.ndarray:
        """Phi(y), the restored image."""
        return np.fft.ifft2(np.fft.fft2(y) * self.response).real

    def regularizer(self, x: np.ndarray) -> float:
        """R_h(x)."""
        return self.h**2 / (2 * self.size**2) * float((self.symbol * np.abs(np.fft.fft2(x)) ** 2).sum())

    def energy(self, x: np.ndarray, y: np.ndarray) -> float:
        """The energy that Phi(y) minimizes over x."""
        return self.data / 2 * self.squared_norm(x - y) + self.regularizer(x)

    def squared_norm(self, x: np.ndarray) -> float:
        """||x||_h^2, h^2 times the sum of squares.

        ``x`` is (m, m).
        """
        return self.h**2 * float((x * x).sum())

    def equivariance_error(self, y: np.ndarray, turn: ExactTurn) -> float:
        """||Phi(pi y) - pi Phi(y)||_h^2. Raises SettingError where ``turn`` does not map ``y`` to the grid."""
        return self.squared_norm(self.solve(turn(y)) - turn(self.solve(y)))

    def epsilon(self, y: np.ndarray, turn: ExactTurn, solver: QuadraticProblem | None = None) -> float:
        """The larger of |R(pi x) - R(x)| and |R(pi^-1 z) - R(z)| for x = Phi(y), z = Phi(pi y).

        ``solver`` gives Phi where it is not this problem's own: the problem on the grid restores, and the exact problem
        of the same energy measures the symmetry of its regularizer at the restored images.
        """
        phi = (solver or self).solve
        x, z = phi(y), phi(turn(y))
        return max(
            abs(self.regularizer(turn(x)) - self.regularizer(x)),
            abs(self.regularizer((~turn)(z)) - self.regularizer(z)),
        )


@dataclass(frozen=True)
class ExactTurn:
    """The rotation by 2 arg(p + qi), counter-clockwise on the screen, of fields on the torus; ``~turn`` is its inverse.

    Raises SettingError where p + qi is 0.
    """

    p: int
    q: int

    def __post_init__(self) -> None:
        if not (self.p or self.q):
            raise SettingError("an exact rotation needs whole numbers p and q that are not both 0, such as 2 and 1")

    @property
    def angle_deg(self) -> float:
        """The angle in degrees, in (-360, 360]."""
        return 2 * degrees(atan2(self.q, self.p))

    def __invert__(self) -> ExactTurn:
        return ExactTurn(self.p, -self.q)

    def frequencies(self, k: np.ndarray) -> np.ndarray:
        """The rotated ``k`` (n, 2), whole (k_x, k_y) in half cycles per unit. Raises SettingError off the torus."""
        c, s, norm = self.p**2 - self.q**2, 2 * self.p * self.q, self.p**2 + self.q**2
        rotated = k @ np.array([[c, -s], [s, c]])  # A of SPEC 3 times norm, as k is a row: y points down
        if (rotated % norm).any():
            raise SettingError(f"rotating by {self.angle_deg:.2f} degrees maps some waves of the field off the torus")
        return rotated // norm

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """pi x of a periodic field (m, m), exact. Raises SettingError where it maps a wave off the grid."""
        size = len(x)
        spectrum = np.fft.fft2(x)
        rows, columns = np.nonzero(np.abs(spectrum) > ROUNDING * np.abs(spectrum).max())
        whole = np.fft.fftfreq(size, 1 / size).round().astype(int)
        k = self.frequencies(np.stack([whole[columns], whole[rows]], axis=1))
        if k.size and 2 * np.abs(k).max() >= size:
            raise SettingError(f"a grid of {size} points does not resolve the rotated field; use a finer grid")
        rotated = np.zeros_like(spectrum)
        rotated[k[:, 1], k[:, 0]] = spectrum[rows, columns]
        return np.fft.ifft2(rotated).real


@dataclass(frozen=True, eq=False)
class Waves:
    """A sum of plane waves amplitude cos(pi k x + phase) on [-1, 1]^2: ``k`` (n, 2) whole, the others (n,)."""

    k: np.ndarray
    amplitudes: np.ndarray
    phases: np.ndarray

    @classmethod
    def random(cls, turn: ExactTurn, largest: int, rng: np.random.Generator, count: int = 40) -> Waves:
        """``count`` waves of |k| <= ``largest`` that ``turn`` keeps on the torus, amplitudes about 1/|k|, F = 1.

        The rotation takes the shortest such k to their mirror images; ``largest`` must exceed them where the
        regularizer has that mirror symmetry: 6 does for (2, 1), 9 for (3, 2), 12 for (5, 1).
        """
        side = np.arange(-largest, largest + 1)
        k = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
        length, norm = np.hypot(*k.T), turn.p**2 + turn.q**2
        kept = (length > 0) & (length <= largest)
        kept &= ~(k @ np.array([[turn.p, -turn.q], [turn.q, turn.p]]) % norm).any(1)  # p - qi divides k_x - i k_y
        chosen = rng.choice(np.flatnonzero(kept), min(count, int(kept.sum())), replace=False)
        amplitudes = rng.uniform(0.5, 1, len(chosen)) / length[chosen]
        return cls(k[chosen], amplitudes / amplitudes.sum(), rng.uniform(0, 2 * np.pi, len(chosen)))

    def sample(self, size: int) -> np.ndarray:
        """The field on the grid of ``size`` m, (m, m), point [0, 0] at x = 0."""
        at = 2 / size * np.arange(size)
        phase = np.pi * (self.k[:, 0, None, None] * at + self.k[:, 1, None, None] * at[:, None])
        return np.tensordot(self.amplitudes, np.cos(phase + self.phases[:, None, None]), 1)

    def smoothness(self) -> Smoothness:
        """F, G, H from the sums of amplitudes times powers of |omega|, which no rotation and no Phi enlarges."""
        omega = np.pi * np.hypot(*self.k.T)
        value, gradient, hessian = ((np.abs(self.amplitudes) * omega**power).sum() for power in (0, 1, 2))
        return Smoothness(
            value=float(value), gradient=float(gradient), hessian=float(hessian), estimator="sums of amplitudes"
        )
