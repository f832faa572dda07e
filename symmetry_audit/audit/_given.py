"""Fits from a file, to measure under again: affine.parquet or affine.csv of another run, or a user's own table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._tables import scales
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import MAX_RATIO

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fits_digest", "given_fits"]

SLACK = 1e-6  # of ln(ratio): a ratio of 2 written with a few digits is still a ratio of 2


def fits_digest(path: Path) -> str:
    """The SHA-256 of the file, which ``AuditSettings.affine`` holds. Raises SettingError where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SettingError(f"cannot read the fits in {path}: {error.strerror}") from None


def given_fits(path: Path, settings: AuditSettings) -> Mapping[str, np.ndarray]:
    """(a, b) by image name, (S, F, 2) over the scales and fit sources of ``settings``, NaN where the file has none.

    The table has the columns image and a, b, or ratio and alpha_deg, or ratio and alpha; with regularizer, sigma or
    downscale a row counts for these alone, without them for all. Raises SettingError for another table, for
    ratios beyond the limit, and where the run needs fits of a regularizer that the file lacks.
    """
    from symmetry_audit.audit._adaptive import fit_sources, own_sources

    table = _coordinates(_read(path), path)
    sources = [source.name for source in fit_sources(settings)]
    if "regularizer" in table:
        held = sorted(set(table["regularizer"]))
        for name in (sources[f] for f in own_sources(settings)):
            if name not in held:
                raise SettingError(f'{path} has no fits of "{name}", only of {", ".join(held)}; --fit chooses one')
    found = {}
    for image, rows in table.groupby("image"):
        found[str(image)] = np.array([[_point(rows, scale, name) for name in sources] for scale in scales(settings)])
    return found


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise SettingError(f"{path} is no table of fits ({reason}); give an affine.parquet or a .csv") from None


def _coordinates(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """``table`` with columns a and b, failed fits left out."""
    if "image" not in table:
        raise SettingError(f'{path} has no column "image"; a table of fits needs image, a and b')
    table = table.copy()
    if not {"a", "b"} <= set(table):
        if "ratio" not in table or not {"alpha", "alpha_deg"} & set(table):
            raise SettingError(f"{path} has neither columns a and b nor ratio and alpha_deg")
        alpha = np.radians(table["alpha_deg"]) if "alpha_deg" in table else table["alpha"]
        table["a"], table["b"] = (np.log(table["ratio"]) * wave(2 * alpha) for wave in (np.cos, np.sin))
    table = table[np.isfinite(table["a"]) & np.isfinite(table["b"])]
    length = np.hypot(table["a"], table["b"])
    if (length > np.log(MAX_RATIO) + SLACK).any():
        worst = table.loc[length.idxmax(), "image"]
        raise SettingError(
            f"{path}: the ratio {np.exp(length.max()):.4g} of {worst} exceeds {MAX_RATIO:g}, the largest that "
            "windows and margins leave room for"
        )
    return table


def _point(rows: pd.DataFrame, scale: tuple[float | None, int], source: str) -> tuple[float, float]:
    """(a, b) of one image at one scale for one source."""
    for column, value in zip(("sigma", "downscale", "regularizer"), (*scale, source), strict=True):
        if column in rows:
            rows = rows[rows[column].isna()] if value is None else rows[rows[column] == value]
    return (np.nan, np.nan) if rows.empty else (float(rows["a"].iloc[0]), float(rows["b"].iloc[0]))
