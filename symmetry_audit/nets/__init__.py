"""Restoration networks: five backbones by nine methods, as published and in clean variants (SPEC 9)."""

from symmetry_audit.nets._build import BACKBONES, build, scales_of, smallest_side
from symmetry_audit.nets._costs import Cost, costs
from symmetry_audit.nets._presets import PRESETS, SIZES, Size
from symmetry_audit.nets._unfolding import Stages

__all__ = ["BACKBONES", "PRESETS", "SIZES", "Cost", "Size", "Stages", "build", "costs", "scales_of", "smallest_side"]
