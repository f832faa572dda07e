"""Per-image affine fits in the smooth coordinates (a, b): the group G_w of each image (SPEC 5). Imports torch."""

from symmetry_audit.fits._problem import DeformedFamily
from symmetry_audit.fits._sample import WindowSample, sample_windows
from symmetry_audit.fits._solver import Solution, proxy, solve
from symmetry_audit.fits._structure import StructureTensor, structure_tensor

__all__ = [
    "DeformedFamily",
    "Solution",
    "StructureTensor",
    "WindowSample",
    "proxy",
    "sample_windows",
    "solve",
    "structure_tensor",
]
