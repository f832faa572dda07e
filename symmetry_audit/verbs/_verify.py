"""``verify``: measure the images of a report again and compare."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge
from pydantic import Field

from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.options import DeviceOptions, FilePath, Images, Option, RunOptions, SourceOptions
from symmetry_audit.verbs._measure import MeasurePlan
from symmetry_audit.verbs._sources import mask_of_run, reopened
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    import numpy as np

    from symmetry_audit.audit import AuditSettings, Masks

__all__ = ["Verification", "VerifyRequest", "verified", "verify"]


class VerifyRequest(DeviceOptions, SourceOptions):
    """The options of ``verify``."""

    report: Annotated[FilePath, Option("Folder that `symaudit measure` wrote.")] = Field(kw_only=False)
    source: Annotated[Images | None, Option("Where the images are now, if they were moved.", metavar="TEXT")] = None
    mask: Annotated[FilePath | None, Option("Where the masks are now, if they were moved.")] = None
    workers: Annotated[
        int | None, Ge(1), Option("Number of images that are measured at a time.", default="all cores")
    ] = None


@dataclass(frozen=True)
class Verification:
    """The ``differences`` of a report from what its images give now, and in words the ``tolerance`` of the comparison
    and why it is that one."""

    differences: tuple[str, ...]
    tolerance: str


@verb(VerifyRequest)
def verify(request: VerifyRequest) -> tuple[str, ...]:
    """Measure the images of a report again. Returns the differences; none if every number agrees.

    To 1e-9 where run.json records the versions and the processor capability that are in use now. Else, in shares of the
    mean response, to 1e-5 in strict and 3e-4 in adaptive rows, and for GPUs and reports without that record to 1e-4 and
    5e-3. ``say`` is told which it was, and why.

    Parameters
    ----------
    report
        Folder that ``measure`` wrote. Both report.json and responses.parquet are checked.
    source
        Where the images are now, if they were moved.
    mask
        Where the masks are now, if they were moved.
    device, workers, data_root, progress, say
        As for ``measure``.

    Raises
    ------
    ReportError, DataError
        If the report or its images cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import measure, verify
    >>> from symmetry_audit.data import demo_source
    >>> with TemporaryDirectory() as folder:
    ...     _ = measure(demo_source(), reg="tv", group="p4", scenario="dataset_strict", limit=2, out=folder)
    ...     verify(folder)
    ()
    """
    found = verified(request)
    request.say(f"Compared: {found.tolerance}")
    return found.differences


def verified(request: VerifyRequest) -> Verification:
    """``verify``, with the tolerance of its comparison."""
    from symmetry_audit import reports, verification
    from symmetry_audit.audit import AuditSettings
    from symmetry_audit.results import AuditReport, read_run

    folder = Path(request.report)
    report = AuditReport.load(folder, edited=True)
    reports.mean_profiles(folder, report)
    settings = AuditSettings.from_dict(report.settings)
    source = reopened(report, folder, request.source, request.data_root)
    given = None if settings.affine is None else _own_fits(folder, settings)
    masks = None if settings.mask is None else _own_masks(folder, settings, request.mask)
    with tempfile.TemporaryDirectory() as place:
        run = RunOptions(device=request.device, workers=request.workers, progress=request.progress)
        apart = reports.drawn_limit(folder / reports.RESPONSES_FILE, settings.group) is None
        again = MeasurePlan(run, source, settings, given, masks, apart).run(Path(place), draw=False)
        tolerance, why = verification.tolerance_between(read_run(folder), read_run(Path(place)))
        found = verification.differences(report, again, reports.mean_profiles(place, again), tolerance)
        old, new = folder / reports.RESPONSES_FILE, Path(place) / reports.RESPONSES_FILE
        return Verification(found or verification.response_differences(old, new, again, tolerance), why)


def _own_masks(folder: Path, settings: AuditSettings, place: FilePath | None) -> Masks:
    """The masks that a report was measured with, at ``place`` or where they were. Raises ReportError if they differ."""
    from symmetry_audit import audit

    try:
        masks = audit.open_masks(Path(place) if place is not None else mask_of_run(folder))
        if masks.sha256() == settings.mask:
            return masks
    except SettingError as error:
        raise ReportError(f"{error}; give their place now with --mask") from None
    raise ReportError(f"the masks are not those that {folder} was measured with; give their place with --mask")


def _own_fits(folder: Path, settings: AuditSettings) -> Mapping[str, np.ndarray]:
    """The fits that a report was measured with, which its folder keeps. Raises ReportError if they cannot be used."""
    from symmetry_audit import audit
    from symmetry_audit.results import AFFINE_FILE

    try:
        return audit.given_fits(folder / AFFINE_FILE, settings)
    except SettingError as error:
        raise ReportError(f"the fits that {folder} was measured with are damaged: {error}") from None
