"""Tiles of a picture: each is to the bit the crop of the whole, and together they hold every pixel of its V once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit.data import (
    ImageRef,
    ImageSource,
    Reading,
    Window,
    content_hash,
    load_image,
    load_rgb,
    open_source,
    pixel_count,
    scenes_of,
    tiles_of,
)
from symmetry_audit.data import _scene as module
from symmetry_audit.data._tiles import _spans
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


def picture_bytes(rng: np.random.Generator, kind: str) -> bytes:
    file = io.BytesIO()
    colors = values(rng, "u1", 3)
    if kind == "turned JPEG":
        exif = Image.Exif()
        exif[274] = 8
        Image.fromarray(smooth(rng, 3)).save(file, "JPEG", exif=exif)
    elif kind == "alpha":
        Image.fromarray(alpha(rng)).save(file, "PNG")
    elif kind == "16-bit PNG":
        Image.fromarray(values(rng, "u2") * 300).save(file, "PNG")
    else:
        Image.fromarray(colors).save(file, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "turned JPEG", "alpha", "16-bit PNG"])
def test_other_files_are_decoded_once_for_all_tiles(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(picture_bytes(rng, kind))
    decoded, real = [], module.decode_samples
    monkeypatch.setattr(module, "decode_samples", lambda *args: decoded.append(args) or real(*args))
    assert_crops(ImageRef("a", path))
    assert len(decoded) == 1


def test_threads_share_one_decoded_picture(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(picture_bytes(rng, "PNG"))
    decoded, real = [], module.decode_samples
    monkeypatch.setattr(module, "decode_samples", lambda *args: decoded.append(args) or real(*args))
    refs = tiles_of(scenes_of(open_source(str(tmp_path))), 30, 5).refs
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(load_image, refs))
    assert (len(found), len(decoded)) == (20, 1)


def test_what_libtiff_alone_reads_and_pictures_of_other_programs_are_decoded_whole(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values(rng, "u1"), imagej=True)
    assert_crops(ImageRef("a", tmp_path / "a.tif"))


def test_masks_and_smaller_copies_inside_a_tiff(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a COG: the picture, its mask, and a smaller copy of each."""
    mask = np.ones(SIZE, bool)
    mask[30:80, 20:100] = False
    picture = values(rng, "u1", 3)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(picture, photometric="rgb", tile=(32, 48), compression="deflate")
        file.write(picture[::2, ::2], photometric="rgb", tile=(32, 48), subfiletype=1)
        file.write(mask, photometric="minisblack", tile=(16, 64), subfiletype=4)
        file.write(mask[::2, ::2], photometric="minisblack", tile=(16, 64), subfiletype=5)
    monkeypatch.setattr(module, "_whole", None)
    assert_crops(ImageRef("a", tmp_path / "a.tif"))


@pytest.mark.parametrize("bands", [(3, 2, 1), (5,)])
def test_bands_of_a_tile(tmp_path: Path, rng: np.random.Generator, bands: tuple[int, ...]) -> None:
    options = {"photometric": "minisblack", "planarconfig": "contig", "tile": (32, 32)}
    tifffile.imwrite(tmp_path / "a.tif", values(rng, "u2", 5), **options)
    assert_crops(ImageRef("a", tmp_path / "a.tif", bands=bands, white=10000.0))


@pytest.mark.parametrize(("largest", "white"), [(1000, 1023), (1500, 65535)])
def test_the_stated_white_level_is_that_of_the_scene(
    tmp_path: Path, rng: np.random.Generator, largest: int, white: int
) -> None:
    """It holds if no sample exceeds it, and that sample may be far from a tile."""
    samples = values(rng, "u2")
    samples[140, 120] = largest
    tifffile.imwrite(tmp_path / "a.tif", samples, tile=(32, 32), extratags=[(281, "H", 1, 1023, True)])
    tile = ImageRef("a", tmp_path / "a.tif", window=Window(0, 0, 40, 40, SIZE))
    expected = samples[:40, :40] * np.float64(255 / white)
    assert np.asarray(load_image(tile).luminance) == pytest.approx(expected, rel=1e-6)
    assert_crops(ImageRef("a", tmp_path / "a.tif"))


