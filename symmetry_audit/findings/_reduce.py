"""Records of single images -> the rows, tables, warnings and fingerprint of an AuditReport (SPEC 3-8)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from symmetry_audit.audit import (
    AuditSettings,
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
from symmetry_audit.data import ImageSource, ShardedSource, set_fingerprint
from symmetry_audit.findings._analyses import LeverageList, analyses
from symmetry_audit.findings._candidates import candidates
from symmetry_audit.findings._floor import mean_floors, strict_floors
from symmetry_audit.findings._pixel_errors import PixelErrors
from symmetry_audit.findings._rows import RowMaker
from symmetry_audit.findings._totals import Totals, empty_totals
from symmetry_audit.findings._warnings import (
    FileNotes,
    blind_spots,
    cluster_notes,
    coarse_grid,
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
    clusters_by_name,
    directions_of,
    epsilon_unit,
    folder_of,
)
from symmetry_audit.statistics import leave_one_out, symmetry_error
from symmetry_audit.theory import TOLERANCE, recommend, turn_answers

__all__ = ["build_report"]

# image, regularizer, scenario, sigma, downscale, response (T,), leverage
KeepResponse = Callable[[str, str, str, float | None, int, np.ndarray, float], None]
KeepFit = Callable[[AffineFit | FailedFit], None]


def build_report(
    source: ImageSource | ShardedSource,
    settings: AuditSettings,
    measured: Measurements,
    keep: KeepResponse = lambda *row: None,
    keep_fit: KeepFit = lambda fit: None,
) -> AuditReport:
    """Reduce all records in constant memory: one pass for the sums, one for the values that need them.

    ``keep`` is called with every response profile and its leverage, ``keep_fit`` with every fit.
    """
    layout = TableLayout.of(settings, measured.banks)
    names, controlled, labels = _images(settings, measured)
    totals = empty_totals(settings, names, labels, controlled)
    notes = FileNotes(settings.unit, body=settings.spacing)
    files = []
    for record, tables in layout.read(measured.records()):
        totals.add(record.image, tables, record.arrays["spectrum"], body_affine(record.spacing, settings))
        notes.add(record, flat=not tables.profiles["strict"].any())
        files.append((record.sha256, record.image))
    leverage = LeverageList()
    means = {name: _mean(totals, Scenario.named(name)) for name in settings.scenarios}
    quick = _pixel_errors(settings, totals)
    for record, tables in layout.read(measured.records()):
        if quick is not None:
            quick.add(record, tables)
        _keep_all(keep, leverage, record.image, tables, totals, means)
        for fit in fit_rows(record.image, tables, settings, record.pixel_sha256):
            keep_fit(fit)
    strict = strict_floors(totals)
    floors = mean_floors(totals, strict)
    seen = visible_elements(settings, measured.banks, totals.bodies)
    rows = list(_maker(settings, measured, totals, layout, floors, seen, quick).rows())
    tables = analyses(totals, leverage, _source_names(settings), strict)
    flips = totals.flips.answers(TOLERANCE)
    found = _recommendation(totals, floors, tables["directions"], flips, epsilon_unit(settings.response, measured.unit))
    return AuditReport(
        dataset=DatasetInfo(source.name, source.text, totals.images, set_fingerprint(files), measured.unit),
        settings=settings.to_dict(),
        results=tuple(rows),
        skipped=measured.skipped,
        warnings=(
            *source.remarks,
            *measured.remarks,
            *cluster_notes(settings, totals.units, totals.images),
            *(quick.warnings() if quick is not None else ()),
            *notes.warnings(),
            *(() if flips else blind_spots(settings, seen)),
            *coarse_grid(rows),
        ),
        analyses=tables,
        answers=_answers(flips, found, settings),
        recommendation=found,
        left_out=notes.leaves_out(),
    )


def _images(settings: AuditSettings, measured: Measurements) -> tuple[list[str], frozenset[str], list[str] | None]:
    """The names of all images, those with controls, and the cluster of each image, None where each is its own."""
    names, controlled, own = [], set(), []
    for record in measured.records():
        names.append(record.image)
        if record.controlled:
            controlled.add(record.image)
        if settings.clusters == "duplicates":
            own.append(record.pixel_sha256)
        elif settings.clusters == "series":
            own.append(folder_of(record.image) if record.series is None else record.series)
    return names, frozenset(controlled), own or clusters_by_name(names, settings.clusters)


def _mean(totals: Totals, scenario: Scenario) -> np.ndarray:
    """The values that leverage refers to: the mean profile (S, R, T), or the mean of single epsilons (S, R)."""
    return np.mean(totals.strict.epsilons, axis=0) if scenario.single else totals.mean(scenario.profile)


def _pixel_errors(settings: AuditSettings, totals: Totals) -> PixelErrors | None:
    """Of a quick look alone."""
    if settings.pixels is None:
        return None
    means = {name: totals.mean(Scenario.named(name).profile) for name in settings.scenarios}
    return PixelErrors(settings, means, totals.strict.mean_spread())


def _maker(
    settings: AuditSettings,
    measured: Measurements,
    totals: Totals,
    layout: TableLayout,
    floors: dict[str, np.ndarray],
    seen: Sequence[np.ndarray],
    quick: PixelErrors | None,
) -> RowMaker:
    """``seen`` (R, T) of bool says which regularizer sees which element, at every sigma."""
    at = random.Random(settings.seed).randrange(measured.images)
    chosen = next(islice(measured.records(), at, None))
    visible = np.stack([each.sum(1) for each in seen for _ in settings.downscale])
    sources = _source_names(settings)
    return RowMaker(
        totals=totals,
        selected=layout.tables(chosen).profiles["strict"],
        selected_name=chosen.image,
        visible=visible,
        tested=len(untested_elements(settings, seen)) < settings.group.order - 1,
        floors=floors,
        fits=tuple(sources[f] for f in layout.own),
        quick=quick,
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


def _keep_all(
    keep: KeepResponse,
    top: LeverageList,
    image: str,
    tables: ImageTables,
    totals: Totals,
    means: dict[str, np.ndarray],
) -> None:
    """Hand on every profile of one image with its leverage on the epsilon of its row; ``means`` by scenario."""
    settings, images = totals.settings, totals.images
    for scenario in map(Scenario.named, settings.scenarios):
        profiles, mean = tables.profiles[scenario.profile], means[scenario.name]
        if scenario.single:
            leverage = (symmetry_error(profiles)[0] - mean) / max(images - 1, 1)
        else:
            leverage = leave_one_out(mean, images, profiles)
        for s, (sigma, factor) in enumerate(scales(settings)):
            for r, stencil in enumerate(settings.stencils):
                value = float(leverage[s, r])
                keep(image, stencil.name, scenario.name, sigma, factor, profiles[s, r], value)
                top.add((scenario.name, stencil.name, sigma, factor), image, value)
