"""Measuring: responses, Eq. (8), runs over whole datasets (SPEC 3-4). Torch is imported when a run starts."""

from symmetry_audit.audit._compare import differences, response_differences
from symmetry_audit.audit._epsilon import ProfileAccumulator, symmetry_error
from symmetry_audit.audit._fits_only import fit_array, relative_profiles, stored_fits
from symmetry_audit.audit._floor import discretisation_floor, isotropic_profile, pink_power
from symmetry_audit.audit._given import given_fits
from symmetry_audit.audit._plan import StrictBank, strict_bank, visible_elements
from symmetry_audit.audit._reduce import build_report
from symmetry_audit.audit._run import measure_source, open_run, resolve_device
from symmetry_audit.audit._settings import (
    PER_REGULARIZER,
    RESPONSES,
    AuditSettings,
    fit_settings,
    fits_digest,
    make_settings,
)
from symmetry_audit.audit._tables import ImageTables
from symmetry_audit.data import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS

__all__ = [
    "BYTES_PER_PIXEL",
    "DEFAULT_MAX_PIXELS",
    "PER_REGULARIZER",
    "RESPONSES",
    "AuditSettings",
    "ImageTables",
    "ProfileAccumulator",
    "StrictBank",
    "build_report",
    "differences",
    "discretisation_floor",
    "fit_array",
    "fit_settings",
    "fits_digest",
    "given_fits",
    "isotropic_profile",
    "make_settings",
    "measure_source",
    "open_run",
    "pink_power",
    "relative_profiles",
    "resolve_device",
    "response_differences",
    "stored_fits",
    "strict_bank",
    "symmetry_error",
    "visible_elements",
]
