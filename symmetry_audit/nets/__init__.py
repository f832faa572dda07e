"""Restoration networks: every backbone with every method, as published and in clean variants (SPEC 9)."""

from symmetry_audit.catalogue import BACKBONES, PRESETS
from symmetry_audit.nets._build import architecture_of, build, presets_of, scales_of, size_of, smallest_side
from symmetry_audit.nets._costs import Cost, costs
from symmetry_audit.nets._plan import Network, Plan, Size
from symmetry_audit.nets._unfolding import Stages

__all__ = [
    "BACKBONES",
    "PRESETS",
    "Cost",
    "Network",
    "Plan",
    "Size",
    "Stages",
    "architecture_of",
    "build",
    "costs",
    "presets_of",
    "scales_of",
    "size_of",
    "smallest_side",
]
