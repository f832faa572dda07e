"""Slow loops for the statistics of SPEC section 6, written from it. Nothing of the project is imported.

Elements are known by their matrices alone, so that no multiplication table of the project is used.
"""

import cmath
import itertools
import math

import numpy as np


def epsilon(profile, elements=None):
    """SPEC section 4: the largest |f_0 - f_t| of one mean profile (T,) over the listed elements."""
    listed = range(len(profile)) if elements is None else elements
    return max(abs(float(profile[0]) - float(profile[t])) for t in listed)


def relative(profile, elements=None):
    """SPEC section 4: (max - min) / mean of one mean profile (T,) over the listed elements."""
    values = [float(profile[t]) for t in (range(len(profile)) if elements is None else elements)]
    return (max(values) - min(values)) / (sum(values) / len(values))


def relative_of_single_images(profiles):
    """SPEC section 4: the mean of each profile's max - min over the mean of each profile's mean, profiles (N, T)."""
    spreads = [max(map(float, profile)) - min(map(float, profile)) for profile in profiles]
    means = [sum(map(float, profile)) / len(profile) for profile in profiles]
    return sum(spreads) / sum(means)


def bootstrap_mean(tables, weights):
    """The mean of tables, a list of equal arrays, each counted as often as its weight says."""
    total = sum(int(weight) * table for weight, table in zip(weights, tables, strict=True))
    return total / sum(int(weight) for weight in weights)


def shifted_mean(profiles, shifts, matrices):
    """SPEC section 6: the mean over images n of f_{B_n^-1 A}, profiles (N, T), shifts (N,) the index of B_n."""
    table = [[_find(np.linalg.inv(b) @ a, matrices) for a in matrices] for b in matrices]
    mean = np.zeros(len(matrices))
    for profile, shift in zip(profiles, shifts, strict=True):
        for a in range(len(matrices)):
            mean[a] += profile[table[shift][a]]
    return mean / len(profiles)


def _find(matrix, matrices):
    """Where the one equal matrix stands."""
    (found,) = [t for t, other in enumerate(matrices) if np.abs(matrix - other).max() < 1e-9]
    return found


def leave_one_out(profiles, left_out):
    """epsilon of all profiles (N, T) minus epsilon of all but one."""
    others = [profile for n, profile in enumerate(profiles) if n != left_out]
    return epsilon(np.mean(profiles, axis=0)) - epsilon(np.mean(others, axis=0))


def p_value(observed, draws):
    """SPEC section 6: (1 + number of draws at least as large) / (B + 1)."""
    return (1 + sum(draw >= observed for draw in draws)) / (len(draws) + 1)


def enough(sizes, means, tolerance):
    """The least size from which on every mean lies within the relative tolerance of the last."""
    for at, size in enumerate(sizes):
        if all(abs(mean - means[-1]) <= tolerance * means[-1] for mean in means[at:]):
            return size
    raise AssertionError("the last mean is always within the tolerance of itself")


def divisors(number):
    """All divisors by trial."""
    return [d for d in range(1, number + 1) if math.gcd(d, number) == d]


def direction(profile, harmonic):
    """SPEC section 8: 2 sum_t f_t exp(i m theta_t) / sum_t f_t of one profile over rotations alone, by a loop."""
    total = sum(
        float(value) * cmath.exp(1j * harmonic * 2 * math.pi * t / len(profile)) for t, value in enumerate(profile)
    )
    return 2 * total / sum(map(float, profile))


def common_share(z, weights=None):
    """The mean of z_i z_j over pairs of different images (each as often as its weight) over the mean of |z|^2.

    Equal to (N |mean z|^2 / mean |z|^2 - 1) / (N - 1), SPEC section 8, where every weight is 1.
    """
    listed = [one for one, times in zip(z, weights or [1] * len(z), strict=True) for _ in range(int(times))]
    pairs = [(a * b.conjugate()).real for i, a in enumerate(listed) for j, b in enumerate(listed) if i != j]
    return (sum(pairs) / len(pairs)) / (sum(abs(one) ** 2 for one in listed) / len(listed))


def closed_testing(p_values):
    """Holm from its definition: the largest Bonferroni p-value, size times smallest, of the sets that contain i."""
    places = range(len(p_values))
    sets = [chosen for size in places for chosen in itertools.combinations(places, size + 1)]
    return [
        max(min(1.0, len(chosen) * min(p_values[j] for j in chosen)) for chosen in sets if i in chosen) for i in places
    ]
