"""Finite rotation and rotation-mirror groups as values, and their affine family (SPEC 3). No torch."""

from symmetry_audit.groups._affine import MAX_RATIO, Affine
from symmetry_audit.groups._finite import Element, Group
from symmetry_audit.groups._median import affine_distance, geometric_median

__all__ = ["MAX_RATIO", "Affine", "Element", "Group", "affine_distance", "geometric_median"]
