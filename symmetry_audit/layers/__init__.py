"""Equivariant convolutions: one layer, nine methods (SPEC 9)."""

from symmetry_audit.catalogue import METHODS, Method
from symmetry_audit.layers._affine import Deformation, FreeDeformation, SharedDeformation
from symmetry_audit.layers._convolution import EquivariantConv2d, GroupConv2d, LiftingConv2d, ProjectionConv2d
from symmetry_audit.layers._fold import fold
from symmetry_audit.layers._halving import HalvingPool2d
from symmetry_audit.layers._hypernetwork import EquivariantHyperNetwork, HyperNetwork, SampleAdaptive
from symmetry_audit.layers._methods import Layers
from symmetry_audit.layers._norms_and_pooling import (
    AntiAliasedPool2d,
    GroupBatchNorm2d,
    GroupDropout2d,
    GroupInstanceNorm2d,
    GroupPixelShuffle,
    GroupPool,
    PerFeature,
)
from symmetry_audit.layers._partial import PartialGate, kept_elements
from symmetry_audit.layers._relaxed import relaxation, relaxation_of_layers
from symmetry_audit.layers._weights import load_weights
from symmetry_audit.layers.bases import BASES, Basis, make_basis

__all__ = [
    "BASES",
    "METHODS",
    "AntiAliasedPool2d",
    "Basis",
    "Deformation",
    "EquivariantConv2d",
    "EquivariantHyperNetwork",
    "FreeDeformation",
    "GroupBatchNorm2d",
    "GroupConv2d",
    "GroupDropout2d",
    "GroupInstanceNorm2d",
    "GroupPixelShuffle",
    "GroupPool",
    "HalvingPool2d",
    "HyperNetwork",
    "Layers",
    "LiftingConv2d",
    "Method",
    "PartialGate",
    "PerFeature",
    "ProjectionConv2d",
    "SampleAdaptive",
    "SharedDeformation",
    "fold",
    "kept_elements",
    "load_weights",
    "make_basis",
    "relaxation",
    "relaxation_of_layers",
]
