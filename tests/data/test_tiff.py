"""TIFF of more than 8 bits, of floats, and of signed samples."""

import numpy as np
import pytest

from symmetry_audit.data import decode
from symmetry_audit.errors import ImageError
from symmetry_audit.wording import GREY_LEVELS, HU
from tests.data.picture_files import (
    COLOUR8,
    COLOUR16,
    GREY,
    MAX,
    PLANES,
    assert_close,
    cmyk,
    luma,
    luminance,
    png,
    saved,
    tiff,
)

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
