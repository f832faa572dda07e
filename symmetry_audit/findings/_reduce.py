"""Records of single images -> the rows, tables, warnings and fingerprint of an AuditReport (SPEC 3-8)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symmetry_audit.audit import (
    AuditSettings,
    ImageRecord,
    ImageTables,
    Measurements,
    TableLayout,
    body_affine,
    first_scale,
    fit_rows,
    fit_sources,
    scales,
    visible_elements,
)
from symmetry_audit.data import ImageSource, SetFingerprint, ShardedSource
from symmetry_audit.findings._analyses import LeverageList, analyses
from symmetry_audit.findings._candidates import candidates
from symmetry_audit.findings._file_notes import FileNotes
from symmetry_audit.findings._floor import mean_floors, strict_floors
from symmetry_audit.findings._pixel_errors import PixelErrors
from symmetry_audit.findings._rows import RowMaker
from symmetry_audit.findings._totals import BLOCK, Totals
from symmetry_audit.findings._warnings import (
    blind_spots,
    cluster_notes,
    coarse_grid,
    folder_notes,
    group_notes,
    untested_elements,
)
from symmetry_audit.results import (
    AffineFit,
    Answer,
    AuditReport,
    DatasetInfo,
    FailedFit,
    Recommendation,
    Scenario,
    SkippedSummary,
    cluster_of,
    directions_of,
    epsilon_unit,
)
from symmetry_audit.statistics import UNITS, Member, leave_one_out, subgroup_error
from symmetry_audit.theory import TOLERANCE, recommend, turn_answers

__all__ = ["build_report"]

ResponseKey = tuple[str, str, float | None, int]  # regularizer, scenario, sigma, downscale
# image, keys of its K profiles, responses (K, T), leverages, hash of the pixels
KeepResponses = Callable[[str, Sequence[ResponseKey], np.ndarray, Sequence[float], str], None]
KeepFit = Callable[[AffineFit | FailedFit], None]


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
    again = _SecondPass(totals, keep, keep_fit)
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


class _SecondPass:
    """What needs the means of all images: ``leverage``, the profiles of the ``selected`` image with its name, and in
    a ``quick`` look the errors of its pixels. Hands on all responses and fits."""

    def __init__(self, totals: Totals, keep: KeepResponses, keep_fit: KeepFit) -> None:
        self.totals = totals
        self._keys = _keys(totals.settings)
        self.leverage = LeverageList(self._keys)
        self.quick = _pixel_errors(totals.settings, totals)
        self.selected: tuple[str, np.ndarray] | None = None
        self._keep, self._keep_fit = keep, keep_fit
        self._waiting: list[tuple[ImageRecord, ImageTables]] = []
        self._means = {name: _mean(totals, Scenario.named(name)) for name in totals.settings.scenarios}
        self._left = random.Random(totals.settings.seed).randrange(totals.images)  # images before the selected one

    def add(self, record: ImageRecord, tables: ImageTables) -> None:
        """Add one image."""
        if self._left == 0:
            self.selected = record.image, tables.profiles["strict"]
        self._left -= 1
        if self.quick is not None:
            self.quick.add(record, tables)
        self._waiting.append((record, tables))
        if len(self._waiting) == BLOCK:
            self.finish()
        for fit in fit_rows(record.image, tables, self.totals.settings, record.pixel_sha256):
            self._keep_fit(fit)

    def finish(self) -> None:
        """Hand on every profile of the images that wait, with its leverage on the epsilon of its row."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        images, profiles, leverages = self.totals.images, [], []
        for name, mean in self._means.items():
            scenario = Scenario.named(name)
            found = np.stack([tables.profiles[scenario.profile] for _, tables in waiting])
            profiles.append(found.reshape(len(waiting), -1, found.shape[-1]))
            if scenario.single:
                leverages.append((subgroup_error(found) - mean) / max(images - 1, 1))
            else:
                leverages.append(leave_one_out(mean, images, found))
        values = np.concatenate([part.reshape(len(waiting), -1) for part in leverages], axis=1)
        every = zip(waiting, np.concatenate(profiles, axis=1), values, strict=True)
        for (record, _), rows, own in every:
            self.leverage.add(record.image, own)
            self._keep(record.image, self._keys, rows, own.tolist(), record.pixel_sha256)


def _keys(settings: AuditSettings) -> tuple[ResponseKey, ...]:
    """Of all profiles of an image, in the order of scenario, scale and regularizer."""
    return tuple(
        (stencil.name, scenario, sigma, factor)
        for scenario in settings.scenarios
        for sigma, factor in scales(settings)
        for stencil in settings.stencils
    )


def _mean(totals: Totals, scenario: Scenario) -> np.ndarray:
    """The values that leverage refers to: the mean profile (S, R, T), or the mean of single epsilons (S, R)."""
    return totals.singles.means() if scenario.single else totals.mean(scenario.profile)


def _pixel_errors(settings: AuditSettings, totals: Totals) -> PixelErrors | None:
    """Of a quick look alone."""
    if settings.pixels is None:
        return None
    means = {name: totals.mean(Scenario.named(name).profile) for name in settings.scenarios}
    return PixelErrors(settings, means, totals.strict.mean_spread())


def _maker(
    again: _SecondPass, layout: TableLayout, floors: dict[str, np.ndarray], seen: Sequence[np.ndarray]
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
