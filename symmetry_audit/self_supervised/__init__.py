"""Losses that train a restorer from measurements alone: SURE, EI and REI, for any linear operator (SPEC 13)."""

from symmetry_audit.self_supervised._losses import EILoss, REILoss
from symmetry_audit.self_supervised._noise import Noise
from symmetry_audit.self_supervised._operators import LinearOperator, MaskOperator
from symmetry_audit.self_supervised._sure import GaussianSURE, MixedSURE, PoissonSURE
from symmetry_audit.self_supervised._transforms import Rotations, Shifts, Transforms

__all__ = [
    "EILoss",
    "GaussianSURE",
    "LinearOperator",
    "MaskOperator",
    "MixedSURE",
    "Noise",
    "PoissonSURE",
    "REILoss",
    "Rotations",
    "Shifts",
    "Transforms",
]
