"""Which way the single images point, read from responses.parquet, also of reports that have no such table (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symmetry_audit.errors import ReportError
from symmetry_audit.reports.audits._checked import CheckedReport, checked, where
from symmetry_audit.reports.audits._responses import RESPONSES_FILE, batches
from symmetry_audit.results import DATASET_STRICT, SAMPLE_STRICT, AuditReport
from symmetry_audit.statistics import CommonDirection, DirectionShares, directions, sub_folder

__all__ = ["ImageDirections", "direction_rows", "image_directions", "rows_of", "strict_scenario"]

COLUMNS = ("scenario", "image", "regularizer", "sigma", "downscale")


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

    Intervals of a run clustered by duplicates are None: the files do not tell which images are copies.
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
        unknown = {"ci_low": None, "ci_high": None, "reason": "the report's files do not tell which images are copies"}
        rows = [row | unknown if row["ci_low"] is not None else row for row in rows]
    return rows


def image_directions(folder: str | Path, report: AuditReport | CheckedReport) -> ImageDirections:
    """The directions of the images of ``report``, which measured a strict scenario. Raises ReportError."""
    run, path = checked(report), Path(folder) / RESPONSES_FILE
    settings = run.report.settings
    names = [name for name, _ in _tables(path, run)]
    clusters = settings.get("clusters", "image")
    shares = CommonDirection(
        run.group,
        len(names),
        seed=abs(settings["seed"]),
        clusters=list(map(sub_folder, names)) if clusters == "folder" else None,
    )
    points = []
    for _, profiles in _tables(path, run):
        shares.add(profiles)
        points.append(directions(profiles[0], run.group.rotations)[:, 0])
    return ImageDirections(shares.found(), np.array(points), clusters != "duplicates")


def _scales(run: CheckedReport) -> Iterator[tuple[float | None, int]]:
    """(sigma, downscale) in the order of the axis S."""
    return ((sigma, factor) for sigma in run.sigmas for factor in run.downscales)


def _tables(path: Path, run: CheckedReport) -> Iterator[tuple[str, np.ndarray]]:
    """The name and the strict profiles (S, R, T) of every image. Raises ReportError for rows in another order."""
    keys = [(name, *scale) for scale in _scales(run) for name in run.regularizers]
    scenario, table = strict_scenario(run), np.empty((len(keys), run.group.order))
    image, filled = "", 0
    for batch in batches(path, run.group):
        columns = (batch.column(name).to_pylist() for name in COLUMNS)
        responses = batch.column("response").flatten().to_numpy().reshape(len(batch), -1)
        for at, (kind, name, *key) in enumerate(zip(*columns, strict=True)):
            if kind != scenario:
                continue
            if tuple(key) != keys[filled] or (filled and name != image):
                raise ReportError(f"{path} has rows in another order than a run leaves; measure again with --force")
            table[filled], image, filled = responses[at], name, (filled + 1) % len(keys)
            if not filled:
                yield image, table.reshape(-1, len(run.regularizers), run.group.order).copy()
    if filled or not image:
        raise ReportError(f"{path} lacks rows that {where(run.report)} has; measure again with --force")
