"""Does a network match the data? Equivariance errors on images, layer by layer, compared with an audit."""

from symmetry_audit.alignment._compare import compare_with_data
from symmetry_audit.alignment._domain import DEFAULT_CROP, Domain, centred_square
from symmetry_audit.alignment._invariance import measure_invariance
from symmetry_audit.alignment._measure import measure_alignment
from symmetry_audit.alignment._repeat import batch_difference
from symmetry_audit.alignment._unit import UnitTrial, try_units
from symmetry_audit.alignment._verdict import with_verdict

__all__ = [
    "DEFAULT_CROP",
    "Domain",
    "UnitTrial",
    "batch_difference",
    "centred_square",
    "compare_with_data",
    "measure_alignment",
    "measure_invariance",
    "try_units",
    "with_verdict",
]
