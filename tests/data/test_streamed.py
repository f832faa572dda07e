"""Large TIFF files in bands: the numbers are those of the whole, and memory holds a band."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from symmetry_audit.data import ImageRef, StoredRows, load_image
from symmetry_audit.data import _rows as rows
from symmetry_audit.data import _streamed as module
from symmetry_audit.errors import ImageError

SIZE = (150, 130)
NODATA = {"extratags": [(42113, 2, 3, "-9", True)]}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Reads a picture whole, or in bands of about 16 rows."""

    def read(path: Path, *, streamed: bool, **options: object):
        monkeypatch.setattr(module, "STREAMED", 1 << 13 if streamed else 1 << 40)
        for place in (module, rows):
            monkeypatch.setattr(place, "BAND_PIXELS", 16 * SIZE[1])
        return load_image(ImageRef("a", path), **options)

    return read


def picture(rng: np.random.Generator, kind: str, channels: int = 1) -> np.ndarray:
    values = rng.random((*SIZE, channels)[: 2 + (channels > 1)]) * 200
    return values.astype(kind)


def gap(values: np.ndarray, value: float) -> np.ndarray:
    values[40:60, 20:] = value
    return values


KINDS = {
    "8-bit tiles": ("u1", 1, None, {"tile": (32, 48)}),
    "color, big-endian strips": ("u2", 3, None, {"rowsperstrip": 10, "compression": "lzw", "byteorder": ">"}),
    "planes with a predictor": (
        "u2",
        3,
        None,
        {"planarconfig": "separate", "tile": (32, 32), "compression": "deflate", "predictor": True, "bigtiff": True},
    ),
    "alpha": ("u1", 4, None, {"tile": (16, 16), "extrasamples": ["unassalpha"]}),
    "one strip with missing data": ("f4", 1, -9, NODATA),
    "NaN": ("f4", 1, np.nan, {"tile": (32, 32), "compression": "zstd"}),
    "doubles": ("f8", 1, None, {"rowsperstrip": 7}),
}


@pytest.mark.parametrize("name", KINDS)
def test_bands_are_the_whole(tmp_path: Path, rng: np.random.Generator, load: Callable, name: str) -> None:
    kind, channels, missing, options = KINDS[name]
    values = picture(rng, kind, channels)
    photometric = "rgb" if channels > 1 else "minisblack"
    if options.get("planarconfig"):
        values = np.moveaxis(values, -1, 0)
    tifffile.imwrite(
        tmp_path / "a.tif", values if missing is None else gap(values, missing), photometric=photometric, **options
    )
    whole, bands = (load(tmp_path / "a.tif", streamed=streamed) for streamed in (False, True))
    assert isinstance(whole.luminance, np.ndarray) and isinstance(bands.luminance, StoredRows)
    assert bands.luminance.dtype == whole.luminance.dtype
    assert np.array_equal(np.asarray(bands.luminance), whole.luminance)
    for field in ("depth", "turned", "pixel_sha256", "file_sha256", "unit", "spacing"):
        assert getattr(bands, field) == getattr(whole, field)
    assert (bands.valid is None) == (whole.valid is None)
    assert whole.valid is None or np.array_equal(np.asarray(bands.valid), whole.valid)


@pytest.mark.parametrize("kind", ["signed", "turned"])
def test_what_needs_the_whole_is_read_whole(
    tmp_path: Path, rng: np.random.Generator, load: Callable, kind: str
) -> None:
    tags = [(274, 3, 1, 6, True)] if kind == "turned" else []
    values = picture(rng, "u2" if kind == "turned" else "i2")
    tifffile.imwrite(tmp_path / "a.tif", values, extratags=tags, rowsperstrip=8)
    image = load(tmp_path / "a.tif", streamed=True)
    assert image.luminance.shape == (SIZE[::-1] if kind == "turned" else SIZE)
    assert image.turned == (kind == "turned")


def test_too_many_pixels_infinities_and_damage_are_told(
    tmp_path: Path, rng: np.random.Generator, load: Callable
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, gap(picture(rng, "f4"), np.inf), tile=(32, 32))
    with pytest.raises(ImageError, match="raise --max-pixels"):
        load(path, streamed=True, max_pixels=100)
    with pytest.raises(ImageError, match="infinite"):
        load(path, streamed=True)
    tifffile.imwrite(path, picture(rng, "u2"), rowsperstrip=8, compression="deflate")
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(ImageError, match="damaged"):
        load(path, streamed=True)


def test_a_large_picture_of_another_format_leaves_memory(
    tmp_path: Path, rng: np.random.Generator, load: Callable
) -> None:
    from PIL import Image

    Image.fromarray(picture(rng, "u1")).save(tmp_path / "a.png")
    whole, bands = (load(tmp_path / "a.png", streamed=streamed) for streamed in (False, True))
    assert isinstance(bands.luminance, StoredRows)
    assert np.array_equal(np.asarray(bands.luminance), whole.luminance)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def seek(self, place: int) -> None: ...

        def write(self, data: memoryview) -> int:
            raise OSError(28, "No space left on device")

    stored = StoredRows(Full(), np.dtype("f4"), 5, range(4), range(5))  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"No space left on device.*TMPDIR"):
        stored.write(0, np.zeros((1, 5)))


def test_views_are_those_of_an_array(rng: np.random.Generator) -> None:
    values = rng.random((40, 170))
    stored = rows.made_of_bands(values.shape, values.dtype, lambda first, stop: values[first:stop], stored=True)
    for place in (slice(3, 9), (slice(2, -4), slice(5, 160)), (slice(7, 30), slice(12, 17)), slice(4, 4)):
        assert np.array_equal(np.asarray(stored[place]), values[place])
        assert np.array_equal(np.asarray(stored[5:][place]), values[5:][place])
    assert np.array_equal(stored[np.array([3, 1, 9])], values[[3, 1, 9]])
