"""Decoding: luminance against the oracle and by hand, EXIF, refusals, and damaged bytes of every format.

PNG files are written here chunk by chunk, so that what Pillow cannot write (Adam7, colour keys, 16 bits in
colour, misplaced or repeated chunks) is tested too, and no decoder is compared with its own encoder.
"""

import gc
import io
import logging
import random
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from symmetry_audit.data import DecodedImage, _samples, decode
from symmetry_audit.errors import ImageError
from symmetry_audit.wording import GREY_LEVELS, HU
from tests.conftest import smooth_noise
from tests.oracles import symmetry

MAX = 10**6
HEIGHT, WIDTH = 24, 20
NOISE = np.random.default_rng(20260513)
PLANES = np.stack([smooth_noise(NOISE, HEIGHT, WIDTH) for _ in range(4)], axis=-1)
COLOUR8 = PLANES.astype(np.uint8)
COLOUR16 = (PLANES * 257).astype(np.uint16)
GREY, ALPHA, RGB, RGBA = 0, 4, 2, 6  # PNG colour types
SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


# --- writing files


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(samples, colour, depth=None, *, before=b"", after=b"", adam7=False, header=None) -> bytes:
    """A PNG of (H, W) or (H, W, channels) samples, every line unfiltered."""
    height, width = samples.shape[:2]
    depth = depth or 8 * samples.dtype.itemsize
    passes = [samples[row::down, column::across] for row, column, down, across in ADAM7] if adam7 else [samples]
    packed = b"".join(b"\0" + _packed(line, depth) for part in passes if part.size for line in part)
    header = header or struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, adam7)
    return SIGNATURE + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(packed)) + after + chunk(b"IEND")


def _packed(line, depth) -> bytes:
    if depth >= 8:
        return line.astype(f">u{depth // 8}").tobytes()
    bits = "".join(f"{value:0{depth}b}" for value in line)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def saved(image, kind, **options) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tiff(samples, photometric=None, **options) -> bytes:
    file = io.BytesIO()
    colour = samples.ndim == 3 and (3 in (samples.shape[0], samples.shape[-1]) or samples.shape[-1] == 4)
    photometric = photometric or ("rgb" if colour else "minisblack")
    tifffile.imwrite(file, samples, photometric=photometric, metadata=None, **options)
    return file.getvalue()


def patched(data: bytes, tags: dict[int, int], kind: int = 4, count: int = 1) -> bytes:
    """A little-endian TIFF with other values of tags that it has."""
    data = bytearray(data)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for tag, value in tags.items():
            at = file.pages[0].tags[tag].offset
            data[at + 2 : at + 12] = struct.pack("<HII", kind, count, value)
    return bytes(data)


def exif(orientation) -> bytes:
    block = Image.Exif()
    block[274] = orientation
    return block.tobytes()


def luma(samples) -> np.ndarray:
    samples = samples.astype(np.float64)
    return 0.299 * samples[..., 0] + 0.587 * samples[..., 1] + 0.114 * samples[..., 2]


def cmyk(samples) -> Image.Image:
    return Image.frombytes("CMYK", samples.shape[1::-1], samples.tobytes())


def luminance(data: bytes) -> np.ndarray:
    image = decode(data, MAX)
    assert image.luminance.dtype == np.float32 or (image.luminance.dtype == np.float64 and image.depth == "float")
    return image.luminance


def assert_close(found, expected) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6 if found.dtype == np.float32 else 1e-12, atol=0)


# --- 8 bits, against the oracle

