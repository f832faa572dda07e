"""Finite rotation and rotation-mirror groups as values, and their affine family (SPEC 3). No torch."""

from symmetry_audit.groups._affine import Affine
from symmetry_audit.groups._finite import Element, Group

__all__ = ["Affine", "Element", "Group"]
