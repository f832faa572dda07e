"""Audits of several sets of images set side by side: differences, their intervals, and what a network restores."""

from symmetry_audit.comparison._compare import compare_audits
from symmetry_audit.comparison._measured import AuditedSet, Cell
from symmetry_audit.comparison._pairing import KEYS, image_keys
from symmetry_audit.comparison._verdicts import (
    difference_verdicts,
    overall_difference,
    overall_restoration,
    restoration_verdict,
)

__all__ = [
    "KEYS",
    "AuditedSet",
    "Cell",
    "compare_audits",
    "difference_verdicts",
    "image_keys",
    "overall_difference",
    "overall_restoration",
    "restoration_verdict",
]
