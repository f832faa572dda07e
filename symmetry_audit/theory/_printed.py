"""The constants of Theorem 3.7 as [SA] prints them (its supplementary material, SM3 to SM5; Theorem 3.6 there).

The energy is F(x) = min_k ||y - k * x||^2 + R(x), without a factor 1/2, and mu its growth, F(x') >= F(x) +
mu ||x' - x||^2: half of a strong convexity (SM5.26). Images vanish beyond D_r, the blur k beyond D_k, the kernel k^R of
R beyond D_R; F1 G1 H1, F2 G2 H2, F3 G3 H3 bound their values, gradients and Hessians. Then

    (1/N) sum_n ||Phi(pi y_n) - pi Phi(y_n)||_h^2 <= [C1 (D_r + D_R)^2 + C2 (D_r + D_k)^2] h^2 + C^ epsilon,
    C1 = (4/mu) C_reg,  C_reg = H3 F1 + 2 G1 G3 + 2 F3 H1,  C2 = (4/mu) Cbar + 8 G1^2 + 8 F1 H1,  C^ = 2/mu,
    Cbar = 2 (1 + 4 D_k^2 F2) [4 C0 D_k^2 F1 + (G1^2 + F1 H1)(1 + 4 D_k^2 F2)],  C0 = F1 H2 + F2 H1 + 2 G1 G2,

the form norm + (4/mu) (data + regularizer) + (2/mu) epsilon of :func:`~symmetry_audit.theory.mesh_bound`.

Steps that do not follow as printed: (SM5.35) squares a triangle inequality of three terms without its factor 3; (SM4.6)
and (SM4.10) take (D_r + D_R)^2 for an area that is pi to four times that; R is linear in the image there, (SM4.5),
without the absolute value of Eq. (8); and Lemma SM5.1 is stated with F3 H1 where its proof has 2 F3 H1, used here.
:mod:`symmetry_audit.theory._constants` derives the theorem without these steps. Without a blur its term for distances
is a third of the printed one, its term for the data a sixth: a third for the sum, half for mu.
"""

from __future__ import annotations

from dataclasses import dataclass

from symmetry_audit.results import Smoothness
from symmetry_audit.theory._bounds import positive
from symmetry_audit.theory._constants import KernelSmoothness

__all__ = ["PrintedConstants", "printed_constants", "printed_errors"]


@dataclass(frozen=True, kw_only=True)
class PrintedConstants:
    """C0, Cbar, C_reg, C1, C2 and C^ (``c_epsilon``) of Theorem 3.7."""

    c0: float
    c_bar: float
    c_reg: float
    c1: float
    c2: float
    c_epsilon: float


def printed_constants(
    image: Smoothness, regularizer: KernelSmoothness, mu: float, blur: KernelSmoothness | None = None
) -> PrintedConstants:
    """Every constant of Theorem 3.7 from F, G, H of images, of the regularizer's kernel and of the blur.

    Without a ``blur``, k is the identity: the integral of |k|, which 4 D_k^2 F2 bounds, is 1, and C0 drops out (ours).
    ``mu`` is the growth, half of a strong convexity. Raises SettingError unless it is positive.
    """
    curvature = image.gradient**2 + image.value * image.hessian
    c0 = spread = 0.0
    mass = 1.0
    if blur is not None:
        spread = blur.radius**2
        mass = 4 * spread * blur.value
        c0 = image.value * blur.hessian + blur.value * image.hessian + 2 * image.gradient * blur.gradient
    c_bar = 2 * (1 + mass) * (4 * c0 * spread * image.value + curvature * (1 + mass))
    c_reg = (
        regularizer.hessian * image.value
        + 2 * image.gradient * regularizer.gradient
        + 2 * regularizer.value * image.hessian
    )
    of_mu = 4 / positive(mu, "mu")
    return PrintedConstants(
        c0=c0, c_bar=c_bar, c_reg=c_reg, c1=of_mu * c_reg, c2=of_mu * c_bar + 8 * curvature, c_epsilon=of_mu / 2
    )


def printed_errors(
    image: Smoothness,
    regularizer: KernelSmoothness,
    h: float,
    blur: KernelSmoothness | None = None,
    radius: float = 1.0,
) -> dict[str, float]:
    """The errors of sums over a grid of spacing ``h`` as printed, for ``mesh_bound``; D_r is ``radius``.

    ``norm``, (8 G1^2 + 8 F1 H1)(D_r + D_k)^2 h^2, of squared distances (SM5.47); ``data``, Cbar (D_r + D_k)^2 h^2, of
    the data term (Lemma SM5.2); ``regularizer``, C_reg (D_r + D_R)^2 h^2, of R(r) = (D_r + D_R)^-2 times the integral
    of k^R * r (Lemma 3.5). Raises SettingError unless ``h`` is positive.
    """
    found = printed_constants(image, regularizer, 1.0, blur)
    mesh = positive(h, "h") ** 2
    norm = 8 * (image.gradient**2 + image.value * image.hessian)
    seen = (radius + (0.0 if blur is None else blur.radius)) ** 2 * mesh
    return {
        "norm": norm * seen,
        "data": found.c_bar * seen,
        "regularizer": found.c_reg * (radius + regularizer.radius) ** 2 * mesh,
    }