def test_only_what_a_tile_touches_is_read(tmp_path: Path, rng: np.random.Generator) -> None:
    """The rest of the file may be damaged."""
    samples = values(rng, "u1")
    tifffile.imwrite(tmp_path / "a.tif", samples, tile=(32, 48), compression="deflate")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages[0]
        places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    data = bytearray((tmp_path / "a.tif").read_bytes())
    for offset, size in [place for number, place in enumerate(places) if number != 4]:  # row 1 of 5, column 1 of 3
        data[offset : offset + size] = bytes(size)
    (tmp_path / "a.tif").write_bytes(data)
    ref = ImageRef("a", tmp_path / "a.tif")
    found = load_image(replace(ref, window=Window(32, 48, 32, 48, SIZE)))
    assert np.array_equal(found.luminance, samples[32:64, 48:96])
    with pytest.raises(ImageError, match="damaged"):
        load_image(replace(ref, window=Window(31, 48, 32, 48, SIZE)))


def test_names_hashes_and_networks_see_the_tile(tmp_path: Path, rng: np.random.Generator) -> None:
    samples = values(rng, "u1", 3)
    Image.fromarray(samples).save(tmp_path / "a.png")
    tile = ImageRef("a", tmp_path / "a.png", window=Window(10, 20, 30, 40, SIZE))
    crop = np.ascontiguousarray(samples[10:40, 20:60])
    Image.fromarray(crop).save(tmp_path / "crop.png")
    found, alone = load_image(tile), load_image(ImageRef("crop", tmp_path / "crop.png"))
    scene = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert found.pixel_sha256 == alone.pixel_sha256
    assert found.file_sha256 == content_hash(tile) == hashlib.sha256(f"{scene} 10 20 30 40".encode()).hexdigest()
    assert np.array_equal(load_rgb(tile).pixels, crop)
    assert pixel_count(tile) == 1200