PALETTE = Image.fromarray(COLOUR8[..., :3]).quantize(16)
SPREAD = NOISE.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)  # every value, so that palettes and inks are used
EIGHT_BITS = {
    "png-grey": saved(COLOUR8[..., 0], "PNG"),
    "png-grey-alpha": saved(Image.fromarray(SPREAD[..., :2].copy(), "LA"), "PNG"),
    "png-rgb": saved(COLOUR8[..., :3], "PNG"),
    "png-rgba": saved(SPREAD, "PNG"),
    "png-palette": saved(PALETTE, "PNG"),
    "png-palette-transparent-index": saved(PALETTE, "PNG", transparency=3),
    "png-palette-alpha": saved(PALETTE, "PNG", transparency=bytes(range(0, 256, 16))),
    "png-1-bit": saved(Image.fromarray(SPREAD[..., 0]).convert("1"), "PNG"),
    "jpeg-grey": saved(COLOUR8[..., 0], "JPEG"),
    "jpeg-rgb": saved(COLOUR8[..., :3], "JPEG"),
    "jpeg-progressive": saved(COLOUR8[..., :3], "JPEG", progressive=True, subsampling=0),
    "jpeg-cmyk": saved(cmyk(COLOUR8), "JPEG"),
    "bmp-grey": saved(COLOUR8[..., 0], "BMP"),
    "bmp-rgb": saved(COLOUR8[..., :3], "BMP"),
    "bmp-rgba": saved(COLOUR8, "BMP"),
    "bmp-palette": saved(PALETTE, "BMP"),
    "bmp-1-bit": saved(Image.fromarray(SPREAD[..., 0]).convert("1"), "BMP"),
    "webp": saved(COLOUR8[..., :3], "WEBP"),
    "webp-lossless-alpha": saved(COLOUR8, "WEBP", lossless=True, exact=True),
    "tiff-grey": saved(COLOUR8[..., 0], "TIFF"),
    "tiff-rgb": saved(COLOUR8[..., :3], "TIFF"),
    "tiff-rgba": saved(SPREAD, "TIFF"),
    "tiff-lzw": saved(COLOUR8[..., :3], "TIFF", compression="tiff_lzw"),
    "tiff-deflate": saved(COLOUR8[..., :3], "TIFF", compression="tiff_adobe_deflate"),
    "tiff-packbits": saved(COLOUR8[..., :3], "TIFF", compression="packbits"),
    "tiff-jpeg": saved(COLOUR8[..., :3], "TIFF", compression="jpeg"),
    "tiff-group4": saved(Image.fromarray(SPREAD[..., 0]).convert("1"), "TIFF", compression="group4"),
    "tiff-cmyk": saved(cmyk(SPREAD), "TIFF"),
    "tiff-palette": saved(PALETTE, "TIFF"),
    "tiff-big": tiff(COLOUR8[..., :3], bigtiff=True),
    "tiff-big-endian": tiff(COLOUR8[..., :3], byteorder=">"),
    "tiff-tiled": tiff(COLOUR8[..., :3], tile=(16, 16), compression="zlib"),
    "tiff-planar": tiff(COLOUR8[..., :3].transpose(2, 0, 1).copy(), planarconfig="separate"),
    "tiff-white-is-zero": tiff(COLOUR8[..., 0], "miniswhite"),
}
EXACT = {  # luminance of those without loss, from the samples that were written
    "png-grey": COLOUR8[..., 0].astype(float),
    "png-grey-alpha": SPREAD[..., 0].astype(float),
    "png-rgb": luma(COLOUR8),
    "png-rgba": luma(SPREAD),
    "bmp-grey": COLOUR8[..., 0].astype(float),
    "bmp-rgb": luma(COLOUR8),
    "bmp-rgba": luma(COLOUR8),
    "webp-lossless-alpha": luma(COLOUR8),
    "tiff-rgb": luma(COLOUR8),
    "tiff-rgba": luma(SPREAD),
    "tiff-lzw": luma(COLOUR8),
    "tiff-big": luma(COLOUR8),
    "tiff-big-endian": luma(COLOUR8),
    "tiff-tiled": luma(COLOUR8),
    "tiff-planar": luma(COLOUR8),
    "tiff-white-is-zero": 255.0 - COLOUR8[..., 0],
    "tiff-cmyk": luma(np.floor((255 - SPREAD[..., :3] * 1.0) * (255 - SPREAD[..., 3:] * 1.0) / 255 + 0.5)),
    "png-palette": luma(np.asarray(PALETTE.convert("RGB"))),
    "png-palette-transparent-index": luma(np.asarray(PALETTE.convert("RGB"))),
    "png-palette-alpha": luma(np.asarray(PALETTE.convert("RGB"))),
}


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")  # Pillow's, in the oracle
@pytest.mark.parametrize("name", EIGHT_BITS)
def test_eight_bits_agree_with_the_oracle(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(EIGHT_BITS[name])
    image = decode(EIGHT_BITS[name], MAX)
    assert_close(image.luminance, symmetry.luminance(path))
    assert (image.depth, image.turned) == ("8-bit", False)
    assert np.ptp(image.luminance) > 20


@pytest.mark.parametrize("name", EXACT)
def test_luminance_follows_from_the_samples_that_were_written(name):
    if name == "tiff-cmyk":  # rounded to 8 bits on the way to RGB, and not where halves go
        assert np.abs(luminance(EIGHT_BITS[name]) - EXACT[name]).max() <= 1
    else:
        assert_close(luminance(EIGHT_BITS[name]), EXACT[name])


def test_luminance_is_not_rounded():
    pixel = np.array([[[10, 20, 31]]], np.uint8)
    assert luminance(saved(pixel, "PNG"))[0, 0] == pytest.approx(2.99 + 11.74 + 3.534, rel=1e-7)


# --- PNG by hand


@pytest.mark.parametrize("adam7", [False, True])
@pytest.mark.parametrize(
    ("samples", "colour"),
    [
        *((COLOUR8[..., 0], GREY), (SPREAD[..., :2], ALPHA), (COLOUR8[..., :3], RGB), (SPREAD, RGBA)),
        *((COLOUR16[..., 0], GREY), (COLOUR16[..., :2], ALPHA), (COLOUR16[..., :3], RGB), (COLOUR16, RGBA)),
    ],
)
def test_png_of_both_depths_interlaced_or_not(samples, colour, adam7):
    image = decode(png(samples, colour, adam7=adam7), MAX)
    grey = samples if samples.ndim == 2 else samples[..., 0] if colour == ALPHA else luma(samples)
    assert_close(image.luminance, grey / (257 if samples.dtype == np.uint16 else 1))
    assert image.depth == ("16-bit" if samples.dtype == np.uint16 else "8-bit")


@pytest.mark.parametrize("adam7", [False, True])
@pytest.mark.parametrize(("depth", "white"), [(1, 1), (2, 3), (4, 15)])
def test_png_grey_below_8_bits_is_stretched_to_255(depth, white, adam7):
    samples = np.arange(7 * 9).reshape(7, 9) % (white + 1)
    found = luminance(png(samples.astype(np.uint8), GREY, depth, adam7=adam7))
    assert_close(found, samples * 255.0 / white)


def test_png_16_bits_are_divided_by_257():
    samples = np.array([[0, 1, 256, 257, 65534, 65535]], np.uint16)
    assert_close(luminance(png(samples, GREY)), np.array([[0, 1 / 257, 256 / 257, 1, 255 - 1 / 257, 255]]))


@pytest.mark.parametrize(
    ("samples", "colour", "key"),
    [
        (COLOUR8[..., 0], GREY, struct.pack(">H", COLOUR8[0, 0, 0])),
        (COLOUR16[..., 0], GREY, struct.pack(">H", COLOUR16[0, 0, 0])),
        (COLOUR8[..., :3], RGB, struct.pack(">3H", *COLOUR8[0, 0, :3])),
        (COLOUR16[..., :3], RGB, struct.pack(">3H", *COLOUR16[0, 0, :3])),
    ],
)
def test_a_png_colour_key_changes_nothing(samples, colour, key):
    keyed, plain = (decode(png(samples, colour, before=before), MAX) for before in (chunk(b"tRNS", key), b""))
    assert_close(keyed.luminance, plain.luminance)
    assert keyed.pixel_sha256 == plain.pixel_sha256


def test_gamma_and_colour_profiles_are_ignored():
    profile = chunk(b"gAMA", struct.pack(">I", 20000)) + chunk(b"cHRM", struct.pack(">8I", *[31270] * 8))
    for samples in (COLOUR8[..., :3], COLOUR16[..., :3]):
        assert_close(luminance(png(samples, RGB, before=profile)), luminance(png(samples, RGB)))
    assert_close(luminance(saved(COLOUR8[..., 0], "PNG", icc_profile=b"not a profile")), EXACT["png-grey"])


# --- TIFF of more than 8 bits

LAYOUTS = {
    "plain": {},
    "big-endian": {"byteorder": ">"},
    "bigtiff": {"bigtiff": True},
    "strips": {"rowsperstrip": 5},
    "tiled": {"tile": (16, 16)},
    "deflate": {"compression": "zlib", "tile": (16, 32), "byteorder": ">"},
    "packbits": {"compression": "packbits"},
    "zstd": {"compression": "zstd"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["u2", "f2", "f4", "f8"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_tiff(layout, kind, channels):
    samples = COLOUR16[..., :channels] if kind == "u2" else (PLANES[..., :channels] * 3 - 99).astype(kind)
    grey = samples[..., 0] if channels == 1 else luma(samples)
    samples = samples[..., 0] if channels == 1 else samples
    options = LAYOUTS[layout] | ({"extrasamples": ["unassalpha"]} if channels == 4 else {})
    image = decode(tiff(np.ascontiguousarray(samples), **options), MAX)
    assert_close(image.luminance, grey / 257 if kind == "u2" else grey.astype(np.float64))
    assert image.depth == ("16-bit" if kind == "u2" else "float")


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"predictor": True}, {"tile": (16, 16)}])
def test_deep_tiff_lzw(options):
    image = luminance(tiff(COLOUR16[..., :3].copy(), compression="lzw", **options))
    assert_close(image, luma(COLOUR16) / 257)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("channels", [3, 4])
def test_deep_planar_tiff(compression, channels):
    planes = COLOUR16[..., :channels].transpose(2, 0, 1).copy()
    data = tiff(planes, "rgb", planarconfig="separate", compression=compression)
    assert_close(luminance(data), luma(COLOUR16) / 257)


def test_deep_tiff_with_grey_and_alpha():
    data = tiff(COLOUR16[..., :2].copy(), "minisblack", planarconfig="contig", extrasamples=["unassalpha"])
    assert_close(luminance(data), COLOUR16[..., 0] / 257)


def test_deep_tiff_of_ink():
    assert_close(luminance(tiff(COLOUR16[..., 0], "miniswhite")), 255 - COLOUR16[..., 0] / 257)
    inks = 65535 - COLOUR16.astype(float)
    expected = luma(np.rint(inks[..., :3] * inks[..., 3:] / 65535)) / 257
    assert_close(luminance(tiff(COLOUR16, "separated")), expected)
    as_8_bits = luminance(saved(cmyk(COLOUR8), "TIFF"))
    assert np.abs(expected - as_8_bits).max() < 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (1, 1, 3), (1, 5, 3), (5, 1, 4)])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_tiff_of_single_rows_and_columns(shape, kind):
    samples = (np.arange(np.prod(shape)).reshape(shape) * 3).astype(kind)
    grey = samples.astype(float) if samples.ndim == 2 else luma(samples)
    assert_close(luminance(tiff(samples)), grey / (257 if kind == "u2" else 1))


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 3])
def test_infinity_is_refused(bad, channels):
    samples = PLANES[..., :channels].astype(np.float32)
    samples[5, 6] = bad
    with pytest.raises(ImageError, match="holds infinite samples; replace them first"):
        decode(tiff(samples[..., 0] if channels == 1 else samples), MAX)


