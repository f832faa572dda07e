"""Measuring: the responses of each image of a source, kept in a journal and read again (SPEC 2-5). Torch is imported
when a run starts."""

from symmetry_audit.audit._arithmetic import arithmetic, joint_arithmetic
from symmetry_audit.audit._body import body_affine, elements_apart, visible_elements
from symmetry_audit.audit._costs import Estimate, estimated
from symmetry_audit.audit._fit_rows import fit_rows
from symmetry_audit.audit._flips import DIRECTIONS, FLIP_KIND, FLIP_REGULARIZER
from symmetry_audit.audit._given import by_name, given_fits
from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._image_fits import fit_array, relative_profiles, stored_fits
from symmetry_audit.audit._journal import Journal
from symmetry_audit.audit._masks import Masks, open_masks
from symmetry_audit.audit._measurements import Measurements
from symmetry_audit.audit._merge import PartialRun, merge_parts, partial_run
from symmetry_audit.audit._partition import in_partitions
from symmetry_audit.audit._partitioned import Share, Spread, measure_parts
from symmetry_audit.audit._plan import StrictBank, strict_bank
from symmetry_audit.audit._row_sample import RowSample, row_sample
from symmetry_audit.audit._run import measure_source, open_run
from symmetry_audit.audit._settings import (
    PER_REGULARIZER,
    AuditSettings,
    clustered_settings,
    fit_settings,
    fits_digest,
    make_settings,
    strict_settings,
)
from symmetry_audit.audit._sources import FitSource, fit_sources, own_sources
from symmetry_audit.audit._spectrum import radial_power
from symmetry_audit.audit._tables import FitTables, ImageTables, TableLayout, first_scale, scales
from symmetry_audit.data import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS

__all__ = [
    "BYTES_PER_PIXEL",
    "DEFAULT_MAX_PIXELS",
    "DIRECTIONS",
    "FLIP_KIND",
    "FLIP_REGULARIZER",
    "PER_REGULARIZER",
    "AuditSettings",
    "Estimate",
    "FitSource",
    "FitTables",
    "ImageRecord",
    "ImageTables",
    "Journal",
    "Masks",
    "Measurements",
    "PartialRun",
    "RowSample",
    "Share",
    "Spread",
    "StrictBank",
    "TableLayout",
    "arithmetic",
    "body_affine",
    "by_name",
    "clustered_settings",
    "elements_apart",
    "estimated",
    "first_scale",
    "fit_array",
    "fit_rows",
    "fit_settings",
    "fit_sources",
    "fits_digest",
    "given_fits",
    "in_partitions",
    "joint_arithmetic",
    "make_settings",
    "measure_parts",
    "measure_source",
    "merge_parts",
    "open_masks",
    "open_run",
    "own_sources",
    "partial_run",
    "radial_power",
    "relative_profiles",
    "row_sample",
    "scales",
    "stored_fits",
    "strict_bank",
    "strict_settings",
    "visible_elements",
]
