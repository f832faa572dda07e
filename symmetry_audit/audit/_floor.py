"""The discretisation floor: the epsilon that sampling on a mesh leaves for a perfectly isotropic field (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from symmetry_audit.audit._epsilon import symmetry_error
from symmetry_audit.groups import Group
from symmetry_audit.kernels import KernelModel, Stencil, sampled_kernels, window_radius

__all__ = ["discretisation_floor", "isotropic_profile", "pink_power"]

GRID = 256  # frequencies per axis; figures move by less than 1e-3 of themselves between 128 and 256


def pink_power(frequency: np.ndarray) -> np.ndarray:
    """P(|k|) = 1 / |k|^2, the spectrum that photographs have on average; k in cycles/px."""
    return 1 / np.square(frequency)


def isotropic_profile(kernels: np.ndarray, power: Callable[[np.ndarray], np.ndarray] = pink_power) -> np.ndarray:
    """Mean absolute responses of a Gaussian isotropic field to ``kernels`` (T, k, k), shape (T,).

    f_t = sqrt(2/pi sum_k |phi_t^(k)|^2 P(|k|)) over 0 < |k| <= 1/2 cycles/px, up to a common factor that
    depends on the normalisation of P.
    """
    axis = np.fft.fftfreq(GRID)
    frequency = np.hypot(axis[:, None], axis)
    inside = (frequency > 0) & (frequency <= 0.5)
    weights = 2 / np.pi * power(frequency[inside])
    # one kernel at a time: all elements of a large group at once would fill the memory
    gains = (np.square(np.abs(np.fft.fft2(kernel, (GRID, GRID))[inside])) for kernel in kernels)
    return np.sqrt([gain @ weights for gain in gains])


def discretisation_floor(
    stencil: Stencil,
    group: Group,
    model: KernelModel,
    power: Callable[[np.ndarray], np.ndarray] = pink_power,
) -> float:
    """Relative epsilon_G of an ideal isotropic field with radial spectrum ``power`` under strict rotations.

    In the continuum it would be 0; what is left is the h-term of Theorem 3.7 of [SA].
    """
    kernels = sampled_kernels(stencil, group.matrices(), model, window_radius(stencil, model))
    profile = isotropic_profile(kernels, power)
    return float(symmetry_error(profile)[0] / profile[0])
