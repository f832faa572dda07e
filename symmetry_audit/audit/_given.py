"""Fits from a file, to measure under again: affine.parquet or affine.csv of another run, or a user's own table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._sources import fit_sources, own_sources
from symmetry_audit.audit._tables import scales
from symmetry_audit.errors import SettingError, one_line
from symmetry_audit.groups import MAX_RATIO
from symmetry_audit.wording import from_csv

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["by_name", "given_fits"]

HASH = "pixel_sha256"
NUMBERS = ("sigma", "downscale", "a", "b", "ratio", "alpha", "alpha_deg")
COLUMNS = {"image": str, "regularizer": object, HASH: object, **dict.fromkeys(NUMBERS, float)}
SHA256 = re.compile("[0-9a-f]{64}")
SLACK = 1e-6  # of ln(ratio): a ratio of 2 written with a few digits is still a ratio of 2


def given_fits(path: Path, settings: AuditSettings) -> Mapping[str, np.ndarray]:
    """(a, b) by image, (S, F, 2) over the scales and fit sources of ``settings``, NaN where the file has none.

    An image is known by the hash of its pixels, ``pixel_sha256``, or by its name in a row without one.
    The table has the columns image and a, b, or ratio and alpha_deg, or ratio and alpha; with a column regularizer,
    sigma or downscale a row counts for that value alone, without the column for all. Empty a and b mark a failed fit.
    All other columns are ignored, whether a user or another version of symaudit added them. Raises SettingError for a
    file that is not such a table, for ratios beyond the limit, for two fits of one image, and where the run needs a
    regularizer or a scale that the file lacks.
    """
    table = _coordinates(_read(path), path)
    sources = [source.name for source in fit_sources(settings)]
    _require(table, "regularizer", [sources[f] for f in own_sources(settings)], path, "--fit chooses another")
    _require(table, "sigma", settings.sigmas, path, "measure at these only")
    _require(table, "downscale", settings.downscale, path, "measure at these only")
    return {
        image: np.array([[_point(rows, scale, name, path) for name in sources] for scale in scales(settings)])
        for image, rows in table.groupby(_keys(table))
    }


def by_name(given: Mapping[str, np.ndarray]) -> bool:
    """Whether any fit of ``given_fits`` finds its image by name."""
    return not all(SHA256.fullmatch(key) for key in given)


def _keys(table: pd.DataFrame) -> pd.Series:
    """What the image of every row is known by."""
    return table[HASH].where(table[HASH].notna(), table["image"]) if HASH in table else table["image"]


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        # as text: reading numbers would change the last digits of another run's fits
        table = (
            pd.read_csv(path, dtype=str)
            if path.suffix == ".csv"
            else pd.read_parquet(path, page_checksum_verification=True)
        )
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{path} is not a table of fits ({one_line(error)}); give an affine.parquet or a .csv"
        ) from None
    if "image" not in table:
        raise SettingError(f'{path} has no column "image"; a table of fits needs image, a and b')
    if path.suffix == ".csv":
        table = table.assign(image=table["image"].map(from_csv, na_action="ignore"))
    try:
        return table.astype({name: kind for name, kind in COLUMNS.items() if name in table})
    except (TypeError, ValueError) as error:
        raise SettingError(f"{path}: numeric columns must contain only numbers ({one_line(error)})") from None


def _require(table: pd.DataFrame, column: str, values: Iterable, path: Path, hint: str) -> None:
    """Raise SettingError unless ``column``, where there is one, holds each of ``values``."""
    if column not in table:
        return
    held = dict.fromkeys(None if value != value else value for value in table[column])
    missing = [value for value in values if value not in held]
    if missing:
        known = ", ".join(str(value) for value in held)
        raise SettingError(f"{path} has no fits for {column} {missing[0]}, only for {known}; {hint}")


def _coordinates(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """``table`` with columns a and b of float, NaN for failed fits."""
    ways = (("a", "b"), ("ratio", "alpha_deg"), ("ratio", "alpha"))
    chosen = next((names for names in ways if set(names) <= set(table)), None)
    if chosen is None:
        raise SettingError(f"{path} has neither columns a and b nor ratio and alpha_deg")
    first, second = (table[name].to_numpy() for name in chosen)
    a, b = (first, second) if chosen == ("a", "b") else _from_axes(first, second, chosen[1], path)
    length = np.nan_to_num(np.hypot(a, b), posinf=np.inf)
    if length.max(initial=0.0) > np.log(MAX_RATIO) + SLACK:
        worst = length.argmax()
        raise SettingError(
            f"{path}: the ratio {np.exp(length[worst]):.4g} of {table['image'].iloc[worst]} exceeds {MAX_RATIO:g}, the "
            "largest that windows and margins leave room for"
        )
    return table.assign(a=a, b=b)


def _from_axes(ratio: np.ndarray, alpha: np.ndarray, unit: str, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(a, b) of axis ratios and angles, ``unit`` alpha_deg or alpha."""
    if (ratio <= 0).any():
        raise SettingError(f"{path}: a ratio must be positive, got {ratio[ratio <= 0][0]:g}")
    twice = 2 * (np.radians(alpha) if unit == "alpha_deg" else alpha)
    return np.log(ratio) * np.cos(twice), np.log(ratio) * np.sin(twice)


def _point(rows: pd.DataFrame, scale: tuple[float | None, int], source: str, path: Path) -> tuple[float, float]:
    """(a, b) of one image at one scale for one source."""
    for column, value in zip(("sigma", "downscale", "regularizer"), (*scale, source), strict=True):
        if column in rows:
            rows = rows[rows[column].isna()] if value is None else rows[rows[column] == value]
    points = rows[["a", "b"]].drop_duplicates()  # of images with the same pixels there is a row each
    if len(points) > 1:
        raise SettingError(f"{path} has {len(points)} fits for {rows['image'].iloc[0]} that differ; keep one of them")
    return (np.nan, np.nan) if points.empty else (float(points["a"].iloc[0]), float(points["b"].iloc[0]))
