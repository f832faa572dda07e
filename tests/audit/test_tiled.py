"""Pictures measured as tiles: the mean over pixels of the tiles' responses is the response of the whole picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import distance_transform_edt

from symmetry_audit import bounds, fit_affine, recommend, verify
from symmetry_audit.audit import AuditSettings, make_settings
from symmetry_audit.errors import DataError, ReportError, SettingError
from symmetry_audit.results import AuditReport, clusters_by_name
from symmetry_audit.verbs import MeasureRequest, compare_datasets, draw_page, plan_measure

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


def measured(source: Path | list[Path], out: Path, **asked: object) -> AuditReport:
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


def write_scene(path: Path, rng: np.random.Generator, **options: object) -> Path:
    tifffile.imwrite(path, texture(rng), photometric="rgb", tile=(32, 48), **options)
    return path


@pytest.fixture
def two(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A folder with two scenes."""
    (tmp_path / "set").mkdir()
    for name in ("a.tif", "b.tif"):
        write_scene(tmp_path / "set" / name, rng)
    return tmp_path / "set"


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("place", ["mask", "masks/a"])
def test_a_mask_is_that_of_the_scene(tmp_path: Path, rng: np.random.Generator, suffix: str, place: str) -> None:
    (tmp_path / "masks").mkdir()
    write_scene(tmp_path / "a.tif", rng)
    valid = np.ones((HEIGHT, WIDTH), bool)
    valid[50:120, 60:180] = False
    mask = tmp_path / f"{place}.{suffix}"
    if suffix == "png":
        Image.fromarray(valid).save(mask)
    else:
        tifffile.imwrite(mask, valid.astype("u1"), tile=(16, 16))
    asked = {"mask": mask if place == "mask" else mask.parent, "kernel": "bicubic"}
    measured(tmp_path / "a.tif", tmp_path / "whole", **asked)
    measured(tmp_path / "a.tif", tmp_path / "tiles", **asked, tile=SIDE)
    (whole,), tiles = responses(tmp_path / "whole").values(), responses(tmp_path / "tiles")
    together = np.average(list(tiles.values()), axis=0, weights=tile_weights(valid, list(tiles)))
    assert together == pytest.approx(whole, rel=1e-7)
    assert verify(tmp_path / "tiles") == ()


def test_a_mask_of_another_size_is_told(tmp_path: Path, rng: np.random.Generator) -> None:
    write_scene(tmp_path / "a.tif", rng)
    Image.new("1", (90, 80), 1).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=r"8 of 8 tiles: its mask mask.png: is 90 x 80 px and not 261 x 169 px"):
        measured(tmp_path / "a.tif", tmp_path / "out", mask=tmp_path / "mask.png", tile=SIDE)


def test_tiles_are_the_images_of_their_crops(tmp_path: Path, rng: np.random.Generator) -> None:
    """Written as files of their own they have the same responses, to the bit."""
    samples = texture(rng)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb", tile=(32, 48), compression="deflate")
    (tmp_path / "crops").mkdir()
    rows, columns = (list(zip((MARGIN, *ends), ends, strict=False)) for ends in (ROWS, COLUMNS))
    for i, (top, below) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            crop = samples[top - MARGIN : below + MARGIN, left - MARGIN : right + MARGIN]
            Image.fromarray(np.ascontiguousarray(crop)).save(tmp_path / "crops" / f"a.tif#{i:03d},{j:03d}", "PNG")
    measured(tmp_path / "a.tif", tmp_path / "tiles", tile=SIDE)
    listed = sorted((tmp_path / "crops").iterdir())
    measured(listed, tmp_path / "apart")
    tiles, apart = responses(tmp_path / "tiles"), responses(tmp_path / "apart")
    assert {Path(name).name: row.tolist() for name, row in apart.items()} == {k: v.tolist() for k, v in tiles.items()}


def test_the_bootstrap_draws_scenes_or_the_tiles_of_a_single_one(tmp_path: Path, two: Path) -> None:
    several = measured(two, tmp_path / "two", tile=SIDE)
    assert several.settings["clusters"] == "series"
    assert several.warnings[0].startswith(
        "intervals draw whole pictures (2 pictures with 16 tiles), since tiles of one picture"
    )
    for asked in ({"source": two / "a.tif"}, {"source": two, "limit": 8}):
        single = measured(out=tmp_path / f"one-{len(asked)}", **asked, tile=SIDE)
        assert (single.settings["clusters"], single.results[0].images) == ("image", 8)
        assert single.warnings[0].startswith("intervals draw single tiles, which are not independent")
        assert single.results[0].ci_low < single.results[0].ci_high
    chosen = measured(two, tmp_path / "chosen", tile=SIDE, clusters="image")
    assert chosen.settings["clusters"] == "image"
    wide, narrow = (run.results[0].ci_high - run.results[0].ci_low for run in (several, chosen))
    assert wide != narrow
    assert clusters_by_name(list(responses(tmp_path / "two")), "series") == ["a.tif"] * 8 + ["b.tif"] * 8
    measured(two, tmp_path / "other", tile=SIDE, limit=12)
    compare_datasets([tmp_path / "two", tmp_path / "other"])


