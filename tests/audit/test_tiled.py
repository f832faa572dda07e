"""Pictures measured as tiles: the mean over pixels of the tiles' responses is the response of the whole picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import tifffile
from scipy.ndimage import distance_transform_edt

from symmetry_audit.results import AuditReport
from symmetry_audit.verbs import MeasureRequest, plan_measure

HEIGHT, WIDTH, MARGIN, SIDE = 169, 261, 13, 64
ROWS, COLUMNS = (77, 156), (77, 141, 205, 248)  # where V of tiles ends: 15 rows more are too thin for a tile
STRICT = {"reg": "tv,sobel", "group": "p8", "scenario": "dataset_strict", "margin": MARGIN, "device": "cpu"}
Picture = tuple[dict, np.ndarray]  # options of tifffile, which pixels hold data


def texture(rng: np.random.Generator, channels: int = 3) -> np.ndarray:
    found = rng.random((HEIGHT, WIDTH, channels)) * np.linspace(20, 250, WIDTH)[:, None]
    found[60:90, 40:200] *= 0.2
    return (1 + found).astype("u1")


def plain(rng: np.random.Generator) -> tuple[np.ndarray, dict, np.ndarray]:
    return texture(rng), {"photometric": "rgb", "tile": (32, 48)}, np.ones((HEIGHT, WIDTH), bool)


def missing(rng: np.random.Generator) -> tuple[np.ndarray, dict, np.ndarray]:
    found, valid = texture(rng, 1)[..., 0].astype("f4"), np.ones((HEIGHT, WIDTH), bool)
    valid[100:140, 90:] = False
    return np.where(valid, found, -1), {"extratags": [(42113, 2, 3, "-1", True)], "rowsperstrip": 9}, valid


def bars(rng: np.random.Generator) -> tuple[np.ndarray, dict, np.ndarray]:
    found, valid = texture(rng), np.zeros((HEIGHT, WIDTH), bool)
    valid[20:-20] = True
    return np.where(valid[..., None], found, 0).astype("u1"), {"photometric": "rgb", "tile": (16, 16)}, valid


def swath(rng: np.random.Generator) -> tuple[np.ndarray, dict, np.ndarray]:
    """A rotated rectangle that touches all sides, with black corners."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    valid = (x + 0.6 * y > 57) & (x + 0.6 * y < WIDTH - 1 + 57) & (y - 0.2 * x > -40) & (y - 0.2 * x < HEIGHT - 14)
    return np.where(valid[..., None], texture(rng), 0).astype("u1"), {"photometric": "rgb", "tile": (64, 64)}, valid


def turned(rng: np.random.Generator) -> tuple[np.ndarray, dict, np.ndarray]:
    upright = texture(rng)
    stored = np.rot90(upright)  # orientation 6 is shown turned clockwise
    options = {"photometric": "rgb", "tile": (32, 32), "extratags": [(274, 3, 1, 6, True)]}
    return stored, options, np.ones((HEIGHT, WIDTH), bool)


KINDS = {"plain": plain, "missing": missing, "bars": bars, "swath": swath, "turned": turned}


def pixels_of_v(valid: np.ndarray) -> np.ndarray:
    """Which pixels are V, by distances."""
    inside = np.zeros_like(valid)
    inside[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    return inside & (valid.all() | (distance_transform_edt(valid) > MARGIN))


def measured(source: Path, out: Path, **asked: object) -> AuditReport:
    """Without figures, which take seconds."""
    return plan_measure(MeasureRequest(source, **STRICT | asked)).run(out, draw=False)


def responses(folder: Path) -> dict[str, np.ndarray]:
    """Name -> responses of all rows, one after the other."""
    found: dict[str, list] = {}
    for row in pyarrow.parquet.read_table(folder / "responses.parquet").to_pylist():
        found.setdefault(row["image"], []).append(row["response"])
    return {name: np.concatenate(rows) for name, rows in found.items()}


def tile_weights(valid: np.ndarray, names: list[str]) -> list[int]:
    chosen = pixels_of_v(valid)
    rows, columns = (list(zip((MARGIN, *ends), ends, strict=False)) for ends in (ROWS, COLUMNS))
    weights = []
    for name in names:
        row, column = map(int, name.rpartition("#")[2].split(","))
        weights.append(int(chosen[slice(*rows[row]), slice(*columns[column])].sum()))
    assert sum(weights) == chosen.sum()
    return weights


# an engine of its own accuracy: it corrects responses by the spectrum of each image, and so of each tile
@pytest.mark.parametrize(("kernel", "tolerance"), [("bicubic", 1e-7), ("gaussian", 2e-5)])
@pytest.mark.parametrize("kind", KINDS)
def test_tiles_add_up_to_the_picture(
    tmp_path: Path, rng: np.random.Generator, kind: str, kernel: str, tolerance: float
) -> None:
    samples, options, valid = KINDS[kind](rng)
    tifffile.imwrite(tmp_path / "a.tif", samples, **options)
    measured(tmp_path / "a.tif", tmp_path / "whole", kernel=kernel)
    report = measured(tmp_path / "a.tif", tmp_path / "tiles", kernel=kernel, tile=SIDE, workers=2)
    (whole,), tiles = responses(tmp_path / "whole").values(), responses(tmp_path / "tiles")
    together = np.average(list(tiles.values()), axis=0, weights=tile_weights(valid, list(tiles)))
    assert together == pytest.approx(whole, rel=tolerance)
    assert report.results[0].images == len(tiles)
    left = 2 * 4 - len(tiles)
    assert sum(int(item.reason.split()[0]) for item in report.skipped) == left
    assert all(item.image == "a.tif" and " of 8 tiles: " in item.reason for item in report.skipped)
