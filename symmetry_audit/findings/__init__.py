"""Findings: the measurements of single images reduced to one report, Eq. (8) and its statistics (SPEC 3-8)."""

from symmetry_audit.findings._advice import advice_from_profiles
from symmetry_audit.findings._floor import discretization_floor, isotropic_profile, pink_power
from symmetry_audit.findings._reduce import build_report

__all__ = ["advice_from_profiles", "build_report", "discretization_floor", "isotropic_profile", "pink_power"]
