"""What a polychromatic beam leaves of line integrals: spectrum, photons, scatter, water correction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.tomography._materials import ENERGIES, attenuation, tube_spectrum

__all__ = ["Beam"]

REFERENCE = 70  # keV, the energy of line integrals
RAYS = 4096  # in a block, which then stays in the cache
THICKNESS = np.arange(1001) * 0.05  # cm of water, over which the correction is fitted


@dataclass(frozen=True, eq=False)
class Beam:
    """A polychromatic beam and its detector.

    Parameters
    ----------
    spectrum : ndarray, optional
        Photons at 20, 21, ... 120 keV, (101,), on any scale; ``tube_spectrum()`` by default.
    photons : float
        Photons that reach a detector element when nothing is in the way.
    scatter : float
        Photons that reach every element besides.

    Raises SettingError for values out of range.
    """

    spectrum: np.ndarray = field(default_factory=tube_spectrum)
    photons: float = 2e7
    scatter: float = 20.0

    def __post_init__(self) -> None:
        spectrum = np.array(self.spectrum, np.float64)
        if (
            spectrum.shape != ENERGIES.shape
            or not (np.isfinite(spectrum) & (spectrum >= 0)).all()
            or not spectrum.any()
        ):
            raise SettingError(
                f"a spectrum is {len(ENERGIES)} numbers of photons at {ENERGIES[0]}, ... {ENERGIES[-1]} keV, none "
                f"negative and not all zero; got shape {spectrum.shape}"
            )
        if not (self.photons >= 1 and self.scatter >= 0 and np.isfinite([self.photons, self.scatter]).all()):
            raise SettingError(f"a beam needs photons >= 1 and scatter >= 0, got {self.photons} and {self.scatter}")
        object.__setattr__(self, "spectrum", spectrum / spectrum.sum())

    def polychromatic(self, integrals: Mapping[str, np.ndarray]) -> np.ndarray:
        """-log of the share of photons that is left, in the shape of the arrays of ``integrals``, float64.

            p = -log sum_E S(E) exp(-sum_m P_m mu_m(E) / mu_m(70 keV))

        ``integrals`` maps materials ("water", "bone", "titanium") to line integrals P_m at 70 keV, in nepers.
        """
        ratios = np.stack([_relative(material) for material in integrals])
        rays = np.stack([np.asarray(values, np.float64) for values in integrals.values()], axis=-1)
        left = np.empty(rays.shape[:-1])
        flat, rays = left.reshape(-1), rays.reshape(-1, len(integrals))
        for at in range(0, len(flat), RAYS):
            flat[at : at + RAYS] = np.exp(-rays[at : at + RAYS] @ ratios) @ self.spectrum
        return -np.log(left)

    def counted(self, p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """-log of the share of ``photons`` counted where exp(-p) is left, with Poisson noise and scatter; float64."""
        counts = rng.poisson(np.rint(self.photons * np.exp(-p)) + self.scatter)
        return -np.log(np.maximum(counts, 1) / self.photons)

    @cached_property
    def correction(self) -> np.ndarray:
        """(c1, c2, c3) of c1 p + c2 p^2 + c3 p^3, which makes water of up to 50 cm monochromatic by least squares."""
        straight = THICKNESS * attenuation("water")[ENERGIES == REFERENCE]
        return np.linalg.lstsq(_powers(self.polychromatic({"water": straight})), straight, rcond=None)[0]

    def corrected(self, p: np.ndarray) -> np.ndarray:
        """The water correction of ``p``, of its shape."""
        return _powers(p) @ self.correction


def _relative(material: str) -> np.ndarray:
    """mu(E) / mu(70 keV) at ``ENERGIES``."""
    table = attenuation(material)
    return table / table[ENERGIES == REFERENCE]


def _powers(p: np.ndarray) -> np.ndarray:
    return np.stack([p, p**2, p**3], axis=-1)
