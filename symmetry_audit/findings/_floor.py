"""The discretization floor: the epsilon that sampling on the pixel grid alone produces (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.fft import rfft2

from symmetry_audit.audit import own_sources, radial_power
from symmetry_audit.findings._totals import Totals
from symmetry_audit.groups import IDENTITY, Affine, Group
from symmetry_audit.kernels import RESPONSES, KernelModel, Stencil, distinct_elements, sampled_kernels, window_radius
from symmetry_audit.results import DATASET_ADAPTIVE
from symmetry_audit.statistics import relative_error

__all__ = [
    "discretization_floor",
    "floor_profile",
    "isotropic_profile",
    "mean_floors",
    "pink_power",
    "strict_floors",
]


GRID = 128  # frequencies per axis; twice as many move a relative floor by 3e-6 and 0.3 % of itself at most


def pink_power(frequency: np.ndarray) -> np.ndarray:
    """P(|k|) = 1 / |k|^2, the spectrum that photographs have on average; k in cycles/px."""
    return 1 / np.square(frequency)


def isotropic_profile(
    kernels: np.ndarray,
    power: Callable[[np.ndarray], np.ndarray] = pink_power,
    affine: Affine = IDENTITY,
) -> np.ndarray:
    """Mean absolute responses to ``kernels`` (T, k, k) of a Gaussian field that is isotropic, or has the group G_w
    of ``affine``: its spectrum is P(|D^T k|), and ``power`` is P. Shape (T,).

    f_t = sqrt(2/pi sum_k |phi_t^(k)|^2 P) over 0 < |k| <= 1/2 cycles/px, up to a common factor that depends on the
    normalization of P.
    """
    y, x = np.meshgrid(np.fft.fftfreq(GRID), np.fft.rfftfreq(GRID), indexing="ij")
    inside = (np.hypot(x, y) > 0) & (np.hypot(x, y) <= 0.5)
    waves = np.stack([x[inside], y[inside]])
    # columns of the half plane count twice, except the first and the last
    twice = np.where((waves[0] == 0) | (waves[0] == 0.5), 1.0, 2.0)
    weights = 2 / np.pi * twice * power(np.hypot(*(affine.matrix.T @ waves)))
    # one kernel at a time: all elements of a large group at once would fill the memory
    gains = (np.square(np.abs(rfft2(kernel, (GRID, GRID))[inside])) for kernel in kernels)
    return np.sqrt([gain @ weights for gain in gains])


def floor_profile(
    stencil: Stencil,
    group: Group,
    model: KernelModel,
    power: Callable[[np.ndarray], np.ndarray] = pink_power,
    affine: Affine = IDENTITY,
    response: str = "abs",
) -> np.ndarray:
    """``isotropic_profile`` of every element of ``group``, deformed by ``affine``, (T,), by the kind of ``response``.

    In the continuum it would be constant; its variation is the h-term of Theorem 3.7 of [SA]. A Gaussian field's mean
    squares are proportional to the square of its mean absolute responses.
    """
    matrices = affine.conjugate(group.matrices())
    kernels = sampled_kernels(stencil, matrices, model, window_radius(stencil, model, affine.ratio))
    kept, index = np.unique(distinct_elements(kernels), return_inverse=True)
    return isotropic_profile(kernels[kept], power, affine)[index] ** RESPONSES[response]


def discretization_floor(
    stencil: Stencil, group: Group, model: KernelModel, power: Callable[[np.ndarray], np.ndarray] = pink_power
) -> float:
    """Relative epsilon_G of an ideal isotropic field with radial spectrum ``power`` under strict rotations."""
    return float(relative_error(floor_profile(stencil, group, model, power)))


def mean_floors(totals: Totals, strict: np.ndarray) -> dict[str, np.ndarray]:
    """Mean profiles (S, R, T) by scenario of ideal fields with the images' own radial spectrum; ``strict`` those under
    strict rotations. For adaptive rows they are averaged over the binned deformations of the run."""
    floors = {scenario: strict for scenario in totals.settings.scenarios}
    if totals.settings.adaptive:
        floors[DATASET_ADAPTIVE.name] = np.stack(
            [_adaptive_floor(totals, s, *each) for s, each in enumerate(_models_and_spectra(totals))]
        )
    return floors


def strict_floors(totals: Totals) -> np.ndarray:
    """Mean profiles (S, R, T) of ideal fields with the images' own radial spectrum under strict rotations, of the body
    where these are asked for: constant up to the effect of the pixel grid."""
    return np.stack(
        [
            [_strict_floor(totals, stencil, *each) for stencil in totals.settings.stencils]
            for each in _models_and_spectra(totals)
        ]
    )


def _strict_floor(
    totals: Totals, stencil: Stencil, model: KernelModel, power: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The profile (T,) averaged over the images' bodies."""
    settings, bodies = totals.settings, totals.binned_bodies()
    profiles = [
        count * floor_profile(stencil, settings.group, model, power, body, settings.response)
        for body, count in bodies.items()
    ]
    return np.sum(profiles, axis=0) / totals.images


def _models_and_spectra(totals: Totals) -> list[tuple[KernelModel, Callable[[np.ndarray], np.ndarray]]]:
    """The kernel model and the mean radial spectrum of every scale."""
    settings = totals.settings
    spectra = [radial_power(spectrum / totals.images) for spectrum in np.atleast_2d(totals.spectrum)]
    models = [model for model in settings.models for _ in settings.downscale]
    return list(zip(models, spectra, strict=True))


def _adaptive_floor(
    totals: Totals, scale: int, model: KernelModel, power: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Profiles (R, T) averaged over the bins of (a, b) of each regularizer's own source."""
    from symmetry_audit.fits import DeformedFamily

    settings = totals.settings
    family = DeformedFamily(settings.stencils, settings.group, model)
    profiles = []
    for r, source in enumerate(own_sources(settings)):
        total = np.zeros(settings.group.order)
        for (a, b), count in totals.deformations.binned(scale, source).items():
            affine = Affine(a, b)
            profile = isotropic_profile(family.kernels(affine, (r,))[0], power, affine)
            total += count * profile[family.index] ** RESPONSES[settings.response]
        profiles.append(total / totals.images)
    return np.stack(profiles)
