"""Tiles of a picture: each is to the bit the crop of the whole, and together they hold every pixel of its V once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit.data import ImageRef, ImageSource, Window, content_hash, load_image, load_rgb, scenes_of, tiles_of
from symmetry_audit.data import _scene as module
from symmetry_audit.errors import DataError, ImageError

SIZE = HEIGHT, WIDTH = 150, 130
WINDOWS = [(0, 0, 60, 60), (37, 41, 50, 60), (100, 70, 50, 60), (149, 0, 1, 130), (0, 0, 150, 130), (63, 64, 1, 1)]


def values(rng: np.random.Generator, kind: str, channels: int = 1) -> np.ndarray:
    found = rng.random((*SIZE, channels)[: 2 + (channels > 1)]) * 200
    return found.astype(kind)


def smooth(rng: np.random.Generator, channels: int) -> np.ndarray:
    small = Image.fromarray((rng.random((12, 10, 3)) * 255).astype("u1")).resize(
        (WIDTH, HEIGHT), Image.Resampling.BICUBIC
    )
    return np.asarray(small)[..., 0] if channels == 1 else np.asarray(small)


def with_gap(found: np.ndarray, value: float) -> np.ndarray:
    found[40:60, 20:] = value
    return found


def alpha(rng: np.random.Generator, kind: str = "u1") -> np.ndarray:
    found = values(rng, kind, 4) + 1
    found[..., 3] = np.iinfo(kind).max
    found[30:70, 50:90, 3] = 0
    return found


def turned(orientation: int) -> dict:
    return {"extratags": [(274, 3, 1, orientation, True)]}


TIFFS: dict[str, Callable[[np.random.Generator], tuple[np.ndarray, dict]]] = {
    "8-bit tiles": lambda rng: (values(rng, "u1"), {"tile": (32, 48)}),
    "8-bit strips": lambda rng: (values(rng, "u1"), {"rowsperstrip": 7}),
    "one strip": lambda rng: (values(rng, "u2", 3), {"photometric": "rgb"}),
    "one compressed strip": lambda rng: (values(rng, "u1", 3), {"photometric": "rgb", "compression": "deflate"}),
    "16-bit big-endian LZW strips": lambda rng: (
        values(rng, "u2", 3),
        {"rowsperstrip": 10, "compression": "lzw", "byteorder": ">", "photometric": "rgb"},
    ),
    "LZW tiles": lambda rng: (values(rng, "u1", 3), {"tile": (32, 32), "compression": "lzw", "photometric": "rgb"}),
    "planes": lambda rng: (
        np.moveaxis(values(rng, "u2", 3), -1, 0),
        {
            **{"photometric": "rgb", "planarconfig": "separate", "tile": (32, 48), "compression": "deflate"},
            **{"predictor": True, "bigtiff": True},
        },
    ),
    "planes of strips": lambda rng: (
        np.moveaxis(values(rng, "u1", 3), -1, 0),
        {"photometric": "rgb", "planarconfig": "separate", "rowsperstrip": 11},
    ),
    "palette": lambda rng: (
        values(rng, "u1"),
        {"photometric": "palette", "colormap": rng.integers(0, 65536, (3, 256)).astype("u2"), "tile": (32, 32)},
    ),
    "alpha": lambda rng: (alpha(rng), {"tile": (16, 16), "extrasamples": ["unassalpha"], "photometric": "rgb"}),
    "multiplied alpha": lambda rng: (
        alpha(rng, "u2"),
        {"tile": (16, 16), "extrasamples": ["assocalpha"], "photometric": "rgb"},
    ),
    "missing data": lambda rng: (
        with_gap(values(rng, "f4"), -9),
        {"tile": (32, 32), "compression": "zstd", "extratags": [(42113, 2, 3, "-9", True)]},
    ),
    "missing data of integers": lambda rng: (
        with_gap(values(rng, "i2"), -9),
        {"rowsperstrip": 9, "extratags": [(42113, 2, 3, "-9", True)]},
    ),
    "NaN": lambda rng: (with_gap(values(rng, "f4"), np.nan), {"tile": (32, 32), "predictor": 3, "compression": "lzw"}),
    "doubles": lambda rng: (values(rng, "f8"), {"rowsperstrip": 7}),
    "1 bit": lambda rng: (values(rng, "u1") > 99, {"tile": (32, 32)}),
    "white is 0": lambda rng: (values(rng, "u1"), {"photometric": "miniswhite", "tile": (32, 32)}),
    "CMYK": lambda rng: (values(rng, "u1", 4), {"photometric": "separated", "tile": (32, 32)}),
    "JPEG tiles": lambda rng: (
        smooth(rng, 3),
        {"photometric": "ycbcr", "compression": "jpeg", "subsampling": (2, 2), "tile": (32, 48)},
    ),
    "JPEG strips": lambda rng: (
        smooth(rng, 3),
        {"photometric": "ycbcr", "compression": "jpeg", "subsampling": (2, 2), "rowsperstrip": 16},
    ),
    "grey JPEG": lambda rng: (smooth(rng, 1), {"compression": "jpeg", "tile": (32, 32)}),
    **{
        f"turned {way}": lambda rng, way=way: (
            values(rng, "u2", 3),
            {"photometric": "rgb", "tile": (32, 48), **turned(way)},
        )
        for way in range(2, 9)
    },
    "turned strips": lambda rng: (alpha(rng), {"photometric": "rgb", "extrasamples": ["unassalpha"], **turned(6)}),
}


def tiff_file(path: Path, rng: np.random.Generator, kind: str) -> Path:
    samples, options = TIFFS[kind](rng)
    tifffile.imwrite(path, samples, **{"photometric": "minisblack"} | options)
    return path


def assert_crops(ref: ImageRef, unit: str | None = "grey levels") -> None:
    """Every window of ``ref`` is that crop of the whole image."""
    from symmetry_audit.data import Reading

    whole = load_image(ref, reading=Reading(unit))
    scene = whole.luminance.shape
    every = np.ones(scene, bool) if whole.valid is None else np.asarray(whole.valid)
    for row, column, height, width in WINDOWS:
        if scene != SIZE:
            row, column, height, width = column, row, width, height
        place = slice(row, row + height), slice(column, column + width)
        tile = replace(ref, window=Window(row, column, height, width, scene))
        if not every[place].any():
            with pytest.raises(ImageError, match=r"nothing but missing data|every pixel is fully transparent"):
                load_image(tile, reading=Reading(unit))
            continue
        found = load_image(tile, reading=Reading(unit))
        valid = np.ones((height, width), bool) if found.valid is None else found.valid
        assert np.array_equal(valid, every[place])
        assert found.luminance.dtype == whole.luminance.dtype
        assert np.array_equal(np.asarray(found.luminance)[valid], np.asarray(whole.luminance)[place][valid])
        assert (found.depth, found.unit, found.turned) == (whole.depth, whole.unit, whole.turned)


@pytest.mark.parametrize("kind", TIFFS)
def test_a_tile_is_the_crop_of_the_whole(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tiff_file(tmp_path / "a.tif", rng, kind)
    monkeypatch.setattr(module, "BAND_PIXELS", 1 << 12)  # blocks in several parts
    read = []
    monkeypatch.setattr(module, "_whole", lambda *args: read.append(args))
    assert_crops(ImageRef("a", path))
    assert not read
