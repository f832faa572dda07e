"""Small stencils that, after one common blur, come nearest to given kernels: least squares over the spectrum."""

from __future__ import annotations

import numpy as np
from numpy.fft import ifft2

from symmetry_audit.kernels._kernel_spectra import GRID, kernel_spectra, power_spectra, spectral_weight

__all__ = ["LEAST_RADIUS", "SEARCH_GRID", "Taps", "best_blur", "blurred_power", "normed"]

LEAST_RADIUS = 8  # px that responses reach on each side, at least, in the compiled loops
RIDGE = 1e-13  # of the mean diagonal
# half of the filter g by (sigma, radius of g, taps on each side, px between taps), where a longer search than the one
# below found a truer one: the default run does not search
BLURS = {(1.5, 5, 3, 1): (0.3124932, 0.2294878, 0.0913608, 0.0202152, 0.0025097, 0.0001798)}
SEARCH_GRID = 64
SEARCH = {"maxfun": 300, "eps": 1e-4}


class Taps:
    """Scalar products of the taps of small stencils after one blur, on a grid of frequencies."""

    def __init__(self, blur: np.ndarray, reach: int, step: int, grid: int = GRID) -> None:
        self.reach, self.grid = reach, grid
        self.transfer = blur_transfer(blur, grid)
        y, x = (axis.ravel() * step for axis in np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij"))
        self.places = y % grid, x % grid
        self._gaps = (y[:, None] - y) % grid, (x[:, None] - x) % grid
        gram = self.gram(spectral_weight(grid))
        n, scale = len(gram), np.trace(gram) / len(gram)
        self._system = np.zeros((n + 1, n + 1))
        self._system[:n, :n] = gram + RIDGE * scale * np.eye(n)
        self._system[n, :n] = self._system[:n, n] = np.sqrt(scale)  # for a sum of zero

    def gram(self, weight: np.ndarray) -> np.ndarray:
        """Scalar products of the blurred taps under a spectral ``weight``, (n, n)."""
        return (ifft2(weight * self.transfer**2).real * self.grid**2)[self._gaps]

    def products(self, weighted: np.ndarray) -> np.ndarray:
        """Scalar products of ``weighted`` spectra (m, grid, grid) with the blurred taps, (m, n)."""
        return (ifft2(self.transfer * weighted).real * self.grid**2)[:, *self.places]

    def solved(self, products: np.ndarray) -> np.ndarray:
        """The stencils (m, n) of zero sum whose blurred copies are nearest to kernels of these ``products``."""
        sides = np.concatenate([products, np.zeros((len(products), 1))], axis=1)
        return np.linalg.solve(self._system, sides.T)[:-1].T

    def stencils(self, kernels: np.ndarray) -> np.ndarray:
        """Those of ``kernels`` (m, k, k), (m, 2 reach + 1, 2 reach + 1)."""
        found = self.solved(self.products(spectral_weight(self.grid) * kernel_spectra(kernels, self.grid)))
        return found.reshape(len(kernels), 2 * self.reach + 1, -1)


def best_blur(kernels: np.ndarray, sigma: float, r0: int, reach: int, step: int) -> np.ndarray:
    """Half of the symmetric filter g, (r0 + 1,), that makes the stencils of ``kernels`` (m, k, k) truest.

    First among g ~ exp(-(x / p sigma)^2 / 2 - q (x / sigma)^4), then among all falling filters.
    """
    if (sigma, r0, reach, step) in BLURS:
        return normed(np.array(BLURS[sigma, r0, reach, step]))
    from scipy.optimize import minimize

    spectra, weight = kernel_spectra(kernels, SEARCH_GRID), spectral_weight(SEARCH_GRID)
    norms = (weight * np.abs(spectra) ** 2).sum((1, 2))

    def miss(half: np.ndarray) -> float:
        metric = Taps(half, reach, step, SEARCH_GRID)
        right = metric.products(weight * spectra)
        left = 1 - np.einsum("mi,mi->m", metric.solved(right), right) / norms
        return float(np.log(np.maximum(left, 1e-14).mean()))

    def shaped(p: float, q: float) -> np.ndarray:
        x = np.arange(r0 + 1) / sigma
        return normed(np.exp(-np.square(x / p) / 2 - q * x**4))

    def falling(logs: np.ndarray) -> np.ndarray:
        return normed(np.exp(-np.cumsum(np.exp([-np.inf, *logs]))))

    starts = [shaped(p, q) for p in np.linspace(0.4, 1.0, 13) for q in (0.0, 0.02)]
    nearest = min(starts, key=miss)
    start = np.log(-np.diff(np.log(nearest)))
    found = minimize(lambda logs: miss(falling(logs)), start, method="L-BFGS-B", options=SEARCH)
    return falling(found.x)


def normed(half: np.ndarray) -> np.ndarray:
    return half / (2 * half.sum() - half[0])


def blur_transfer(blur: np.ndarray, grid: int) -> np.ndarray:
    """The (real) Fourier transform of g(y) g(x), (grid, grid)."""
    axis = 2 * np.pi * np.fft.fftfreq(grid)
    line = blur[0] + 2 * np.cos(np.outer(axis, np.arange(1, len(blur)))) @ blur[1:]
    return np.outer(line, line)


def blurred_power(stencils: np.ndarray, blur: np.ndarray, step: int = 1) -> np.ndarray:
    """Power spectra (m, GRID, GRID / 2 + 1) of ``stencils`` (m, n, n), taps ``step`` px apart, after the blur."""
    side = step * (stencils.shape[1] - 1) + 1
    spread = np.zeros((len(stencils), side, side))
    spread[:, ::step, ::step] = stencils
    return power_spectra(spread) * blur_transfer(blur, GRID)[:, : GRID // 2 + 1] ** 2
