"""EXIF orientation, against the oracle and as viewers show it."""

import struct
import zlib

import numpy as np
import pytest

from symmetry_audit.data import _samples, decode
from tests.data.picture_files import (
    COLOUR8,
    COLOUR16,
    DEEP_TURNED,
    GREY,
    HEIGHT,
    MAX,
    RGB,
    SIGNATURE,
    TURNED,
    WIDTH,
    assert_close,
    chunk,
    exif,
    luma,
    luminance,
    png,
    saved,
)
from tests.oracles import symmetry


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
