"""Measuring: responses, Eq. (8), runs over whole datasets (SPEC 3-4). Torch is imported when a run starts."""

from symmetry_audit.audit._compare import differences, response_differences
from symmetry_audit.audit._epsilon import ProfileAccumulator, symmetry_error
from symmetry_audit.audit._floor import discretisation_floor, isotropic_profile, pink_power
from symmetry_audit.audit._plan import StrictBank, strict_bank, visible_elements
from symmetry_audit.audit._reduce import build_report
from symmetry_audit.audit._run import measure_source, open_run, resolve_device
from symmetry_audit.audit._settings import DEFAULT_MAX_PIXELS, RESPONSES, AuditSettings, make_settings

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "RESPONSES",
    "AuditSettings",
    "ProfileAccumulator",
    "StrictBank",
    "build_report",
    "differences",
    "discretisation_floor",
    "isotropic_profile",
    "make_settings",
    "measure_source",
    "open_run",
    "pink_power",
    "resolve_device",
    "response_differences",
    "strict_bank",
    "symmetry_error",
    "visible_elements",
]