def test_a_scene_is_hashed_once(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiff_file(tmp_path / "a.tif", rng, "8-bit tiles")
    hashed, real = [], module.file_hash
    monkeypatch.setattr(module, "file_hash", lambda file: hashed.append(file) or real(file))
    refs = tiles_of(scenes_of(open_source(str(path))), 30, 5).refs
    first = {content_hash(ref) for ref in refs}
    assert (len(first), len(hashed)) == (20, 1)
    tiff_file(path, rng, "8-bit tiles")
    assert not first & {content_hash(ref) for ref in refs}


@pytest.mark.parametrize(
    ("length", "side", "margin", "expected"),
    [
        (100, 20, 10, [(0, 40), (20, 40), (40, 40), (60, 40)]),  # four times 20
        (105, 20, 10, [(0, 40), (20, 40), (40, 40), (60, 40), (80, 25)]),  # a rest of a quarter
        (104, 20, 10, [(0, 40), (20, 40), (40, 40), (60, 44)]),  # less
        (50, 64, 3, [(0, 50)]),
        (7, 64, 10, [(0, 7)]),
    ],
)
def test_tiles_lie_side_by_side(length: int, side: int, margin: int, expected: list[tuple[int, int]]) -> None:
    assert _spans(length, side, margin) == expected


@pytest.mark.parametrize(("side", "margin"), [(16, 3), (17, 0), (50, 13), (1, 70)])
def test_every_pixel_of_v_is_in_one_tile(tmp_path: Path, rng: np.random.Generator, side: int, margin: int) -> None:
    Image.fromarray(values(rng, "u1")).save(tmp_path / "a.png")
    refs = tiles_of(scenes_of(open_source(str(tmp_path))), side, margin).refs
    count = np.zeros(SIZE, int)
    for ref in refs:
        row, column, height, width, scene = ref.window
        assert scene == SIZE and ref.series == "a.png"
        count[row + margin : row + height - margin, column + margin : column + width - margin] += 1
    inside = np.zeros(SIZE, int)
    inside[margin : HEIGHT - margin, margin : WIDTH - margin] = 1
    assert np.array_equal(count, inside)
    keys = [ref.key for ref in refs]
    assert keys == sorted(keys) and keys[0] == "a.png#000,000"
    places = [(ref.window.row, ref.window.column) for ref in refs]
    assert places == sorted(places)


def test_numbers_have_as_many_digits_as_they_need() -> None:
    scenes = ImageSource("a", "a", (ImageRef("a.tif", Path("a.tif"), window=Window.whole((20, 1200)), bands=(1,)),))
    tiles = tiles_of(scenes, 1, 0).refs
    assert (tiles[0].key, tiles[-1].key) == ("a.tif#000,0000", "a.tif#019,1199")
    assert {tile.bands for tile in tiles} == {(1,)}


def test_members_of_archives_are_cut_too(tmp_path: Path, rng: np.random.Generator) -> None:
    tiff_file(tmp_path / "a.tif", rng, "turned 6")
    Image.fromarray(values(rng, "u1")).save(tmp_path / "b.png")
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("a.tif", "b.png"):
            archive.write(tmp_path / name, name)
    apart = {
        ref.key: load_image(ref).pixel_sha256
        for name in ("a.tif", "b.png")
        for ref in tiles_of(scenes_of(open_source(str(tmp_path / name))), 50, 5).refs
    }
    tiles = tiles_of(scenes_of(open_source(str(tmp_path / "all.zip"))), 50, 5)
    assert all(ref.payload is None for ref in tiles.refs)
    streamed = {ref.key: load_image(ref) for ref in tiles.stream(list(tiles.refs), 10**9)}
    assert {key: image.pixel_sha256 for key, image in streamed.items()} == apart
    assert all(load_image(ref).file_sha256 == streamed[ref.key].file_sha256 for ref in tiles.refs)


def test_what_cannot_be_cut_is_told(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.png").write_bytes(picture_bytes(rng, "PNG")[:20])
    with pytest.raises(DataError, match=r'no picture of ".*" can be read, the first: damaged'):
        scenes_of(open_source(str(tmp_path)))
    (tmp_path / "good.png").write_bytes(picture_bytes(rng, "PNG"))
    scenes = scenes_of(open_source(str(tmp_path)))
    assert [item.image for item in scenes.skipped] == ["bad.png"] and len(scenes.refs) == 1
    with pytest.raises(DataError, match="raise --max-pixels"):  # of other files the picture is decoded whole
        scenes_of(open_source(str(tmp_path / "good.png")), 1000)
    Image.fromarray(np.zeros((9, 9), "u1")).save(tmp_path / "good.png")
    with pytest.raises(ImageError, match="is 9 x 9 px and not 130 x 150 px; run the same command again"):
        load_image(replace(scenes.refs[0], window=Window(0, 0, 5, 5, SIZE)))
    path = tiff_file(tmp_path / "strip.tif", rng, "one compressed strip")
    tile = ImageRef("a", path, window=Window(0, 0, 50, 50, SIZE))
    monkeypatch.setattr(module, "BAND_PIXELS", 1)
    assert load_image(tile).luminance.shape == (50, 50)
    with pytest.raises(ImageError, match="its strips of 130 x 150 px cannot be decoded in parts; store it in tiles"):
        load_image(tile, max_pixels=5000)
    with pytest.raises(ImageError, match=r"too large \(50 x 50 px"):
        load_image(tile, max_pixels=2000)


def test_slices_are_not_cut(tmp_path: Path, rng: np.random.Generator) -> None:
    tifffile.imwrite(tmp_path / "ct.tif", values(rng, "i2"), tile=(32, 32))
    tile = ImageRef("ct.tif", tmp_path / "ct.tif", window=Window(0, 0, 50, 50, SIZE))
    with pytest.raises(ImageError, match=r"is in HU, and --tile cuts no CT slices; .* --unit grey for a map"):
        load_image(tile)
    ct = ImageSource("ct", "ct", (replace(tile, kind="DICOM", window=None),))
    with pytest.raises(DataError, match=r"--tile cuts pictures into tiles, and ct.tif is of CT; drop --tile"):
        scenes_of(ct)