@pytest.mark.parametrize("channels", [1, 3])
def test_nan_is_not_valid_and_holds_the_mean_of_the_rest(channels):
    samples = PLANES[..., :channels].astype(np.float32)
    samples[5, 6, -1] = np.nan
    image = decode(tiff(samples[..., 0] if channels == 1 else samples), MAX)
    assert image.valid is not None
    assert np.argwhere(~image.valid).tolist() == [[5, 6]]
    whole = decode(tiff(PLANES[..., :channels].astype(np.float32).squeeze()), MAX).luminance
    assert np.array_equal(image.luminance[image.valid], whole[image.valid])
    assert image.luminance[5, 6] == pytest.approx(whole[image.valid].mean(), rel=1e-6)


def test_an_image_of_nan_alone_is_refused():
    with pytest.raises(ImageError, match=r"^holds nothing but padding or NaN$"):
        decode(tiff(np.full((4, 5), np.nan, np.float32)), MAX)


@pytest.mark.parametrize(("kind", "unit", "kept"), [("i2", HU, "f4"), ("i4", HU, "f8"), ("u4", GREY_LEVELS, "f8")])
def test_signed_and_32_bit_tiff_are_taken_as_they_are(kind, unit, kept):
    values = np.array([[0, -1000, 3071], [40, 1, 2**14]])
    values = abs(values) if kind == "u4" else values
    values = values * (2**16 if kind[1] == "4" else 1) + 1  # more than float32 holds
    image = decode(tiff(values.astype(kind)), MAX)
    assert (image.unit, image.luminance.dtype, image.valid) == (unit, np.dtype(kept), None)
    assert np.array_equal(image.luminance, values)
    assert image.depth == {"i2": "signed 16-bit", "i4": "signed 32-bit", "u4": "32-bit"}[kind]


