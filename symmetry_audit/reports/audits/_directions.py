"""Which way the single images point, read from responses.parquet, also of reports that have no such table (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symmetry_audit.errors import ReportError
from symmetry_audit.reports.audits._checked import CheckedReport, ProfileKey, checked
from symmetry_audit.reports.audits._responses import RESPONSES_FILE, drawn_limit, image_rows
from symmetry_audit.results import (
    DATASET_STRICT,
    SAMPLE_STRICT,
    AuditReport,
    cluster_of,
    names_tell_clusters,
)
from symmetry_audit.statistics import CommonDirection, DirectionShares, Member, SmallestHashes, directions

__all__ = [
    "NO_HASH",
    "ImageDirections",
    "StrictProfiles",
    "direction_rows",
    "image_directions",
    "rows_of",
    "strict_scenario",
]

POINTS = 100_000  # images that a figure shows; of more, those of smallest hash
NO_HASH = "0"  # of an image in a file without hashes, which decides nothing there


@dataclass(frozen=True)
class ImageDirections:
    """``shares`` of arrays (S, R, H) and ``points`` (N, R), the complex second harmonic of every image at the first
    scale, NaN where it does not respond; of POINTS images where there are more. ``exact`` is False where the report
    clusters images in a way that its files do not tell; the shares then count every image by itself."""

    shares: DirectionShares
    points: np.ndarray
    exact: bool


def strict_scenario(run: CheckedReport) -> str | None:
    """The scenario whose rows hold the profiles under the same rotations for all images; None where there is none."""
    return next((name for name in (DATASET_STRICT.name, SAMPLE_STRICT.name) if name in run.scenarios), None)


def direction_rows(folder: str | Path, report: AuditReport | CheckedReport) -> list[dict[str, Any]]:
    """``analyses["directions"]`` of ``report`` from ``folder/responses.parquet``: the same numbers bit for bit, but for
    ``floor``, which is None. Empty where the run measured no strict scenario.

    Intervals are None where the files do not tell which images belong together: those of a run by duplicates whose
    file has no hashes, and of series under file names.
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
    drawn = StrictProfiles.of(Path(folder), run)
    shares = CommonDirection(run.group, seed=abs(run.report.settings["seed"]), limit=drawn.limit)
    points = SmallestHashes(POINTS)
    for _, member, profiles in drawn:
        shares.add(profiles, member)
        points.add(member.number, directions(profiles[0], run.group.rotations)[:, 0])
    return ImageDirections(shares.found(), points.rows(), drawn.exact)


def _scales(run: CheckedReport) -> Iterator[tuple[float | None, int]]:
    """(sigma, downscale) in the order of the axis S."""
    return ((sigma, factor) for sigma in run.sigmas for factor in run.downscales)


@dataclass(frozen=True)
class StrictProfiles:
    """The images of a report that measured a strict scenario, and how the run drew them.

    Iterating gives every image's name, what it is drawn with, and its strict profiles (S, R, T). ``limit`` is how many
    images or clusters the run drew apart, None for all of them. ``exact`` is False where the files do not tell which
    images belong together; each is then drawn alone.
    """

    path: Path
    run: CheckedReport
    keys: tuple[ProfileKey, ...]
    limit: int | None
    exact: bool

    @classmethod
    def of(cls, folder: Path, report: AuditReport | CheckedReport) -> StrictProfiles:
        """Raises ReportError where responses.parquet cannot be used."""
        run, path = checked(report), folder / RESPONSES_FILE
        scenario = strict_scenario(run)
        assert scenario is not None
        keys = tuple(ProfileKey(scenario, name, *scale) for scale in _scales(run) for name in run.regularizers)
        if next(image_rows(path, run.group, keys), None) is None:
            raise ReportError(f"{path} has no rows; measure again with --force")
        limit, (clusters, file_names) = drawn_limit(path, run.group), _drawn(run)
        hashed = limit is not None
        told = names_tell_clusters(clusters, file_names=file_names) or (hashed and clusters == "duplicates")
        return cls(path, run, keys, limit, told)

    def __iter__(self) -> Iterator[tuple[str, Member, np.ndarray]]:
        clusters = _drawn(self.run)[0] if self.exact else "image"
        shape = (-1, len(self.run.regularizers), self.run.group.order)
        for image, pixels, table in image_rows(self.path, self.run.group, self.keys):
            own = pixels or NO_HASH
            yield image, Member.of(own, cluster_of(image, clusters, pixel_sha256=own)), table.reshape(shape)


def _drawn(run: CheckedReport) -> tuple[str, bool]:
    """The settings ``clusters`` and ``file_names``."""
    settings = run.report.settings
    return settings.get("clusters", "image"), settings.get("file_names", False)
