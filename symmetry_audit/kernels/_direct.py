"""A plan that computes kernels without common harmonics, such as deformed ones: one blur, then one small stencil each.

Blurred once with an isotropic Gaussian g narrower than the narrowest of the deformed kernels, an image needs only small
stencils after that: 9 x 9 to 17 x 17 taps, by how far the kernels are deformed, in place of windows of 31 x 31. The
stencils are a linear function of the kernels, so that a design made once serves every deformation up to some ratio.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.fft import ifft2

from symmetry_audit.kernels._kernel_spectra import GRID, expected_error, power_spectra, spectral_weight
from symmetry_audit.kernels._taps import Taps, blurred_power, normed

__all__ = ["DirectDesign", "DirectPlan", "direct_design"]

# taps on each side, and the width in px that they can add to the blur: more taps reach farther
RESIDUAL = {4: 0.9, 5: 1.05, 6: 1.2, 7: 1.28, 8: 1.35}
NARROWEST = 0.3  # of sigma, for the blur
PARITY = 1e-10  # of the largest value: kernels that a half turn leaves as they are, up to sign
BLOCK = 4  # kernels that the compiled engine adds up at a time


@dataclass(frozen=True)
class DirectPlan:
    """Stencils (m, n, n), n = 2 reach + 1, to be applied as true convolutions after the blur; ``blur`` (r0 + 1,) holds
    the symmetric filter g from its centre on. ``parity`` (m,) is 0 for stencils that a half turn leaves as they are, 1
    for those whose sign it changes, and 2 for others."""

    blur: np.ndarray
    stencils: np.ndarray
    parity: np.ndarray

    @property
    def reach(self) -> int:
        """Taps on each side of the centre."""
        return self.stencils.shape[1] // 2

    @property
    def radius(self) -> int:
        """The pixels that responses reach on each side."""
        return len(self.blur) - 1 + self.reach

    @property
    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """The plan as two flat tables, int32 and float32, for the compiled engine."""
        flat = self.stencils.reshape(len(self.stencils), -1)
        middle = flat.shape[1] // 2
        later, earlier = flat[:, middle + 1 :], flat[:, middle - 1 :: -1][:, :middle]
        even = np.concatenate([flat[:, middle : middle + 1], (later + earlier) / 2], axis=1)
        odd = (earlier - later) / 2  # a convolution turns the stencil by a half turn
        tables = {0: even, 1: odd, 2: np.concatenate([even, odd], axis=1)}
        ints, targets, floats = [], [], [self.blur]
        for parity, table in tables.items():
            chosen = np.flatnonzero(self.parity == parity)
            padded = np.concatenate([chosen, np.full(-len(chosen) % BLOCK, -1)])
            columns = np.where(padded[:, None] >= 0, table[padded], 0.0)
            ints.append(len(padded))
            targets.append(padded)
            floats.append(columns.reshape(-1, BLOCK, table.shape[1]).swapaxes(1, 2).ravel())
        head = [len(self.blur) - 1, self.reach, *ints, len(self.stencils)]
        return np.concatenate([head, *targets]).astype(np.int32), np.concatenate(floats).astype(np.float32)


@dataclass(frozen=True)
class DirectDesign:
    """A blur, and the matrix (n^2, k^2) that turns kernels (k, k) into stencils (n, n).

    ``error`` is the ``expected_error`` of the kernels that it was made for.
    """

    blur: np.ndarray
    matrix: np.ndarray = field(repr=False)
    error: float

    def plan(self, kernels: np.ndarray) -> DirectPlan:
        """The plan of ``kernels`` (m, k, k)."""
        side = int(sqrt(len(self.matrix)))
        turned = kernels[:, ::-1, ::-1]
        scale = PARITY * np.abs(kernels).max()
        even, odd = (np.abs(kernels + sign * turned).max((1, 2)) <= scale for sign in (-1, 1))
        stencils = (kernels.reshape(len(kernels), -1) @ self.matrix.T).reshape(-1, side, side)
        return DirectPlan(self.blur, stencils, np.where(even, 0, np.where(odd, 1, 2)))


def direct_design(
    kernels: np.ndarray, sigma: float, radius: int, tolerance: float, most: int = max(RESIDUAL)
) -> DirectDesign | None:
    """The smallest design whose error for ``kernels`` (m, k, k) is at most ``tolerance``; None where none is.

    ``sigma`` (px) is the width of their Gaussian before it was deformed, ``radius`` (px) how far responses reach, and
    ``most`` the largest number of taps on each side.
    """
    if kernels.shape[1] // 2 + max(RESIDUAL) >= GRID // 2:  # else windows would meet their own repetition
        return None
    for reach, residual in RESIDUAL.items():
        if reach > most or radius - reach < 1:
            break
        x = np.arange(radius - reach + 1)
        width = sqrt(max(sigma**2 - residual**2, (NARROWEST * sigma) ** 2))
        blur = normed(np.exp(-np.square(x / width) / 2)).astype(np.float32).astype(np.float64)
        design = _design(kernels, blur, reach)
        if design.error <= tolerance:
            return design
    return None


def _design(kernels: np.ndarray, blur: np.ndarray, reach: int) -> DirectDesign:
    taps, side = Taps(blur, reach, 1), kernels.shape[1]
    y, x = (axis.ravel() - side // 2 for axis in np.mgrid[:side, :side])
    rows, columns = taps.places
    near = ifft2(spectral_weight(GRID) * taps.transfer).real * GRID**2
    products = near[(rows[:, None] - y) % GRID, (columns[:, None] - x) % GRID]  # (n^2, k^2)
    matrix = taps.solved(products.T).T
    stencils = (kernels.reshape(len(kernels), -1) @ matrix.T).reshape(len(kernels), 2 * reach + 1, -1)
    realized = blurred_power(stencils, blur)
    return DirectDesign(blur, matrix, expected_error(power_spectra(kernels), realized, with_gains=False))