def test_a_tiled_run_is_continued_verified_and_shown(tmp_path: Path, two: Path, monkeypatch) -> None:
    from symmetry_audit.audit import _run

    folder = tmp_path / "out"
    first = measured(two, folder, tile=SIDE)
    calls = []
    real = _run.measure_image
    monkeypatch.setattr(_run, "measure_image", lambda ref, *args, **more: calls.append(ref) or real(ref, *args, **more))
    assert measured(two, folder, tile=SIDE, resume=True).results == first.results
    assert not calls
    assert verify(folder) == ()
    assert {ref.series for ref in calls} == {"a.tif", "b.tif"}
    with pytest.raises(ReportError, match="other settings"):
        measured(two, folder, tile=SIDE + 1)
    assert recommend(folder).candidates
    page = draw_page(folder).read_text()
    assert page.count("data:image/") >= 2
    with pytest.raises(SettingError, match=r"a report of tiles .*, on which no task is tried"):
        recommend(folder, task="denoise", sigma=25)
    assert bounds(folder) is not None


def test_a_dark_tile_has_the_white_level_of_its_bright_scene(tmp_path: Path, rng: np.random.Generator) -> None:
    samples = texture(rng, 1)[..., 0].astype("u2") * 10
    samples[150:, 200:] *= 20
    tifffile.imwrite(tmp_path / "a.tif", samples, tile=(32, 32))
    whole = measured(tmp_path / "a.tif", tmp_path / "whole", kernel="bicubic")
    tiles = measured(tmp_path / "a.tif", tmp_path / "tiles", tile=SIDE, kernel="bicubic")
    assert not any("white" in warning for warning in (*whole.warnings, *tiles.warnings))
    (one,), several = responses(tmp_path / "whole").values(), responses(tmp_path / "tiles")
    weights = tile_weights(np.ones((HEIGHT, WIDTH), bool), list(several))
    assert np.average(list(several.values()), axis=0, weights=weights) == pytest.approx(one, rel=1e-7)


def test_fits_are_those_of_tiles(tmp_path: Path, rng: np.random.Generator) -> None:
    write_scene(tmp_path / "a.tif", rng)
    fits = fit_affine(tmp_path / "a.tif", reg="tv", group="p4", tile=100)
    assert sorted({fit.image for fit in fits}) == [
        f"a.tif#{row:03},{column:03}" for row in (0, 1) for column in (0, 1, 2)
    ]
    with pytest.raises(SettingError, match="cut the array itself"):
        fit_affine(np.zeros((64, 64)), reg="tv", tile=30)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"downscale": 2}, "--tile cannot be combined with --downscale: .*; make a coarser file"),
        ({"body": True}, "--tile is for pictures and maps, and --body, --window and --unit HU are for CT"),
        ({"window": (40, 400)}, "--tile is for pictures"),
        ({"unit": "HU"}, "--tile is for pictures"),
        ({"tile": 0}, "--tile"),
    ],
)
def test_what_means_something_else_for_tiles_is_refused(asked: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make_settings(**{"tile": 64} | asked)


def test_settings_of_older_reports_have_no_tiles() -> None:
    document = make_settings(reg="tv", group="p4").to_dict()
    del document["tile"]
    assert AuditSettings.from_dict(document).tile is None


BIG = """
import resource, sys
from symmetry_audit.verbs import MeasureRequest, plan_measure
asked = {"reg": "tv", "group": "p4", "scenario": "dataset_strict", "device": "cpu", "workers": 2}
report = plan_measure(MeasureRequest(sys.argv[1], tile=1024, **asked)).run(sys.argv[2], draw=False)
print(report.results[0].images, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_a_scene_of_100_megapixels_takes_little_memory(tmp_path: Path, rng: np.random.Generator) -> None:
    side = 10_240
    tiles = (rng.integers(0, 256, (256, 256), dtype=np.uint8) for _ in range((side // 256) ** 2))
    layout = {"tile": (256, 256), "photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", tiles, shape=(side, side), dtype=np.uint8, **layout)
    command = [sys.executable, "-c", BIG, str(tmp_path / "a.tif"), str(tmp_path / "out")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    images, peak = map(int, run.stdout.split())
    assert images == 100
    assert peak < 600  # MiB
