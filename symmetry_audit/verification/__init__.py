"""Does a report hold? Two reports of the same data and settings, compared number by number. Nothing is measured."""

from symmetry_audit.verification._differences import differences
from symmetry_audit.verification._response_differences import response_differences
from symmetry_audit.verification._tolerance import Tolerance, tolerance_between

__all__ = ["Tolerance", "differences", "response_differences", "tolerance_between"]
