"""Audits and training on multispectral TIFF: the same numbers as of RGB files that hold the chosen bands."""

from dataclasses import asdict

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit.errors import DataError, ReportError, SettingError
from symmetry_audit.verbs import degrade, evaluate, fit_affine, measure, train, verify
from tests.conftest import smooth_noise

SIDE, BANDS, CHOSEN = 48, 8, (5, 3, 2)
FAST = {"reg": "tv", "group": "p4", "scenario": "dataset_strict", "workers": 1}
GDAL_NODATA = 42113


@pytest.fixture
def tiles(tmp_path):
    """Three tiles of eight bands, and the same three bands of each as RGB."""
    rng = np.random.default_rng(8)
    for name in ("bands", "rgb"):
        (tmp_path / name).mkdir()
    for number in range(3):
        samples = np.stack([smooth_noise(rng, SIDE, SIDE) for _ in range(BANDS)], axis=-1).astype(np.uint8)
        options = {"photometric": "minisblack", "planarconfig": "contig", "metadata": None}
        tifffile.imwrite(tmp_path / f"bands/{number}.tif", samples, **options)
        Image.fromarray(samples[..., [band - 1 for band in CHOSEN]]).save(tmp_path / f"rgb/{number}.tif")
    return tmp_path


def rows(report):
    return [asdict(row) for row in report.results]


def test_an_audit_of_bands_is_that_of_the_same_colors(tiles, monkeypatch):
    monkeypatch.chdir(tiles)
    bands = measure("bands", bands=CHOSEN, out="run", **FAST)
    assert rows(bands) == rows(measure("rgb", **FAST))
    assert bands.settings["bands"] == list(CHOSEN)
    assert rows(bands) != rows(measure("bands", bands=4, **FAST))
    assert verify("run") == ()


def test_fits_of_bands_are_those_of_the_same_colors(tiles):
    bands, colors = (
        fit_affine(tiles / name, bands=chosen, reg="tv", group="p4")
        for name, chosen in (("bands", CHOSEN), ("rgb", None))
    )
    assert [(fit.a, fit.b) for fit in bands] == [(fit.a, fit.b) for fit in colors]


def test_without_bands_the_error_says_what_to_type(tiles):
    with pytest.raises(DataError, match=r"0\.tif: has 8 channels; .* choose with --bands 3,2,1"):
        measure(tiles / "bands", out=tiles / "run", **FAST)
    # nothing was measured, so the corrected command may use the same folder
    assert measure(tiles / "bands", out=tiles / "run", bands=CHOSEN, **FAST).dataset.images == 3
    with pytest.raises(ReportError, match=r"holds a run with other settings \(bands: \[5, 3, 2\], now \[4\]\)"):
        measure(tiles / "bands", out=tiles / "run", bands=4, **FAST)


@pytest.mark.parametrize("bands", ["3,2", "0", [1, 2, 3, 4], "3,2,0"])
def test_bands_are_one_or_three(tiles, bands):
    with pytest.raises(SettingError, match=r"^--bands takes one band for grey, or three for red, green and blue"):
        measure(tiles / "bands", bands=bands)


def test_missing_data_count_as_if_masked(tiles):
    (tiles / "masks").mkdir()
    for number in range(3):
        samples = np.asarray(Image.open(tiles / f"rgb/{number}.tif")).astype(np.float32)
        samples[20:24, 30:40] = -9999
        tags = [(GDAL_NODATA, "s", 0, "-9999", True)]
        tifffile.imwrite(tiles / f"bands/{number}.tif", samples, photometric="rgb", extratags=tags, metadata=None)
        mask = np.full((SIDE, SIDE), 255, np.uint8)
        mask[20:24, 30:40] = 0
        Image.fromarray(mask).save(tiles / f"masks/{number}.png")
    options = {**FAST, "margin": 6, "kernel": "bicubic"}
    found = measure(tiles / "bands", **options).results[0]
    masked = measure(tiles / "rgb", mask=tiles / "masks", **options).results[0]
    assert found.epsilon == pytest.approx(masked.epsilon, rel=1e-5)
    assert found.epsilon != pytest.approx(measure(tiles / "rgb", **options).results[0].epsilon, rel=1e-3)


def test_networks_are_trained_and_evaluated_on_bands(tiles):
    network = {
        "task": "denoise",
        "sigma": 25,
        "preset": "tiny",
        "steps": 1,
        "batch": 1,
        "cache_folder": tiles / "cache",
    }
    runs = {
        name: train(data=tiles / name, hold_out=1 / 3, bands=chosen, out=tiles / f"run-{name}", **network)
        for name, chosen in (("bands", CHOSEN), ("rgb", None))
    }
    ours, theirs = (run.best.network().state_dict() for run in runs.values())
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    psnr = [
        evaluate(str(tiles / "run-rgb"), data=tiles / name, bands=chosen, allow_leak=True).psnr
        for name, chosen in (("bands", CHOSEN), ("rgb", None))
    ]
    assert psnr[0] == pytest.approx(psnr[1], abs=1e-9)
    with pytest.raises(DataError, match=r"--bands 3,2,1"):
        train(data=tiles / "bands", hold_out=1 / 3, out=tiles / "none", **network)


def test_degraded_bands_are_those_of_the_same_colors(tiles):
    for name, chosen in (("bands", CHOSEN), ("rgb", None)):
        degrade(tiles / name, out=tiles / f"noisy-{name}", task="denoise", sigma=25, bands=chosen)
    assert (tiles / "noisy-bands/0.tif").read_bytes() == (tiles / "noisy-rgb/0.tif").read_bytes()
    with pytest.raises(DataError, match="choose another"):
        degrade(tiles / "bands", out=tiles / "noisy-bands", task="denoise", sigma=25, bands=4)
