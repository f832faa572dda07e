"""Stencils, kernel models and the kernels sampled from them (SPEC 2-3). No torch."""

from symmetry_audit.kernels._bank import distinct_elements, sampled_banks, sampled_kernels, window_radius
from symmetry_audit.kernels._direct import DirectDesign, DirectPlan, direct_design
from symmetry_audit.kernels._factored import FactoredBank, factor_bank
from symmetry_audit.kernels._harmonic import HarmonicPlan, harmonic_plan
from symmetry_audit.kernels._kinds import RESPONSES, sees_sign
from symmetry_audit.kernels._models import (
    KERNEL_MODELS,
    BicubicKernel,
    FourierKernel,
    GaussianKernel,
    KernelModel,
    kernel_model,
    keys_cubic,
)
from symmetry_audit.kernels._stencils import DEFAULT_REGULARIZERS, STENCILS, Stencil, load_stencils
from symmetry_audit.kernels._subspace import KernelSubspace, kernel_subspace
from symmetry_audit.kernels._taps import LEAST_RADIUS

__all__ = [
    "DEFAULT_REGULARIZERS",
    "KERNEL_MODELS",
    "LEAST_RADIUS",
    "RESPONSES",
    "STENCILS",
    "BicubicKernel",
    "DirectDesign",
    "DirectPlan",
    "FactoredBank",
    "FourierKernel",
    "GaussianKernel",
    "HarmonicPlan",
    "KernelModel",
    "KernelSubspace",
    "Stencil",
    "direct_design",
    "distinct_elements",
    "factor_bank",
    "harmonic_plan",
    "kernel_model",
    "kernel_subspace",
    "keys_cubic",
    "load_stencils",
    "sampled_banks",
    "sampled_kernels",
    "sees_sign",
    "window_radius",
]
