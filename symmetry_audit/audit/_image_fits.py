"""Fits without a report: of every measured image of a run, or of one array."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from symmetry_audit.audit._fit_rows import fit_rows
from symmetry_audit.audit._image import ImageRecord, measure_scales, scaled_copies
from symmetry_audit.audit._masks import Masks
from symmetry_audit.audit._measurements import Measurements
from symmetry_audit.audit._pool import single_threaded
from symmetry_audit.audit._run import image_plans
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._sources import fit_sources
from symmetry_audit.audit._tables import ImageTables, TableLayout
from symmetry_audit.audit._valid import valid_pixels
from symmetry_audit.data import DecodedImage
from symmetry_audit.errors import ImageError
from symmetry_audit.results import AffineFit, FailedFit

__all__ = ["fit_array", "relative_profiles", "stored_fits"]


def stored_fits(settings: AuditSettings, measured: Measurements) -> Iterator[tuple[str, ImageTables, list]]:
    """Every image's name, tables and fits, in order, in constant memory."""
    for record, tables in TableLayout.of(settings, measured.banks).read(measured.records()):
        yield record.image, tables, list(fit_rows(record.image, tables, settings, record.pixel_sha256))


def fit_array(
    luminance: np.ndarray, settings: AuditSettings, device: str, masks: Masks | None = None
) -> tuple[AffineFit | FailedFit, ...]:
    """Fits of one image, (H, W) luminance in [0, 255]. Raises ImageError where it is too small or cannot be used."""
    luminance = np.asarray(luminance)
    if luminance.dtype != np.float32:  # which decoded images are, and must stay to have the same fits here
        luminance = luminance.astype(np.float64)
    if luminance.ndim != 2 or not np.isfinite(luminance).all():
        found = f"shape {luminance.shape}" if luminance.ndim != 2 else "one that is not"
        raise ImageError(f"an image is an (H, W) array of finite luminance in [0, 255], got {found}")
    valid = valid_pixels(DecodedImage(luminance, "float", False, ""), "array", settings, masks)
    with single_threaded():  # plans too: their last bits depend on the threads of LAPACK
        banks, plans = image_plans(settings, device)
        scales = scaled_copies(luminance, settings, valid)
        arrays = measure_scales(scales, settings, plans, "array", (abs(settings.seed), 0))
    height, width = luminance.shape
    record = ImageRecord("array", "", "", "", width, height, "float", False, scales[0].left_out, arrays)
    return tuple(fit_rows("array", TableLayout.of(settings, banks).tables(record), settings))


def relative_profiles(tables: ImageTables, settings: AuditSettings) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Responses of one image at the first scale divided by their mean over the group, by fit source: before and
    after, each (T,); for the joint fit the mean over its regularizers."""
    assert tables.adaptive is not None
    by_source = {}
    for f, source in enumerate(fit_sources(settings)):
        chosen = list(source.stencils)
        pair = tables.profiles["strict"][0, chosen], tables.adaptive.transfer[0, f, chosen]
        if all((profile > 0).all() for profile in pair):
            by_source[source.name] = tuple((p / p.mean(-1, keepdims=True)).mean(0) for p in pair)
    return by_source