def test_the_unit_can_be_told_where_the_file_does_not_say_it():
    signed, floats = tiff(np.array([[-5, 7]], np.int16)), tiff(np.array([[-5, 7]], np.float32))
    assert [decode(data, MAX).unit for data in (signed, floats)] == ["HU", "grey levels"]
    assert [decode(data, MAX, "HU").unit for data in (signed, floats)] == ["HU", "HU"]
    assert [decode(data, MAX, "grey levels").unit for data in (signed, floats)] == ["grey levels", "grey levels"]
    with pytest.raises(ImageError, match=r"^holds 8-bit grey samples, which are no HU; drop --unit$"):
        decode(png(COLOUR8[..., 0], GREY), MAX, "HU")


def test_nan_in_a_dropped_alpha_is_no_harm():
    samples = PLANES.copy()
    samples[..., 3] = np.nan
    assert_close(luminance(tiff(samples, "rgb", extrasamples=["unassalpha"])), luma(samples))


def test_the_largest_floats_do_not_overflow():
    samples = np.full((3, 3, 3), np.finfo(np.float64).max)
    assert np.isfinite(luminance(tiff(samples / 2))).all()


# --- EXIF orientation

TURNED = {
    "jpeg": lambda value: saved(COLOUR8[..., :3], "JPEG", exif=exif(value)),
    "png": lambda value: saved(COLOUR8[..., :3], "PNG", exif=exif(value)),
    "png-palette": lambda value: saved(PALETTE, "PNG", exif=exif(value)),
    "png-exif-last": lambda value: png(COLOUR8[..., :3], RGB, after=chunk(b"eXIf", exif(value)[6:])),
    "png-grey-exif-last": lambda value: png(COLOUR8[..., 0], GREY, after=chunk(b"eXIf", exif(value)[6:])),
    "webp": lambda value: saved(COLOUR8[..., :3], "WEBP", exif=exif(value)),
    "tiff": lambda value: saved(COLOUR8[..., :3], "TIFF", tiffinfo={274: value}),
    "tiff-grey": lambda value: saved(COLOUR8[..., 0], "TIFF", tiffinfo={274: value}),
    "tiff-cmyk": lambda value: saved(cmyk(COLOUR8), "TIFF", tiffinfo={274: value}),
    "tiff-lzw": lambda value: saved(COLOUR8[..., :3], "TIFF", compression="tiff_lzw", tiffinfo={274: value}),
}
DEEP_TURNED = {
    "png": lambda value: png(COLOUR16[..., :3], RGB, before=chunk(b"eXIf", exif(value)[6:])),
    "png-exif-last": lambda value: png(COLOUR16[..., :3], RGB, after=chunk(b"eXIf", exif(value)[6:])),
    "png-adam7": lambda value: png(COLOUR16[..., :3], RGB, before=chunk(b"eXIf", exif(value)[6:]), adam7=True),
    "tiff": lambda value: tiff(COLOUR16[..., :3].copy(), extratags=[(274, 3, 1, value, True)]),
    "tiff-planar": lambda value: tiff(
        COLOUR16[..., :3].transpose(2, 0, 1).copy(),
        "rgb",
        planarconfig="separate",
        extratags=[(274, 3, 1, value, True)],
    ),
}


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("name", TURNED)
def test_orientation_agrees_with_the_oracle(name, value, tmp_path):
    path = tmp_path / name
    path.write_bytes(TURNED[name](value))
    image = decode(path.read_bytes(), MAX)
    assert_close(image.luminance, symmetry.luminance(path))
    assert_close(image.luminance, symmetry.oriented(luminance(TURNED[name](1)), value))
    assert image.turned == (value != 1)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("name", DEEP_TURNED)
def test_orientation_of_16_bits(name, value):
    image = decode(DEEP_TURNED[name](value), MAX)
    assert_close(image.luminance, symmetry.oriented(luma(COLOUR16) / 257, value))
    assert (image.turned, image.depth) == (value != 1, "16-bit")


