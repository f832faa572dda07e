"""What a group costs that the data do not have, where it can be computed: Gaussian fields in white noise (SPEC 7).

Let P be the law of (X, Y), clean and degraded, let G act on both by isometries, and let Pbar be the mean of P over G.
The squared error of a G-equivariant restorer is the same under P and under every turned copy of P, hence under Pbar. So
the best one is the conditional mean under Pbar, Phi_G(y) = sum_g rho_g(y) Phi_g(y), where Phi_g(y) = g^-1 Phi(g y) is
the conditional mean under one turned copy and rho the posterior of "which copy is this". Its excess over Phi is the
*price* of G,

    price(G) = E |Phi(Y) - Phi_G(Y)|^2 = E Var_rho(Y) [Phi_g(Y)],

the posterior variance of what the turned restorers say: nothing where y shows the direction, nothing where they agree.
(The variance is invariant, so its means under P and Pbar are equal, and under Pbar the second form is the first one
averaged over the copies.) Hence price(G) <= sum_g E |Phi - Phi_g|^2, whatever rho is.

Wang et al. (2023, arXiv 2303.04745) bound the error of networks with an "incorrect" symmetry from below in the same
way, orbit by orbit. Huang et al. (2023, arXiv 2308.10436) weigh such a bias against the variance that a group saves,
which Elesedy and Zaidi (2021, arXiv 2102.10333) compute for linear models where the symmetry is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log, log10

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import IDENTITY, Affine, Group, as_group
from symmetry_audit.synth import gaussian_covariance

__all__ = ["GaussianDenoising", "Price", "linear_price", "price"]

LARGEST_WINDOW = 41  # px; covariances have side^4 entries
LEAST_DRAWS = 100
LEAST_NOISE = 1e-3  # of the standard deviation; below, rounding decides whether a covariance can be inverted
SAME = 1e-12  # entries of D^-2 that differ by less are equal


@dataclass(frozen=True)
class GaussianDenoising:
    """The middle pixel of a field r0(D^-1 x), to be found from a window of it in white noise.

    The field is that of :func:`~symmetry_audit.synth.gaussian_field` on an unbounded plane, of standard deviation
    ``std``, amplitude 1 / |D^T k|^slope and known mean; D is the matrix of ``affine``. ``sigma`` is the standard
    deviation of the noise; both in grey levels. ``window`` is the side of the window in px, the receptive field of a
    network. Raises SettingError for a window that is not odd and 3 to 41 px, a ``std`` that is not positive, or a
    ``sigma`` below a thousandth of it.
    """

    affine: Affine = IDENTITY
    sigma: float = 50.0
    std: float = 40.0
    window: int = 23
    slope: float = 1.0

    def __post_init__(self) -> None:
        if not 3 <= self.window <= LARGEST_WINDOW or self.window % 2 == 0:
            raise SettingError(f"window must be odd and 3 to {LARGEST_WINDOW} px, got {self.window}")
        if not (isfinite(self.std) and self.std > 0):
            raise SettingError(f"std must be a positive number of grey levels, got {self.std}")
        least = LEAST_NOISE * self.std
        if not (isfinite(self.sigma) and self.sigma >= least):
            raise SettingError(f"sigma must be at least {least:g} grey levels, a thousandth of std, got {self.sigma}")


@dataclass(frozen=True)
class Price:
    """The mean squared error of the best symmetric restorer of a kind over that of the best of all, in dB, at least 0.

    ``standard_error`` is that of ``db`` from its random draws, 0 where there are none. ``recognised`` is the mean
    posterior probability of the true direction among the n that the group mixes up, from 1/n to 1; None for a linear
    filter, which looks for none, and where the group leaves the law as it is.
    """

    db: float
    standard_error: float = 0.0
    recognised: float | None = None


def linear_price(task: GaussianDenoising, group: Group | str) -> Price:
    """The price of ``group`` for linear filters: that of the symmetrised moments, against that of the moments.

    With S_g = C_g + sigma^2 I and c_g = C_g e, the moments of the field turned by g: h = (mean S_g)^-1 mean c_g has
    the excess (h - h_g)^T S_g (h - h_g) over h_g = S_g^-1 c_g, whose error is the Bayes error, since the field is
    Gaussian. Both are averaged over g, as in :func:`price`. A low sigma does not make the price vanish: on an
    unbounded window it tends to 10 log10 of the area of the union of the turned spectra over that of one of them,
    10 log10(4 arctan(ratio) / pi) for quarter turns. Raises SettingError for a name that is no group's.
    """
    copies = _turned_copies(task, as_group(group))
    signal = np.mean([copy.signal for copy in copies], axis=0)
    shared = np.linalg.solve(signal + task.sigma**2 * np.eye(len(signal)), signal[:, len(signal) // 2])
    excess = [np.square(copy.factor.T @ (shared - copy.filter)).sum() for copy in copies]
    return Price(_decibels(float(np.mean(excess)) / _error(copies)))


def price(task: GaussianDenoising, group: Group | str, *, draws: int = 4000, seed: int = 0) -> Price:
    """The price of ``group`` for any function of the window, by Monte Carlo; a second for p4 or p8 at 23 px.

    E Var_rho [Phi_g(y)] with Phi_g(y) = h_g^T y, rho_g(y) proportional to the normal density of covariance S_g at y,
    and windows y drawn from all turned copies alike, ``draws`` of them in all. Never above :func:`linear_price`, but
    for the standard error. For a law that is not Gaussian neither is a bound for the other.

    Quarter turns and mirrors take windows to windows, and the price is that of the law as it lies. Other turns do not:
    there it is the mean over the turned copies, and that of the best restorer for the mixed law (at which augmentation
    aims), not a bound for networks on the pixel grid.
    Raises SettingError for a name that is no group's, or fewer than 100 ``draws``.
    """
    if draws < LEAST_DRAWS:
        raise SettingError(f"draws must be at least {LEAST_DRAWS}, got {draws}")
    copies = _turned_copies(task, as_group(group))
    if len(copies) == 1:
        return Price(0.0)
    rng = np.random.default_rng(seed)
    shares = [_drawn(copy, copies, max(draws // len(copies), 2), rng) for copy in copies]
    variance, recognised = (np.stack(parts) for parts in zip(*shares, strict=True))
    excess, error = float(variance.mean()), _error(copies)
    spread = float(np.sqrt(variance.var(axis=1, ddof=1).sum() / variance.shape[1])) / len(copies)
    return Price(_decibels(excess / error), 10 / log(10) * spread / (error + excess), float(recognised.mean()))


@dataclass(frozen=True, eq=False)
class _Copy:
    """The law of the window of a turned field, pixels in reading order."""

    signal: np.ndarray  # C, (n, n)
    factor: np.ndarray  # L, with L L^T = S = C + sigma^2 I
    filter: np.ndarray  # h = S^-1 c, (n,)
    error: float  # C(0) - c^T h, of the best estimate of the middle pixel


def _turned_copies(task: GaussianDenoising, group: Group) -> list[_Copy]:
    """The different ones, that of the identity first; each stands for the same number of elements."""
    inverse = np.linalg.inv(task.affine.matrix)
    metrics: list[np.ndarray] = []
    copies = []
    for turn in group.matrices():
        metric = turn @ inverse @ inverse @ turn.T  # the covariance at a lag x is a function of x^T metric x
        if any(np.abs(metric - other).max() < SAME for other in metrics):
            continue
        metrics.append(metric)
        copies.append(_copy(task, turn))
    return copies


def _copy(task: GaussianDenoising, turn: np.ndarray) -> _Copy:
    """The law of the field r(turn^-1 x)."""
    side = task.window
    lag = np.arange(1.0 - side, side)
    lags = np.stack(np.meshgrid(lag, lag), axis=-1)  # [y, x] -> (x, y)
    table = task.std**2 * gaussian_covariance(lags @ turn, task.affine, slope=task.slope)  # rows @ turn: turn^-1 lag
    y, x = np.divmod(np.arange(side**2), side)
    signal = table[y[:, None] - y + side - 1, x[:, None] - x + side - 1]
    middle = signal[:, side**2 // 2]
    factor = np.linalg.cholesky(signal + task.sigma**2 * np.eye(side**2))
    best = cho_solve((factor, True), middle)
    return _Copy(signal, factor, best, task.std**2 - float(middle @ best))


def _drawn(source: _Copy, copies: list[_Copy], count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Var_rho [Phi_g] of ``count`` windows of ``source``, and sum rho_g^2: its mean is that of rho of the true copy."""
    windows = source.factor @ rng.standard_normal((len(source.factor), count))
    estimates = np.stack([copy.filter @ windows for copy in copies])
    posterior = _posterior(windows, copies)
    mean = (posterior * estimates).sum(axis=0)
    return (posterior * (estimates - mean) ** 2).sum(axis=0), (posterior**2).sum(axis=0)


def _posterior(windows: np.ndarray, copies: list[_Copy]) -> np.ndarray:
    """rho of every copy, all equally likely beforehand, for windows (n, draws); shape (t, draws)."""
    logarithm = np.stack(
        [
            -0.5 * (solve_triangular(copy.factor, windows, lower=True) ** 2).sum(axis=0)
            - np.log(np.diagonal(copy.factor)).sum()
            for copy in copies
        ]
    )
    likelihood = np.exp(logarithm - logarithm.max(axis=0))
    return likelihood / likelihood.sum(axis=0)


def _error(copies: list[_Copy]) -> float:
    """The mean squared error of the best restorer, which is told the copy."""
    return float(np.mean([copy.error for copy in copies]))


def _decibels(excess: float) -> float:
    return 10 * log10(1 + excess)
