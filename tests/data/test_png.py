"""PNG files of every depth, interlaced or not, by hand."""

import struct

import numpy as np
import pytest

from symmetry_audit.data import decode
from tests.data.picture_files import (
    ALPHA,
    COLOUR8,
    COLOUR16,
    EXACT,
    GREY,
    MAX,
    RGB,
    RGBA,
    SPREAD,
    assert_close,
    chunk,
    luma,
    luminance,
    png,
    saved,
)


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
def test_pixels_of_the_colour_key_are_hidden(samples, colour, key):
    keyed, plain = (decode(png(samples, colour, before=before), MAX) for before in (chunk(b"tRNS", key), b""))
    hidden = (samples == samples[0, 0]) if samples.ndim == 2 else (samples == samples[0, 0]).all(axis=2)
    assert plain.valid is None
    assert np.array_equal(keyed.valid, ~hidden)
    assert np.array_equal(keyed.luminance[~hidden], plain.luminance[~hidden])


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_colour_key_below_8_bits_counts_in_units_of_the_file(depth):
    samples = (np.arange(7 * 9).reshape(7, 9) % 2**depth).astype(np.uint8)
    image = decode(png(samples, GREY, depth, before=chunk(b"tRNS", struct.pack(">H", 1))), MAX)
    assert np.array_equal(image.valid, samples != 1)


def test_gamma_and_colour_profiles_are_ignored():
    profile = chunk(b"gAMA", struct.pack(">I", 20000)) + chunk(b"cHRM", struct.pack(">8I", *[31270] * 8))
    for samples in (COLOUR8[..., :3], COLOUR16[..., :3]):
        assert_close(luminance(png(samples, RGB, before=profile)), luminance(png(samples, RGB)))
    assert_close(luminance(saved(COLOUR8[..., 0], "PNG", icc_profile=b"not a profile")), EXACT["png-grey"])