@pytest.mark.parametrize("value", range(1, 9))
def test_orientation_as_viewers_show_it(value):
    """The first row and column as EXIF 2.3 describes them, without the oracle's help."""
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}[value]
    samples = np.full((2, 3), 50, np.uint8)
    samples[0] = 150  # the stored first row ...
    samples[0, 0] = 250  # ... and its first pixel
    shown = luminance(saved(samples, "PNG", exif=exif(value)))
    row = shown[corner[0]] if value <= 4 else shown[:, corner[1]]
    assert shown[corner] == 250
    assert sorted(row) == [150, 150, 250]


def test_a_mark_of_exif_among_the_pixels_of_a_png_is_not_one(monkeypatch):
    """Looking for the block would decode the image once more."""
    pixels = np.frombuffer(b"eXIfRaw profile typeXML:com.adobe.xmp...", np.uint8).reshape(1, 40)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels), 0)  # stored as they are
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 1, 8, GREY, 0, 0, 0))
    data = SIGNATURE + header + chunk(b"IDAT", body) + chunk(b"IEND")
    assert b"eXIfRaw" in data
    monkeypatch.setattr(_samples, "_orientation", None)
    assert_close(luminance(data), pixels.astype(float))


@pytest.mark.parametrize("value", [0, 9, 270, 65535])
def test_an_impossible_orientation_is_none(value):
    for build in (TURNED["jpeg"], TURNED["png"], TURNED["tiff"], DEEP_TURNED["tiff"]):
        image = decode(build(value), MAX)
        assert not image.turned
        assert image.luminance.shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize("block", [b"", b"Exif\0\0", b"Exif\0\0MM\0", b"Exif\0\0XXXXXXXXXXXX", b"\xff" * 40])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_unreadable_exif_block_does_not_cost_the_picture(kind, block):
    image = decode(saved(COLOUR8[..., :3], kind, exif=block), MAX)
    assert not image.turned
    assert image.luminance.shape == (HEIGHT, WIDTH)


XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def test_orientation_in_xmp_and_in_raw_profiles():
    xmp = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.encode())
    block = exif(6)
    profile = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    raw = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile))
    expected = symmetry.oriented(luma(COLOUR8), 6)
    for data in (
        png(COLOUR8[..., :3], RGB, before=xmp),
        png(COLOUR8[..., :3], RGB, after=xmp),
        png(COLOUR8[..., :3], RGB, before=raw),
        saved(COLOUR8[..., :3], "TIFF", tiffinfo={700: XMP.encode()}),
    ):
        assert_close(luminance(data), expected)


# --- more than one picture in a file


@pytest.mark.parametrize(
    "data",
    [
        saved(COLOUR8, "PNG", save_all=True, append_images=[Image.fromarray(SPREAD)]),
        saved(COLOUR8, "WEBP", save_all=True, append_images=[Image.fromarray(SPREAD)]),
        saved(COLOUR8, "TIFF", save_all=True, append_images=[Image.fromarray(SPREAD)]),
        tiff(np.stack([COLOUR16[..., 0]] * 2)),
        tiff(np.stack([COLOUR16[..., :3]] * 2), "rgb"),
    ],
)
def test_several_frames_are_refused(data):
    with pytest.raises(ImageError, match=r"^has 2 frames or pages; split it into single images$"):
        decode(data, MAX)


def test_a_volume_is_refused():
    volume = np.stack([COLOUR16[..., 0]] * 16)
    with pytest.raises(ImageError, match=r"^has 16 frames or pages"):
        decode(tiff(volume, volumetric=True, tile=(16, 16, 16)), MAX)


def test_single_frames_of_animated_formats_are_images():
    for data in (
        saved(COLOUR8, "PNG", save_all=True),
        saved(COLOUR8, "WEBP", lossless=True, exact=True, save_all=True),
    ):
        assert_close(luminance(data), luma(COLOUR8))


def test_the_first_picture_of_a_phones_jpeg_counts():
    first = Image.fromarray(COLOUR8[..., :3])
    data = saved(first, "MPO", save_all=True, append_images=[Image.fromarray(SPREAD[..., :3])], exif=exif(6))
    image = decode(data, MAX)
    assert image.turned
    assert_close(image.luminance, luminance(saved(first, "JPEG", exif=exif(6))))


