"""CT in a fan beam: projection, reconstruction, and the synthesis and correction of metal artefacts (SPEC 12)."""

from symmetry_audit.tomography._beam import Beam
from symmetry_audit.tomography._fbp import fbp
from symmetry_audit.tomography._geometry import FanBeam
from symmetry_audit.tomography._interpolate import interpolate_trace, nmar, nmar_prior
from symmetry_audit.tomography._joseph import backproject, project
from symmetry_audit.tomography._materials import ENERGIES, attenuation, tube_spectrum
from symmetry_audit.tomography._metal import body_mask, random_metal, read_masks
from symmetry_audit.tomography._synthesis import CleanSlice, MetalScan, clean_slice, synthesise
from symmetry_audit.tomography._units import fit_mask, fit_slice, materials, to_hu, to_mu

__all__ = [
    "ENERGIES",
    "Beam",
    "CleanSlice",
    "FanBeam",
    "MetalScan",
    "attenuation",
    "backproject",
    "body_mask",
    "clean_slice",
    "fbp",
    "fit_mask",
    "fit_slice",
    "interpolate_trace",
    "materials",
    "nmar",
    "nmar_prior",
    "project",
    "random_metal",
    "read_masks",
    "synthesise",
    "to_hu",
    "to_mu",
    "tube_spectrum",
]
