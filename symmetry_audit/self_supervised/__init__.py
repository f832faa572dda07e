"""Losses that train a restorer from measurements alone: SURE, EI and REI, for any linear operator (SPEC 13).

All are made once and called alike, ``loss(restore, y, operator, *, restored=None, generator=None)``, and give one value
for each image, (N,): ``restore`` is f, from measurements to images, ``restored`` f(y) where that is known already.
"""

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