# --- refusals


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"^the file is empty \(0 bytes\)$"),
        (b"\0", "^not a readable PNG, JPEG, TIFF, BMP or WEBP image$"),
        (b"hello, world\n" * 40, "^not a readable PNG"),
        (saved(COLOUR8[..., 0], "GIF"), "^not a readable PNG"),
        (saved(COLOUR8[..., 0], "PPM"), "^not a readable PNG"),
        (SIGNATURE, "^(not a readable|damaged or truncated)"),
        (b"II*\0", "^damaged or truncated image"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "^damaged or truncated image"),
        (png(COLOUR8[..., :3], RGB)[:-60], "^damaged or truncated image"),
        (
            tiff(COLOUR16[..., 0].astype(np.int64)),
            "^TIFF of 64-bit signed MINISBLACK samples is not supported; convert",
        ),
        (tiff(COLOUR16[..., :3].astype(np.int16)), "^TIFF of 16-bit signed RGB"),
        (tiff(COLOUR8[..., 0].astype(np.int8)), "^TIFF of 8-bit signed MINISBLACK"),
        (tiff(PLANES[..., 0].astype(np.complex64)), "^TIFF of 64-bit complex MINISBLACK"),
        (tiff(PLANES[..., 0].astype(np.float32), "miniswhite"), "^TIFF of 32-bit float MINISWHITE"),
        (tiff(COLOUR16[..., :3].copy(), "cielab"), "^TIFF of 16-bit unsigned CIELAB"),
        (
            tiff(COLOUR16[..., 0], "palette", colormap=np.zeros((3, 65536), np.uint16)),
            "^TIFF of 16-bit unsigned PALETTE",
        ),
        (patched(tiff(COLOUR16[..., 0]), {258: 12}), "^TIFF of 12-bit unsigned MINISBLACK"),
        (tiff(COLOUR16[..., :3].copy(), "minisblack", planarconfig="contig"), "^has 3 channels; expected grey"),
        (tiff(np.concatenate([COLOUR16] * 2, -1), "rgb"), "^has 8 channels; expected grey, RGB or CMYK"),
        (tiff(COLOUR16[..., :3].copy(), compression="jpeg2000"), "^compression JPEG2000 is not supported"),
    ],
)
def test_what_is_refused_and_why(data, reason):
    with pytest.raises(ImageError, match=reason) as caught:
        decode(data, MAX)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_no_memory_is_a_reason(monkeypatch):
    def fail(*args):
        raise MemoryError

    monkeypatch.setattr("symmetry_audit.data._decode.read_samples", fail)
    with pytest.raises(ImageError, match=r"^not enough memory to decode the image$"):
        decode(EIGHT_BITS["png-rgb"], MAX)


def test_an_error_without_words_is_named(monkeypatch):
    def fail(*args):
        raise AssertionError

    monkeypatch.setattr("symmetry_audit.data._decode.read_samples", fail)
    with pytest.raises(ImageError, match=r"^damaged or truncated image \(AssertionError\)$"):
        decode(EIGHT_BITS["png-rgb"], MAX)


# --- sizes

SIZED = {**EIGHT_BITS, "png-16": png(COLOUR16[..., :3], RGB), "tiff-16": tiff(COLOUR16[..., :3].copy())}


@pytest.mark.parametrize(
    "name", ["png-rgb", "png-palette", "jpeg-rgb", "bmp-rgb", "webp", "tiff-rgb", "png-16", "tiff-16"]
)
def test_the_limit_is_the_number_of_pixels(name):
    assert decode(SIZED[name], HEIGHT * WIDTH).luminance.shape == (HEIGHT, WIDTH)
    reason = r"^too large \(20 x 24 px, the limit is 479\); raise --max-pixels if you trust the file$"
    with pytest.raises(ImageError, match=reason):
        decode(SIZED[name], HEIGHT * WIDTH - 1)


def claiming(data: bytes, at: int, width: int, height: int, order: str) -> bytes:
    return data[:at] + struct.pack(f"{order}II", width, height) + data[at + 8 :]


def giant(name: str, width: int, height: int) -> bytes:
    """A small file that claims to be ``width`` x ``height`` px."""
    if name == "png":
        header = struct.pack(">IIBBBBB", width, height, 8, RGB, 0, 0, 0)
        return png(COLOUR8[..., :3], RGB, header=header)
    if name == "bmp":
        return claiming(EIGHT_BITS["bmp-rgb"], 18, width, height, "<")
    if name in ("webp", "jpeg"):
        data = bytearray(EIGHT_BITS["webp" if name == "webp" else "jpeg-rgb"])
        at = data.index(b"\x9d\x01\x2a") + 3 if name == "webp" else data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack("<HH", width, height) if name == "webp" else struct.pack(">HH", height, width)
        return bytes(data)
    data = EIGHT_BITS["tiff-rgb"] if name == "tiff" else SIZED["tiff-16"]
    return patched(data, {256: width, 257: height, 278: height})


@pytest.mark.parametrize("name", ["png", "bmp", "webp", "jpeg", "tiff", "deep-tiff"])
@pytest.mark.parametrize(("width", "height"), [(1000, 1001), (12000, 12000), (16000, 16000)])
def test_bombs_are_refused_by_their_header(name, width, height):
    started = time.process_time()
    with pytest.raises(ImageError, match=r"^too large .*the limit is 1000000.; raise --max-pixels"):
        decode(giant(name, width, height), MAX)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("name", ["png", "bmp", "webp", "tiff", "deep-tiff"])  # libjpeg fills up with grey
def test_a_claim_within_the_limit_is_found_out(name):
    with pytest.raises(ImageError, match=r"^damaged or truncated image"):
        decode(giant(name, 900, 900), MAX)


