"""Which way the single images point, read from responses.parquet, also of reports that have no such table (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symmetry_audit.errors import ReportError
from symmetry_audit.reports.audits._checked import CheckedReport, ProfileKey, checked
from symmetry_audit.reports.audits._responses import RESPONSES_FILE, image_names, image_profiles
from symmetry_audit.results import (
    DATASET_STRICT,
    SAMPLE_STRICT,
    AuditReport,
    clusters_by_name,
    names_tell_clusters,
)
from symmetry_audit.statistics import CommonDirection, DirectionShares, directions

__all__ = ["ImageDirections", "direction_rows", "image_directions", "rows_of", "strict_profiles", "strict_scenario"]


@dataclass(frozen=True)
class ImageDirections:
    """``shares`` of arrays (S, R, H) and ``points`` (N, R), the complex second harmonic of every image at the first
    scale, NaN where it does not respond. ``exact`` is False where the report clusters images in a way that its files do
    not tell; the shares then count every image by itself."""

    shares: DirectionShares
    points: np.ndarray
    exact: bool


def strict_scenario(run: CheckedReport) -> str | None:
    """The scenario whose rows hold the profiles under the same rotations for all images; None where there is none."""
    return next((name for name in (DATASET_STRICT.name, SAMPLE_STRICT.name) if name in run.scenarios), None)


def direction_rows(folder: str | Path, report: AuditReport | CheckedReport) -> list[dict[str, Any]]:
    """``analyses["directions"]`` of ``report`` from ``folder/responses.parquet``: the same numbers bit for bit, but for
    ``floor``, which is None. Empty where the run measured no strict scenario.

    Intervals of a run clustered by duplicates are None: the files do not tell which images belong together.
    Raises ReportError as ``mean_profiles`` does.
    """
    run = checked(report)
    return [] if strict_scenario(run) is None else rows_of(run, image_directions(folder, run))


def rows_of(run: CheckedReport, found: ImageDirections) -> list[dict[str, Any]]:
    """The rows that ``direction_rows`` gives for what was ``found``."""
    rows: list[dict[str, Any]] = []
    for s, (sigma, downscale) in enumerate(_scales(run)):
        for r, name in enumerate(run.regularizers):
            about = {"regularizer": name, "sigma": sigma, "downscale": downscale}
            rows += [about | row | {"floor": None} for row in found.shares.rows((s, r))]
    if not found.exact:
        reason = "the report's files do not tell which images belong together"
        unknown = {"ci_low": None, "ci_high": None, "reason": reason}
        rows = [row | unknown if row["ci_low"] is not None else row for row in rows]
    return rows


def image_directions(folder: str | Path, report: AuditReport | CheckedReport) -> ImageDirections:
    """The directions of the images of ``report``, which measured a strict scenario. Raises ReportError."""
    run = checked(report)
    settings = run.report.settings
    choice = {"clusters": settings.get("clusters", "image"), "file_names": settings.get("file_names", False)}
    names, tables = strict_profiles(folder, run)
    shares = CommonDirection(
        run.group,
        len(names),
        seed=abs(settings["seed"]),
        clusters=clusters_by_name(names, **choice),
    )
    points = []
    for _, profiles in tables:
        shares.add(profiles)
        points.append(directions(profiles[0], run.group.rotations)[:, 0])
    return ImageDirections(shares.found(), np.array(points), names_tell_clusters(**choice))


def _scales(run: CheckedReport) -> Iterator[tuple[float | None, int]]:
    """(sigma, downscale) in the order of the axis S."""
    return ((sigma, factor) for sigma in run.sigmas for factor in run.downscales)


def strict_profiles(
    folder: str | Path, report: AuditReport | CheckedReport
) -> tuple[list[str], Iterator[tuple[str, np.ndarray]]]:
    """The images of a report that measured a strict scenario, and each with its strict profiles (S, R, T).

    Raises ReportError where responses.parquet cannot be used.
    """
    run, path = checked(report), Path(folder) / RESPONSES_FILE
    scenario = strict_scenario(run)
    assert scenario is not None
    keys = [ProfileKey(scenario, name, *scale) for scale in _scales(run) for name in run.regularizers]
    shape = (-1, len(run.regularizers), run.group.order)
    tables = ((name, table.reshape(shape)) for name, table in image_profiles(path, run.group, keys))
    names = image_names(path, run.group)
    if not names:
        raise ReportError(f"{path} has no rows; measure again with --force")
    return names, tables
