"""A report folder as a value, relative numbers included: those that an old report lacks come from its responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from symmetry_audit.reports.audits._checked import CheckedReport, ProfileKey, checked
from symmetry_audit.reports.audits._responses import RESPONSES_FILE, image_names, image_profiles, mean_profiles
from symmetry_audit.results import (
    DATASET_STRICT,
    RELATIVE_FIELDS,
    REPORT_SCHEMA,
    SAMPLE_STRICT,
    AuditReport,
    ResultRow,
    cluster_of,
    folder_of,
    names_tell_clusters,
)
from symmetry_audit.statistics import (
    BootstrapMeans,
    InvarianceDraws,
    Member,
    UnitSums,
    null_level,
    percentile_interval,
    relative_error,
)

__all__ = ["load_report"]

AGAIN = "measure again with --force"
OLDER = f"the report is older than this number, and its responses do not hold it; {AGAIN}"
FLAT = "the mean response is 0: every image is flat"
NO_RESPONSES = f"the report is older than this number, and {RESPONSES_FILE}, which would hold it, is missing; {AGAIN}"


def load_report(folder: str | Path) -> AuditReport:
    """``AuditReport.load(folder)``, with the relative numbers of a report of the first schema from its responses.

    Relative epsilon, its interval (the same resamples as of the run) and null level of strict rows, and the mean
    response follow from responses.parquet. What does not, or is drawn by clusters of duplicates, is null, with the
    reason; so is all of it where that file is missing. Raises ReportError where the folder cannot be used.
    """
    report = AuditReport.load(folder)
    if report.written == REPORT_SCHEMA:
        return report
    if not (Path(folder) / RESPONSES_FILE).is_file():
        rows = [_row(row, {}, NO_RESPONSES) for row in report.results]
        return replace(report, results=tuple(rows), analyses=_analyses(report, {}, NO_RESPONSES))
    run = checked(report)
    mean_profiles(folder, run)  # refuses what does not agree with the report
    found = _Found.of(Path(folder), run)
    numbers = {key: found.numbers(key) for key in run.rows}
    rows = [_row(row, numbers[key], OLDER if numbers[key]["mean_response"] else FLAT) for key, row in run.rows.items()]
    return replace(report, results=tuple(rows), analyses=_analyses(report, found.folders, OLDER))


def _row(row: ResultRow, found: Mapping[str, float], missing: str) -> ResultRow:
    """``row`` with the numbers ``found``; the others stay null, for the reason of the number that they belong to."""
    reasons = {name: reason for name, reason in row.reasons.items() if name not in found}
    for name in ("mean_response", *RELATIVE_FIELDS):
        if name in reasons and RELATIVE_FIELDS.get(name) not in row.reasons:
            reasons[name] = missing
    return replace(row, **found, reasons=reasons)


def _analyses(report: AuditReport, folders: Mapping[tuple, float], missing: str) -> dict[str, Any]:
    """The analyses with the relative epsilon of every sub-folder; ``folders`` by its name and key."""
    tables = dict(report.analyses)
    entries = [dict(entry) for entry in tables.get("folders", ())]
    for entry in entries:
        names = ("folder", *ProfileKey._fields)
        entry["relative_epsilon"] = folders.get(tuple(entry.get(name) for name in names))
    empty = ("transfer",) if folders else ("transfer", "folders")
    return tables | {"folders": entries, "reasons": dict.fromkeys(empty, missing)}


@dataclass(frozen=True)
class _Found:
    """What the responses of a run say: ``means`` (K, T) by row, ``spreads`` (K,) the mean of single images' max - min,
    ``resamples`` (resamples, K, T + 1) of both, ``shifted`` (draws, K, T) and ``folders``, relative epsilons."""

    keys: tuple[ProfileKey, ...]
    rows: Mapping[ProfileKey, ResultRow]
    means: np.ndarray
    spreads: np.ndarray
    resamples: np.ndarray | None
    shifted: np.ndarray | None
    folders: Mapping[tuple, float]

    @classmethod
    def of(cls, folder: Path, run: CheckedReport) -> _Found:
        """Read as a stream, image by image, in the order of the run."""
        path, keys, settings = folder / RESPONSES_FILE, tuple(run.rows), run.report.settings
        names, seed = image_names(path, run.group), abs(settings["seed"])
        choice = {"clusters": settings.get("clusters", "image"), "file_names": settings.get("file_names", False)}
        clusters, known = choice["clusters"], names_tell_clusters(**choice)
        drawn = UnitSums(None)  # such a report drew all images apart
        tested = any(row.null_epsilon is not None for key, row in run.rows.items() if _shiftable(key))
        draws = InvarianceDraws(run.group, len(names), seed=seed) if tested else None
        total, sums = np.zeros((len(keys), run.group.order + 1)), {}
        for image, profiles in image_profiles(path, run.group, keys):
            table = np.column_stack([profiles, np.ptp(profiles, axis=-1)])
            total += table
            of_folder = sums.setdefault(folder_of(image), np.zeros_like(profiles))
            of_folder += profiles
            if known:
                drawn.add({"table": table}, Member(0, cluster_of(image, clusters, pixel_sha256="")))
            if draws is not None:
                draws.add(profiles)
        return cls(
            keys=keys,
            rows=run.rows,
            means=total[:, :-1] / len(names),
            spreads=total[:, -1] / len(names),
            resamples=_resampled(drawn, seed) if known else None,
            shifted=None if draws is None else draws.means(),
            folders=dict(_folders(keys, sums)) if len(sums) > 1 else {},
        )

    def numbers(self, key: ProfileKey) -> dict[str, float]:
        """The relative numbers of a row that follow from the responses, and its mean response."""
        at, row = self.keys.index(key), self.rows[key]
        found = {"mean_response": float(self.means[at].mean())}
        if not found["mean_response"] > 0:
            return found
        whole = np.append(self.means[at], self.spreads[at])
        found["relative_epsilon"] = float(_relative(whole, key))
        if self.resamples is not None and row.ci_low is not None:
            low, high = percentile_interval(np.nan_to_num(_relative(self.resamples[:, at], key)))
            found |= {"relative_ci_low": float(low), "relative_ci_high": float(high)}
        if self.shifted is not None and _shiftable(key) and row.null_epsilon is not None:
            found["relative_null"] = float(null_level(relative_error(self.shifted[:, at])))
        return found


def _resampled(sums: UnitSums, seed: int) -> np.ndarray:
    """Mean tables of the bootstrap resamples, (resamples, K, T + 1)."""
    bootstrap = BootstrapMeans(len(sums), seed=seed)
    sums.feed("table", bootstrap)
    return bootstrap.means()


def _shiftable(key: ProfileKey) -> bool:
    return key.scenario == DATASET_STRICT.name


def _relative(table: np.ndarray, key: ProfileKey) -> np.ndarray:
    """Relative epsilon of mean profiles with the mean spread at the end (..., T + 1)."""
    profiles, spread = table[..., :-1], table[..., -1]
    if key.scenario != SAMPLE_STRICT.name:
        return relative_error(profiles)
    middle = profiles.mean(-1)
    return np.divide(spread, middle, out=np.full_like(spread, np.nan), where=middle > 0)


def _folders(keys: Sequence[ProfileKey], sums: Mapping[str, np.ndarray]) -> Iterator[tuple[tuple, float]]:
    for name, total in sums.items():
        for key, value in zip(keys, relative_error(total).tolist(), strict=True):
            if value == value:
                yield (name, *key), value
