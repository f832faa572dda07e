"""Records of single images -> the rows, tables, warnings and fingerprint of an AuditReport (SPEC 3-8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symmetry_audit.audit import (
    AuditSettings,
    ImageRecord,
    Measurements,
    TableLayout,
    body_affine,
    first_scale,
    fit_sources,
    visible_elements,
)
from symmetry_audit.data import ImageSource, SetFingerprint, ShardedSource
from symmetry_audit.findings._analyses import analyses
from symmetry_audit.findings._candidates import candidates
from symmetry_audit.findings._file_notes import FileNotes
from symmetry_audit.findings._floor import mean_floors, strict_floors
from symmetry_audit.findings._rows import RowMaker
from symmetry_audit.findings._second_pass import KeepFit, KeepResponses, SecondPass
from symmetry_audit.findings._totals import Totals
from symmetry_audit.findings._warnings import (
    blind_spots,
    cluster_notes,
    coarse_grid,
    folder_notes,
    group_notes,
    untested_elements,
)
from symmetry_audit.results import (
    Answer,
    AuditReport,
    DatasetInfo,
    Recommendation,
    SkippedSummary,
    cluster_of,
    directions_of,
    epsilon_unit,
)
from symmetry_audit.statistics import UNITS, Member
from symmetry_audit.theory import TOLERANCE, recommend, turn_answers

__all__ = ["build_report"]


def build_report(
    source: ImageSource | ShardedSource,
    settings: AuditSettings,
    measured: Measurements,
    keep: KeepResponses = lambda *row: None,
    keep_fit: KeepFit = lambda fit: None,
    *,
    limit: int | None = UNITS,
) -> AuditReport:
    """Reduce all records in constant memory: one pass for the sums, one for the values that need them.

    Statistics draw up to ``limit`` images or clusters apart, and random groups where there are more (UnitSums); None
    keeps all apart, in memory that grows with them.

    ``keep`` is called with the response profiles of every image and their leverages, ``keep_fit`` with every fit.
    """
    layout = TableLayout.of(settings, measured.banks)
    totals = Totals(settings, controlled=measured.controlled > 0, limit=limit)
    notes, fingerprint = FileNotes(settings.unit, body=settings.spacing), SetFingerprint()
    for record, tables in layout.read(measured.records()):
        body = body_affine(record.spacing, settings)
        totals.add(record.image, tables, record.arrays["spectrum"], _member(record, settings), body)
        notes.add(record, flat=not tables.profiles["strict"].any())
        fingerprint.add(record.sha256, record.image)
    totals.finish()
    notes.find_twins()
    again = SecondPass(totals, keep, keep_fit)
    for record, tables in layout.read(measured.records()):
        notes.name(record.image)
        again.add(record, tables)
    again.finish()
    strict = strict_floors(totals)
    floors = mean_floors(totals, strict)
    seen = visible_elements(settings, measured.banks, totals.bodies)
    rows = list(_maker(again, layout, floors, seen).rows())
    analysed = analyses(totals, again.leverage, _source_names(settings), strict)
    flips = totals.flips.answers(TOLERANCE)
    unit = epsilon_unit(settings.response, measured.unit)
    found = _recommendation(totals, floors, analysed["directions"], flips, unit)
    skipped = SkippedSummary.of(measured.skipped)
    return AuditReport(
        dataset=DatasetInfo(source.name, source.text, totals.images, fingerprint.hexdigest(), measured.unit),
        settings=settings.to_dict(),
        results=tuple(rows),
        skipped=tuple(skipped.first),
        skipped_unnamed=skipped.count - len(skipped.first),
        skipped_reasons=dict(skipped.reasons),
        warnings=(
            *source.remarks,
            *measured.remarks,
            *cluster_notes(totals),
            *group_notes(totals),
            *folder_notes(totals),
            *(again.quick.warnings() if again.quick is not None else ()),
            *notes.warnings(),
            *(() if flips else blind_spots(settings, seen)),
            *coarse_grid(rows),
        ),
        analyses=analysed,
        answers=_answers(flips, found, settings),
        recommendation=found,
        left_out=notes.leaves_out(),
    )


def _member(record: ImageRecord, settings: AuditSettings) -> Member:
    """What an image is drawn with, by the ``clusters`` of the run."""
    about = {"pixel_sha256": record.pixel_sha256, "series": record.series}
    return Member.of(record.pixel_sha256, cluster_of(record.image, settings.clusters, **about))


def _maker(
    again: SecondPass, layout: TableLayout, floors: dict[str, np.ndarray], seen: Sequence[np.ndarray]
) -> RowMaker:
    """``seen`` (R, T) of bool says which regularizer sees which element, at every sigma."""
    settings = again.totals.settings
    assert again.selected is not None  # there is an image
    name, profiles = again.selected
    sources = _source_names(settings)
    return RowMaker(
        totals=again.totals,
        selected=profiles,
        selected_name=name,
        visible=np.stack([each.sum(1) for each in seen for _ in settings.downscale]),
        tested=len(untested_elements(settings, seen)) < settings.group.order - 1,
        floors=floors,
        fits=tuple(sources[f] for f in layout.own),
        quick=again.quick,
    )


def _source_names(settings: AuditSettings) -> tuple[str, ...]:
    if not settings.adaptive:
        return ()
    return tuple(source.name for source in fit_sources(settings))


def _recommendation(
    totals: Totals, floors: dict[str, np.ndarray], rows: list[dict[str, Any]], flips: Sequence[Answer], unit: str
) -> Recommendation | None:
    """The advice from the dataset rows and the directions ``rows``; None where there are no dataset rows."""
    listed = candidates(totals, {name: profile[0] for name, profile in floors.items()})
    if not listed:
        return None
    return recommend(
        listed,
        images=totals.images,
        directions=directions_of(rows, first_scale(totals.settings)),
        unit=unit,
        answers=flips,
    )


def _answers(flips: tuple[Answer, ...], found: Recommendation | None, settings: AuditSettings) -> tuple[Answer, ...]:
    """About flips and turns; those about turns follow from the candidates, without which there are none."""
    if found is None or not flips:
        return flips
    about = {"images": found.images, "tolerance": found.tolerance, "response": settings.response}
    return (*flips, *turn_answers(found.candidates, **about))
