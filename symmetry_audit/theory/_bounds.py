"""Theorems 3.3, 3.7 and 4.2 and Eqs. (44) to (46) of [SA] as functions, their terms broken out (SPEC 7).

Setting. An operator restores y as Phi(y), the minimizer of E(x; y) = D(x, y) + R(x). The data term is
symmetric, D(pi x, pi y) = D(x, y); E is mu-strongly convex in x, E(x') >= E(x) + (mu/2) ||x' - x||^2 for x = Phi(y).

Theorem 3.3 (the form of [SA], derived here). Let x = Phi(y), z = Phi(pi y). Strong convexity at z, tried with pi x,
and at x, tried with pi^-1 z, gives two inequalities; in their sum the data terms cancel and

    mu ||z - pi x||^2 <= [R(pi x) - R(x)] + [R(pi^-1 z) - R(z)] <= 2 epsilon.

The brackets keep their signs, so over N images they are averaged before any absolute value is taken: the epsilon that
enters is the one of Eq. (8), that of the set of restored images.

Theorem 3.7 (the form of [SA], derived here). On a pixel grid of spacing h integrals are midpoint sums. With ``data``
and ``regularizer`` bounds on |D_h - D| and |R_h - R|, each of the two brackets grows by 2 (data + regularizer); the two
squared distances in the sum are those of one function and of its rotated copy, whose sums over the grid differ by at
most 2 ``norm``, so that

    ||Z - S pi x||_h^2 <= (2/mu) epsilon + C h^2,    C h^2 = norm + (4/mu) (data + regularizer).

The summands of C are composed from F, G and H in :mod:`symmetry_audit.theory._constants`, or as [SA] prints them in
:mod:`symmetry_audit.theory._printed`. [SA] has energies without the factor 1/2 and asks for E(x') >= E(x) +
mu ||x' - x||^2 only: its mu is half of this one, for which 2 epsilon / mu holds too and is twice as large.

Theorem 4.2 (the form of [SA], derived here). For a network with the symmetry built in, Net(pi y) = pi Net(y), and
L = ||Net(y) - Phi(y)||^2: ||Net(pi y) - Phi(pi y)||^2 <= 2 L + 2 ||pi Phi(y) - Phi(pi y)||^2, then Theorem 3.7.

Squared norms are integrals of squared intensities in [0, 1] over the domain; epsilon and R share the unit of E.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, sqrt

from symmetry_audit.errors import SettingError
from symmetry_audit.results import Bound, Smoothness

__all__ = [
    "AREA",
    "allowed_epsilon",
    "continuous_bound",
    "kappa",
    "mesh_bound",
    "network_bound",
    "risk_bound",
    "sampling_term",
    "trivial_bound",
]

AREA = 4.0  # of the square [-1, 1]^2 around the domain of radius 1


def trivial_bound(smoothness: Smoothness, area: float = AREA) -> float:
    """4 F^2 area: two functions of size at most F differ by at most 2 F."""
    return 4 * smoothness.value**2 * positive(area, "area")


def continuous_bound(epsilon: float, mu: float, *, trivial: float) -> Bound:
    """Theorem 3.3: ||Phi(pi y) - pi Phi(y)||^2 <= 2 epsilon / mu.

    Raises SettingError unless all numbers are finite, mu is positive and the others are not negative.

    >>> continuous_bound(0.1, 2.0, trivial=16.0).total
    0.1
    """
    return Bound(theorem="3.3", terms={"epsilon": _epsilon_term(epsilon, mu)}, trivial=_size(trivial, "trivial"))


def mesh_bound(epsilon: float, mu: float, mesh: Mapping[str, float], *, trivial: float) -> Bound:
    """Theorem 3.7: C h^2 + C^ epsilon with C^ = 2/mu, on a pixel grid.

    ``mesh`` holds bounds on the errors of sums over the grid: ``norm`` for squared distances, and the others for parts
    of the energy, such as ``data`` and ``filter``. Together they become C h^2 = norm + (4/mu) (data + ...).
    Raises SettingError for a negative or infinite number, or a mu that is not positive.
    """
    terms = {"epsilon": _epsilon_term(epsilon, mu)}
    for name, value in mesh.items():
        factor = 1.0 if name == "norm" else 4 / mu
        terms[f"mesh: {name}"] = factor * _size(value, name)
    return Bound(theorem="3.7", terms=terms, trivial=_size(trivial, "trivial"))


def network_bound(loss: float, optimal: Bound) -> Bound:
    """Theorem 4.2: 2 L + 2 C h^2 + (4/mu) epsilon, from L and the bound of Theorem 3.7 (or 3.3, in the continuum).

    ``loss`` is L = ||Net(y) - Phi(y)||^2, the distance of the network from the optimal operator on the given images.
    The bound is on ||Net(pi y) - Phi(pi y)||^2, its error on rotated images. Raises SettingError for a negative loss.
    """
    terms = {"loss": 2 * _size(loss, "loss"), **{name: 2 * value for name, value in optimal.terms.items()}}
    return Bound(theorem="4.2", terms=terms, trivial=optimal.trivial)


def sampling_term(complexity: float, images: int, dimension: float) -> float:
    """sqrt(C~ / N^(2/d)), the cost of having N training images, without symmetry (Eq. (44), derived from (46)).

    ``complexity`` is C~ of [SA], ``dimension`` the d of its images' set; neither can be measured on images.
    Raises SettingError unless all three are positive.
    """
    positive(images, "images")
    return sqrt(positive(complexity, "complexity") / images ** (2 / positive(dimension, "dimension")))


def kappa(complexity: float, images: int, dimension: float, mu: float) -> float:
    """sqrt(C~ / N^(2/d)) mu/4, the worth of a group in the unit of epsilon (Eq. (46)). Raises SettingError."""
    return sampling_term(complexity, images, dimension) * positive(mu, "mu") / 4


def risk_bound(order: int, sampling: float, network: Bound) -> Bound:
    """The risk of a network with a group of ``order`` t: sampling / sqrt(t), and Theorem 4.2's terms (Eq. (45)).

    Derived from Eq. (46), which compares it with Eq. (44), the sampling term alone; ``network`` is the bound
    of Theorem 4.2. Raises SettingError for an order below 1 or a negative sampling term.
    """
    terms = {"sampling": _size(sampling, "sampling") / sqrt(_order(order)), **network.terms}
    return Bound(theorem="(45)", terms=terms, trivial=network.trivial)


def allowed_epsilon(order: int, kappa: float, terms: float = 0.0) -> float:
    """kappa (1 - 1/sqrt(t)) - terms: a group of order t pays if epsilon is below this (Eq. (46)).

    ``terms`` are the fitting and grid terms in the unit of epsilon, mu/4 times those of Theorem 4.2. Negative where
    no group of this order pays. Raises SettingError.

    >>> allowed_epsilon(4, 2.0, 0.25)
    0.75
    """
    return _size(kappa, "kappa") * (1 - 1 / sqrt(_order(order))) - _size(terms, "terms")


def _epsilon_term(epsilon: float, mu: float) -> float:
    return 2 * _size(epsilon, "epsilon") / positive(mu, "mu")


def _size(value: float, name: str) -> float:
    if not (isfinite(value) and value >= 0):
        raise SettingError(f"{name} must be a finite number of at least 0, got {value:g}")
    return value


def positive(value: float, name: str) -> float:
    """``value``; raises SettingError, with its ``name``, unless it is finite and above 0."""
    if not (isfinite(value) and value > 0):
        raise SettingError(f"{name} must be a finite number above 0, got {value:g}")
    return value


def _order(order: int) -> int:
    if order < 1:
        raise SettingError(f"order must be a number of elements of at least 1, got {order}")
    return order
