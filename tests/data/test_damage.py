"""Damaged bytes of every format: a sound image or one line, and nothing on stderr."""

import gc
import logging
import random
import subprocess
import sys
import warnings
import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from symmetry_audit.data import DecodedImage, decode
from symmetry_audit.errors import ImageError
from tests.data.picture_files import (
    COLOUR8,
    COLOUR16,
    EIGHT_BITS,
    GREY,
    MAX,
    PLANES,
    RGB,
    SPREAD,
    TURNED,
    patched,
    png,
    saved,
    tiff,
)


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


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits", "zstd", "lzma"])
def test_a_strip_that_unpacks_to_more_than_its_size_is_harmless(compression):
    """The strip of a 16-megapixel image under a header that says 16 x 16."""
    data = tiff(np.zeros((4096, 4096), np.uint16), compression=compression, rowsperstrip=4096)
    outcome = attempt(patched(data, {256: 16, 257: 16, 278: 16}))
    assert isinstance(outcome, ImageError) or outcome.luminance.shape == (16, 16)


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