def test_a_higher_limit_than_pillows_own_is_kept(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for name in ("png-rgb", "png-palette", "jpeg-rgb", "bmp-rgb", "webp", "tiff-rgb"):
        assert decode(EIGHT_BITS[name], MAX).luminance.shape == (HEIGHT, WIDTH)
        assert Image.MAX_IMAGE_PIXELS == 10
    with pytest.raises(ImageError, match=r"^too large"):
        decode(giant("jpeg", 60000, 60000), MAX)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_pillow_without_a_limit_is_given_ours(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(ImageError, match=r"^too large .far too many pixels, the limit is 1000000"):
        decode(giant("webp", 16000, 16000), MAX)
    assert Image.MAX_IMAGE_PIXELS is None


def test_a_second_png_header_does_not_get_round_the_limit():
    honest = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, RGB, 0, 0, 0)
    for depth in (8, 16):
        header = struct.pack(">IIBBBBB", 50000, 50000, depth, RGB, 0, 0, 0)
        with pytest.raises(ImageError, match=r"^(too large|damaged or truncated image)"):
            decode(png(COLOUR8[..., :3], RGB, header=header, before=chunk(b"IHDR", honest)), MAX)


def test_a_huge_tile_is_refused():
    data = patched(tiff(COLOUR16[..., 0], tile=(16, 16), compression="zlib"), {322: 1 << 20, 323: 1 << 20})
    with pytest.raises(ImageError, match=r"^too large .1048576 x 1048576 px"):
        decode(data, MAX)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits", "zstd", "lzma"])
def test_a_strip_that_unpacks_to_more_than_its_size_is_harmless(compression):
    """The strip of a 16-megapixel image under a header that says 16 x 16."""
    data = tiff(np.zeros((4096, 4096), np.uint16), compression=compression, rowsperstrip=4096)
    outcome = attempt(patched(data, {256: 16, 257: 16, 278: 16}))
    assert isinstance(outcome, ImageError) or outcome.luminance.shape == (16, 16)


@pytest.mark.parametrize("tag", [256, 257])
def test_no_pixels_is_no_image(tag):
    with pytest.raises(ImageError, match=r"^holds no pixels \(\d+ x \d+ px\)$"):
        decode(patched(SIZED["tiff-16"], {tag: 0}), MAX)


def test_a_header_number_that_is_a_text_is_refused_at_once():
    """tifffile hands such texts on; text times width once filled gigabytes."""
    body = tiff(COLOUR16[..., 0])
    data = patched(body, {256: len(body)}, kind=7, count=60_000) + b"A" * 60_000
    with pytest.raises(ImageError, match=r"^damaged TIFF header, or channels of different depths$"):
        decode(data, 10**9)


def test_channels_of_different_depths_are_refused():
    data = bytearray(SIZED["tiff-16"])
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        at = file.pages[0].tags[258].valueoffset
    data[at : at + 6] = struct.pack("<3H", 16, 16, 32)
    with pytest.raises(ImageError, match="channels of different depths"):
        decode(bytes(data), MAX)


# --- hashes


def test_the_same_pixels_have_the_same_hash_in_every_format():
    hashes = {decode(saved(COLOUR8[..., :3], kind), MAX).pixel_sha256 for kind in ("PNG", "BMP", "TIFF")}
    hashes.add(decode(saved(COLOUR8[..., :3], "WEBP", lossless=True), MAX).pixel_sha256)
    hashes.add(decode(png(COLOUR8[..., :3], RGB, adam7=True), MAX).pixel_sha256)
    hashes.add(decode(png(COLOUR8, RGBA), MAX).pixel_sha256)  # alpha is no part of it
    turned = symmetry.oriented(COLOUR8[..., :3], 8)  # 6 undoes 8
    hashes.add(decode(saved(np.ascontiguousarray(turned), "PNG", exif=exif(6)), MAX).pixel_sha256)
    assert len(hashes) == 1


def test_16_bits_have_the_same_hash_in_either_byte_order():
    samples = COLOUR16[..., :3].copy()
    files = [
        png(samples, RGB),
        tiff(samples),
        tiff(samples, byteorder=">"),
        tiff(samples, byteorder=">", tile=(16, 16)),
    ]
    assert len({decode(data, MAX).pixel_sha256 for data in files}) == 1


def test_palette_and_grey_hashes():
    assert (
        decode(saved(PALETTE, "PNG"), MAX).pixel_sha256
        == decode(saved(PALETTE.convert("RGB"), "BMP"), MAX).pixel_sha256
    )
    grey = COLOUR8[..., 0]
    assert decode(saved(grey, "PNG"), MAX).pixel_sha256 == decode(saved(grey, "BMP"), MAX).pixel_sha256


def test_other_pixels_have_another_hash():
    one_off = COLOUR8[..., :3].copy()
    one_off[-1, -1, -1] ^= 1
    files = [COLOUR8[..., :3], one_off, COLOUR8[..., 0], COLOUR8[::-1, :, :3], COLOUR8[..., 2::-1]]
    files += [COLOUR8[..., :3].reshape(WIDTH, HEIGHT, 3)]  # the same bytes in another shape
    hashes = [decode(saved(np.ascontiguousarray(samples), "PNG"), MAX).pixel_sha256 for samples in files]
    hashes.append(decode(png(COLOUR8[..., 0].astype(np.uint16), GREY), MAX).pixel_sha256)
    assert len(set(hashes)) == len(hashes)


# --- damaged bytes


def attempt(data: bytes) -> DecodedImage | ImageError:
    """Decode; anything but a sound image or an ImageError of one short line fails the test."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome = decode(data, MAX)
        except ImageError as error:
            outcome = error
    assert caught == []
    if isinstance(outcome, ImageError):
        assert len(str(outcome).splitlines()) == 1
        assert len(str(outcome)) < 250
    else:
        assert outcome.luminance.ndim == 2
        assert 0 < outcome.luminance.size <= MAX
        assert np.isfinite(outcome.luminance).all()
    return outcome


def mended(data: bytes) -> bytes:
    """The same PNG with right checksums, so that damage reaches further than the first of them."""
    data, at = bytearray(data), 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(data)


SAMPLES = {
    **EIGHT_BITS,
    "jpeg-exif": TURNED["jpeg"](6),
    "png-exif": TURNED["png"](6),
    "webp-exif": TURNED["webp"](6),
    "webp-animated": saved(COLOUR8, "WEBP", save_all=True, append_images=[Image.fromarray(SPREAD)]),
    "png-animated": saved(COLOUR8, "PNG", save_all=True, append_images=[Image.fromarray(SPREAD)]),
    "png-16-grey": png(COLOUR16[..., 0], GREY),
    "png-16-rgb": png(COLOUR16[..., :3], RGB, adam7=True),
    "png-16-rgba": imagecodecs.png_encode(COLOUR16),
    "tiff-16": tiff(COLOUR16[..., 0]),
    "tiff-16-lzw": tiff(COLOUR16[..., :3].copy(), compression="lzw", predictor=True),
    "tiff-16-tiled": tiff(COLOUR16, compression="zlib", tile=(16, 16), bigtiff=True),
    "tiff-16-planar": tiff(COLOUR16[..., :3].transpose(2, 0, 1).copy(), "rgb", planarconfig="separate", byteorder=">"),
    "tiff-float": tiff(PLANES[..., 0].astype(np.float32), compression="zlib"),
    "tiff-16-pages": tiff(np.stack([COLOUR16[..., 0]] * 3)),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_truncated_files_are_errors(name):
    data = SAMPLES[name]
    whole = attempt(data)
    for length in [*range(40), *range(40, len(data), max(1, len(data) // 60)), len(data) - 1]:
        outcome = attempt(data[:length])
        # what a decoder makes of the rest must be the picture: the cut then took only what follows the pixels
        assert isinstance(outcome, ImageError) or outcome.pixel_sha256 == whole.pixel_sha256
    assert isinstance(attempt(data[: len(data) // 2]), ImageError)


@pytest.mark.parametrize("name", SAMPLES)
def test_flipped_bytes_never_escape(name):
    chance, data = random.Random(name), SAMPLES[name]
    for turn in range(120):
        harmed = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 5, 20))):
            # headers come first, but a TIFF of Pillow's has its own at the end
            at = chance.choice((chance.randrange(len(data)), chance.randrange(min(300, len(data)))))
            harmed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        harmed = bytes(harmed)
        attempt(mended(harmed) if name.startswith("png") and turn % 2 else harmed)


@pytest.mark.parametrize("name", SAMPLES)
def test_cut_out_and_doubled_stretches_never_escape(name):
    chance, data = random.Random(name), SAMPLES[name]
    for turn in range(40):
        start, stop = sorted(chance.randrange(len(data)) for _ in range(2))
        harmed = data[:start] + data[stop:] if turn % 2 else data[:stop] + data[start:]
        attempt(mended(harmed) if name.startswith("png") else harmed)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.integers(4, 40), st.binary(max_size=200))
def test_noise_behind_a_true_beginning_never_escapes(name, length, noise):
    attempt(SAMPLES[name][:length] + noise)


def test_no_reference_is_lost_to_damaged_files():
    """A libpng binding let go of None on every error, and ended the process once there was none left."""
    files = [png(COLOUR16[..., :3], RGB), png(COLOUR8[..., :3], RGB), png(COLOUR8[..., 0], GREY)]
    gc.collect()  # what other tests left behind must not be let go in between
    before = sys.getrefcount(None)
    for length in range(50, 650):
        for data in files:
            attempt(data[:length])
    assert sys.getrefcount(None) > before - 500


def test_damaged_files_leave_stderr_alone():
    """In a process of its own, because pytest's log handlers keep Python from printing what decoders log."""
    harmed = [
        patched(SAMPLES["tiff-16"], {273: 10**6}, kind=99),
        SAMPLES["tiff-16-tiled"][:-50],
        SAMPLES["png-16-rgb"][:-60],
    ]
    script = f"""
from symmetry_audit.data import decode
from symmetry_audit.errors import ImageError
for data in {harmed!r}:
    try:
        decode(data, {MAX})
    except ImageError as error:
        print(error)
"""
    process = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60)
    assert process.stderr == ""
    assert process.stdout.count("damaged or truncated image") == 3


