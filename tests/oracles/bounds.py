"""Slow float64 reference for the solvable case of the bounds, written from SPEC sections 3 and 7.

Nothing of the project is imported.  Fields are (m, m) arrays indexed [y, x] on the periodic mesh of [-1, 1]^2; the
point [0, 0] is x = 0 and the centre of turns; h = 2/m; squared norms carry h^2.
"""

import math

import numpy as np
from scipy.optimize import minimize
from scipy.special import jv


def periodic_matrix(kernel):
    """The dense matrix of (k * x)[y] = sum_u k[u] x[y - u], entry by entry."""
    m = len(kernel)
    matrix = np.zeros((m * m, m * m))
    for row in range(m):
        for column in range(m):
            for u in range(m):
                for v in range(m):
                    matrix[row * m + column, ((row - u) % m) * m + (column - v) % m] += kernel[u, v]
    return matrix


def energy(x, y, kernels, data):
    """(data/2) ||x - y||_h^2 + (1/2) sum ||k * x||_h^2, by dense matrices."""
    square = (2 / len(x)) ** 2
    total = data / 2 * ((x - y) ** 2).sum()
    for kernel in kernels:
        total += ((periodic_matrix(kernel) @ x.ravel()) ** 2).sum() / 2
    return square * total


def normal_equations(y, kernels, data):
    """The minimiser of the energy from its normal equations."""
    matrices = [periodic_matrix(kernel) for kernel in kernels]
    hessian = data * np.eye(y.size) + sum(matrix.T @ matrix for matrix in matrices)
    return np.linalg.solve(hessian, data * y.ravel()).reshape(y.shape), hessian


def searched_minimum(y, kernels, data):
    """The minimiser found by a general-purpose search that knows nothing of the solution."""
    matrices = [periodic_matrix(kernel) for kernel in kernels]

    def value(flat):
        parts = [matrix @ flat for matrix in matrices]
        difference = flat - y.ravel()
        gradient = data * difference + sum(m.T @ part for m, part in zip(matrices, parts, strict=True))
        return data / 2 * difference @ difference + sum(part @ part for part in parts) / 2, gradient

    found = minimize(value, np.zeros(y.size), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
    return found.x.reshape(y.shape)


def turned_waves(k, amplitudes, phases, angle, size):
    """(pi r)(x) = r(A^-1 x) of a sum of waves, evaluated point by point at turned coordinates; A as in SPEC 3."""
    A = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    back = np.linalg.inv(A)
    field = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            x, y = back @ (2 / size * np.array([column, row]))
            for (kx, ky), amplitude, phase in zip(k, amplitudes, phases, strict=True):
                field[row, column] += amplitude * math.cos(math.pi * (kx * x + ky * y) + phase)
    return field


def disc_kernel(points, rho):
    """The pair x_d (1 - |x|^2 / rho^2)^2 inside |x| < rho, 0 outside; ``points`` (..., 2) -> (2, ...)."""
    inside = np.maximum(1 - (points**2).sum(-1) / rho**2, 0) ** 2
    return np.moveaxis(points * inside[..., None], -1, 0)


def disc_symbol(omega, rho):
    """|F phi_1|^2 + |F phi_2|^2 of that pair at |omega|, in closed form: with s = rho |omega| and n = 2,
    the transform of (1 - |x|^2)^n is 2 pi 2^n n! J_{n+1}(s) / s^{n+1}, and d/ds (J_v / s^v) = -J_{v+1} / s^v."""
    s = rho * np.asarray(omega, dtype=float)
    safe = np.where(s == 0, 1.0, s)
    return np.where(s == 0, 0.0, rho**3 * 2 * math.pi * 8 * jv(4, safe) / safe**3) ** 2


def theorem_37(epsilon, mu, F, G, H, area, h, regularizer):
    """C h^2 + (2/mu) epsilon with the two parts of the distances written out, the regularizer's error given."""
    distances = area * h**2 / 12 * 2 * ((2 * F) * (2 * H) + (2 * G) ** 2)
    data = mu / 2 * distances
    return 2 * epsilon / mu + distances + 4 / mu * (data + regularizer)


def response_errors(image, kernel, support, mass, h, area, response):
    """What sampling the kernel and summing the responses cost; F, G, H of image and kernel in turn."""
    F1, G1, H1 = image
    F2, G2, H2 = kernel
    off = support * h**2 / 12 * (F1 * H2 + G1 * G2 + G1 * G2 + H1 * F2)
    cell = (np.arange(2000) + 0.5) / 2000 - 0.5  # the mean distance from the centre of a cell, by summing
    distance = np.hypot(cell[:, None], cell).mean() * h
    if response == "abs":
        return area * off, area * distance * mass * G1
    q, slope, bend = mass * F1, mass * G1, mass * H1
    return area * ((q + off) ** 2 - q**2), area * h**2 / 12 * 2 * (q * bend + slope**2)
