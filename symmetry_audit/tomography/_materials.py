"""Attenuation of water, cortical bone and titanium, and the spectrum of a tube at 120 kVp."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np

__all__ = ["ENERGIES", "attenuation", "tube_spectrum"]

ENERGIES = np.arange(20, 121)  # keV
ENERGIES.flags.writeable = False
PEAK = 120.5  # keV
FILTER = 2.699 * 0.321  # g/cm2 of aluminium
CURVE = (-0.139, -0.873, 1.386)  # of E/60 - 1, its square and its cube
LINES = {58: 0.0193, 59: 0.0276, 60: 0.0357, 67: 0.0060, 69: 0.0070}  # of tungsten, keV -> share of the rest


def attenuation(material: str) -> np.ndarray:
    """Mass attenuation in cm2/g, coherent scattering included, at ``ENERGIES``: (101,) float64.

    ``material`` is "water", "bone" (cortical, ICRU 44), "titanium" or "aluminium". The table is that of Elam, Ravel
    & Sieber (2002).

    >>> float(attenuation("water")[ENERGIES == 70][0])
    0.192853
    """
    return _table()[material].copy()


@cache
def _table() -> dict[str, np.ndarray]:
    text = (files("symmetry_audit.tomography") / "attenuation.csv").read_text(encoding="utf-8")
    _, names, *rows = text.splitlines()
    columns = np.array([[float(value) for value in row.split(",")] for row in rows]).T
    return dict(zip(names.split(","), columns, strict=True))


def tube_spectrum() -> np.ndarray:
    """Photons per keV at ``ENERGIES`` of a tube at 120 kVp, sum 1, by the formula of SPEC 12: (101,) float64."""
    away = ENERGIES / 60 - 1
    curve = sum(factor * away**power for power, factor in enumerate(CURVE, 1))
    smooth = (PEAK / ENERGIES - 1) * np.exp(curve - FILTER * attenuation("aluminium"))
    spectrum = smooth / smooth.sum()
    for energy, share in LINES.items():
        spectrum[energy - ENERGIES[0]] += share
    return spectrum / spectrum.sum()
