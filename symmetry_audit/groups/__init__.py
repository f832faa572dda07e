"""Finite rotation and rotation-mirror groups as values, and their affine family (SPEC 3). No torch."""

from symmetry_audit.groups._affine import MAX_RATIO, Affine
from symmetry_audit.groups._finite import Element, Group

__all__ = ["MAX_RATIO", "Affine", "Element", "Group"]
