"""The constants of Theorem 3.6 as printed at the end of its proof in the paper's supplement (SM5.52, lines 255-259).

Nothing of the project is imported. The formulas are copied term by term, whether or not the proof carries them, and
worked out in exact fractions of the decimal inputs. The supplement's growth condition is (SM5.26), with mu and not
mu/2.
"""

from __future__ import annotations

from fractions import Fraction

Triple = tuple[float, float, float]


def exact(values: Triple) -> list[Fraction]:
    """The decimal numbers as written, with no rounding to binary."""
    return [Fraction(str(value)) for value in values]


def printed_bound(
    epsilon: float, mu: float, h: float, image: Triple, blur: Triple, regularizer: Triple, radii: Triple
) -> dict[str, float]:
    """The named constants and the bound; a triple bounds the value, gradient and Hessian; radii are D_r, D_k, D_R."""
    epsilon, mu, h = exact((epsilon, mu, h))
    (F1, G1, H1), (F2, G2, H2), (F3, G3, H3) = exact(image), exact(blur), exact(regularizer)
    Dr, Dk, DR = exact(radii)
    C0 = F1 * H2 + F2 * H1 + 2 * G1 * G2
    Cbar = 2 * (1 + 4 * Dk**2 * F2) * (4 * C0 * Dk**2 * F1 + (G1**2 + F1 * H1) * (1 + 4 * Dk**2 * F2))
    Creg = H3 * F1 + 2 * G1 * G3 + 2 * F3 * H1
    Ctilde = 4 / mu * (Creg * (Dr + DR) ** 2 + Cbar * (Dr + Dk) ** 2)
    Chat = 2 / mu
    C1 = 4 / mu * (H3 * F1 + 2 * G1 * G3 + 2 * F3 * H1)
    C2 = 4 / mu * Cbar + 8 * G1**2 + 8 * F1 * H1
    bound = (C1 * (Dr + DR) ** 2 + C2 * (Dr + Dk) ** 2) * h**2 + Chat * epsilon
    uncombined = Ctilde * h**2 + Chat * epsilon + (8 * G1**2 + 8 * F1 * H1) * (Dr + Dk) ** 2 * h**2
    assert bound == uncombined
    named = {"C0": C0, "Cbar": Cbar, "Creg": Creg, "C1": C1, "C2": C2, "Chat": Chat, "Ctilde": Ctilde, "bound": bound}
    return {name: float(value) for name, value in named.items()}
