"""A CT slice as it would look with metal in it (SPEC 12)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import minimum_filter1d

from symmetry_audit.tomography._beam import REFERENCE, Beam
from symmetry_audit.tomography._fbp import fbp
from symmetry_audit.tomography._geometry import FanBeam
from symmetry_audit.tomography._interpolate import interpolate_trace
from symmetry_audit.tomography._joseph import project
from symmetry_audit.tomography._materials import ENERGIES, attenuation
from symmetry_audit.tomography._units import fit_mask, fit_slice, materials, to_mu

__all__ = ["CleanSlice", "MetalScan", "clean_slice", "synthesise"]

DENSITY = 4.5  # of titanium, g/cm3
RIM = 4.0  # by which metal is thinned at both rims of its trace: the partial volume effect
RUN = 3  # elements of the erosion that finds the rims


@dataclass(frozen=True, eq=False)
class CleanSlice:
    """A slice without metal, and what its scans have in common.

    ``image`` is (side, side) float32 in 1/cm. ``integrals`` maps "water" and "bone" to line integrals at 70 keV,
    ``attenuated`` is -log of the share of photons left without metal; all (views, detectors), in nepers.
    """

    geometry: FanBeam
    beam: Beam
    image: np.ndarray
    integrals: dict[str, np.ndarray]
    attenuated: np.ndarray


@dataclass(frozen=True, eq=False)
class MetalScan:
    """One scan of a slice with metal: images (side, side) float32 in 1/cm, sinograms (views, detectors) in nepers.

    ``image`` is the truth, ``metal`` (bool) where the metal is. ``sinogram`` (float64) is the measurement after the
    water correction, ``corrupted`` its reconstruction, ``trace`` (bool) the rays through metal; ``li_sinogram`` and
    ``li`` are those of linear interpolation.
    """

    image: np.ndarray
    metal: np.ndarray
    sinogram: np.ndarray
    corrupted: np.ndarray
    trace: np.ndarray
    li_sinogram: np.ndarray
    li: np.ndarray


def clean_slice(hu: np.ndarray, geometry: FanBeam | None = None, beam: Beam | None = None) -> CleanSlice:
    """Prepare a slice in HU, (H, H), for any number of masks; see ``fit_slice`` for sizes and errors."""
    geometry, beam = geometry or FanBeam(), beam or Beam()
    image = to_mu(fit_slice(hu, geometry)).astype(np.float32)
    parts = torch.from_numpy(np.stack(materials(image)))
    water, bone = project(parts, geometry).numpy()
    integrals = {"water": water, "bone": bone}
    return CleanSlice(geometry, beam, image, integrals, beam.polychromatic(integrals))


def synthesise(clean: CleanSlice, mask: np.ndarray, rng: np.random.Generator) -> MetalScan:
    """One scan of ``clean`` with titanium where ``mask``, (H, H) of any size, is not 0, with noise from ``rng``.

    The metal takes the place of nothing: its line integrals are added, as in SynDeepLesion. Raises SettingError for a
    mask that is not square or covers a whole view.
    """
    geometry, beam = clean.geometry, clean.beam
    metal = fit_mask(mask, geometry)
    lengths = project(torch.from_numpy(metal.astype(np.float32)), geometry).numpy()
    trace = lengths > 0
    attenuated = clean.attenuated.copy()
    attenuated[trace] = beam.polychromatic(
        {
            **{name: integral[trace] for name, integral in clean.integrals.items()},
            "titanium": _titanium(lengths, trace)[trace],
        }
    )
    sinogram = beam.corrected(beam.counted(attenuated, rng))
    li_sinogram = interpolate_trace(sinogram, trace)
    both = torch.from_numpy(np.stack([sinogram, li_sinogram]).astype(np.float32))
    corrupted, li = fbp(both, geometry).numpy()
    return MetalScan(clean.image, metal, sinogram, corrupted, trace, li_sinogram, li)


def _titanium(lengths: np.ndarray, trace: np.ndarray) -> np.ndarray:
    """Line integrals at 70 keV of metal of the ``lengths`` in cm, thinned at the rims of its ``trace``."""
    rims = trace & ~minimum_filter1d(trace, RUN, axis=1, mode="nearest")
    integrals = DENSITY * attenuation("titanium")[ENERGIES == REFERENCE] * lengths
    return np.where(rims, integrals / RIM, integrals)