def test_decoders_may_still_log(caplog):
    with caplog.at_level(logging.DEBUG, "tifffile"):
        attempt(patched(SAMPLES["tiff-16"], {273: 10**6}, kind=99))
    assert "tifffile" in {record.name for record in caplog.records}


# --- threads


def test_decoding_in_threads_leaves_the_process_as_it_was(monkeypatch):
    """catch_warnings is not safe in threads: the last to leave may put back what another had set."""
    noisy = giant("jpeg", 12000, 12000)  # Pillow warns of this size
    names = ("png-rgb", "jpeg-rgb", "tiff-lzw", "png-palette-alpha")
    expected = {name: decode(EIGHT_BITS[name], MAX).pixel_sha256 for name in names}
    filters, start = list(warnings.filters), threading.Barrier(8)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12345)

    def work(_):
        start.wait()
        for _ in range(10):
            for name in names:
                assert decode(EIGHT_BITS[name], MAX).pixel_sha256 == expected[name]
            with pytest.raises(ImageError, match=r"^too large"):
                decode(noisy, MAX)

    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(8) as pool:
        inside = list(warnings.filters)
        list(pool.map(work, range(8)))
        assert warnings.filters == inside
    assert caught == []
    assert warnings.filters == filters
    assert Image.MAX_IMAGE_PIXELS == 12345
