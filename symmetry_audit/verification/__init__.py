"""Does a report hold? Two reports of the same data and settings, compared number by number. Nothing is measured."""

from symmetry_audit.verification._differences import differences
from symmetry_audit.verification._response_differences import response_differences

__all__ = ["differences", "response_differences"]
