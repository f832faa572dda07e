"""Finite rotation and rotation-mirror groups as values, and their affine family (SPEC 3). No torch."""

from symmetry_audit.groups._affine import IDENTITY, MAX_RATIO, Affine
from symmetry_audit.groups._finite import Element, Group, as_group
from symmetry_audit.groups._median import affine_distance, geometric_median

__all__ = ["IDENTITY", "MAX_RATIO", "Affine", "Element", "Group", "affine_distance", "as_group", "geometric_median"]
