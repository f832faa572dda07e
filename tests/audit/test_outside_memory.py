"""A picture outside memory is measured as the same picture in memory, to the bit, whatever is masked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from symmetry_audit.audit import _memory as memory
from symmetry_audit.audit import make_settings
from symmetry_audit.audit._image import measure_image
from symmetry_audit.audit._padding import without_padding
from symmetry_audit.audit._run import image_plans
from symmetry_audit.data import ImageRef, made_of_bands
from symmetry_audit.data import _rows as rows
from symmetry_audit.data import _streamed as streamed
from symmetry_audit.engine import _window as window
from tests.conftest import smooth_noise

SIZE = (230, 210)


def written(path: Path, rng: np.random.Generator, kind: str) -> ImageRef:
    values = smooth_noise(rng, *SIZE).astype("f4" if kind == "NaN" else "u1")
    if kind == "NaN":
        values[100:109, 60:] = np.nan
    if kind == "bars":
        values[:20] = values[-30:] = 0
    if kind == "alpha":
        alpha = np.full(SIZE, 255, np.uint8)
        alpha[:40, :50] = 0
        values = np.stack([values] * 3 + [alpha], axis=-1)
    options = {"photometric": "rgb", "extrasamples": ["unassalpha"]} if kind == "alpha" else {}
    tifffile.imwrite(path, values, tile=(32, 32), **options)
    return ImageRef(path.name, path)


def in_bands(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(streamed, "STREAMED", 1 << 14)
    patch.setattr(streamed, "BAND_PIXELS", 1 << 13)
    patch.setattr(rows, "BAND_PIXELS", 1 << 12)
    patch.setattr(window, "BLOCK", 1 << 12)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("plain", {"downscale": "1,2"}),
        ("NaN", {"downscale": "1,2"}),
        ("alpha", {}),
        ("bars", {}),
        ("NaN", {"scenario": "dataset_strict,dataset_adaptive", "pixels": 12000, "reg": "tv", "group": "p4"}),
        pytest.param("plain", {"scenario": "dataset_strict,dataset_adaptive"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_bits(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, kind: str, options: dict
) -> None:
    settings = make_settings(**{"reg": "tv,sobel", "group": "p8", "scenario": "dataset_strict"} | options)
    ref, plans = written(tmp_path / "a.tif", rng, kind), image_plans(settings, "cpu", None)[1]
    whole = measure_image(ref, settings, plans, controlled=settings.adaptive)
    in_bands(monkeypatch)
    bands = measure_image(ref, settings, plans, controlled=settings.adaptive)
    assert bands.pixel_sha256 == whole.pixel_sha256 and bands.left_out == whole.left_out
    for name, array in whole.arrays.items():
        assert np.array_equal(bands.arrays[name], array, equal_nan=True), name


def test_other_kernels_differ_by_rounding_alone(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(reg="tv", group="p4", scenario="dataset_strict", kernel="bicubic")
    ref, plans = written(tmp_path / "a.tif", rng, "NaN"), image_plans(settings, "cpu", None)[1]
    whole = measure_image(ref, settings, plans).arrays["strict"]
    in_bands(monkeypatch)
    monkeypatch.setattr(window, "WIDEST", 50)  # in blocks of columns too, as of very wide pictures
    assert measure_image(ref, settings, plans).arrays["strict"] == pytest.approx(whole, rel=1e-7)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("kind", ["bars", "turned", "snake"])
def test_padding_is_followed_through_bands(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, kind: str, stored: bool
) -> None:
    image = np.float32(20 + 0.9 * smooth_noise(rng, 120, 110))
    y, x = np.mgrid[:120, :110]
    if kind == "bars":
        image[:20] = image[-11:] = 0
    elif kind == "turned":
        image[np.abs(x - 54.5) / 55 + np.abs(y - 59.5) / 60 > 1] = 0
    else:  # padding reaches this frame's lower half by way of one column alone
        image[:12, :], image[:, 0], image[-12:, :] = 0, 0, 0
    whole = without_padding(image)
    monkeypatch.setattr(rows, "BAND_PIXELS", 700)
    found = without_padding(made_of_bands(image.shape, image.dtype, lambda a, b: image[a:b], stored=stored))
    assert whole is not None and not whole.all()
    assert np.array_equal(np.asarray(found), whole)


def test_images_wait_for_room() -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier, BrokenBarrierError

    room, meeting = memory.Room(10.0), Barrier(2)

    def measure(size: float) -> bool:
        with room.taken(size):
            try:
                meeting.wait(0.3)
            except BrokenBarrierError:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(measure, (5.0, 5.0)))
        assert not any(pool.map(measure, (5.0, 99.0)))  # one after the other, and the larger one alone
    assert room.remark([1.0, 2.0, 3.0], 3) is None
    assert "2 at a time, not 8" in (room.remark([5.0] * 9, 8) or "")


def test_free_memory_is_that_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    7000 kB\n")
    (tmp_path / "max").write_text("max\n")
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "LIMITS", (str(tmp_path / "max"),))
    assert memory.free_memory() == 7000 * 1024
    (tmp_path / "max").write_text("5000\n")
    assert memory.free_memory() == 5000
