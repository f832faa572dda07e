"""Bands of multispectral TIFF and the value of missing data, from arrays that tifffile wrote and closed forms."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit.data import decode, decode_rgb
from symmetry_audit.errors import ImageError
from symmetry_audit.wording import GREY_LEVELS, HU

MAX = 10**6
WEIGHTS = np.array([299, 587, 114]) / 1000
HEIGHT, WIDTH, BANDS = 9, 12, 8
GDAL_NODATA = 42113


def cube(kind: str, bands: int = BANDS) -> np.ndarray:
    """(H, W, bands) of samples from 1 to 250."""
    return np.random.default_rng(5).integers(1, 250, (HEIGHT, WIDTH, bands)).astype(kind)


def tiff(samples, *, planar=False, nodata=None, photometric="minisblack", **options) -> bytes:
    """A TIFF of (H, W) or (H, W, bands) samples, band by band if ``planar``, with a GDAL_NODATA tag if it is given."""
    if planar:
        samples = np.moveaxis(samples, -1, 0).copy()
    if samples.ndim == 3:
        options["planarconfig"] = "separate" if planar else "contig"
    tags = [] if nodata is None else [(GDAL_NODATA, "s", 0, nodata, True)]
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric=photometric, extratags=tags, metadata=None, **options)
    return file.getvalue()


@pytest.mark.parametrize("planar", [False, True], ids=["interleaved", "planar"])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
def test_three_bands_are_red_green_and_blue(kind, planar):
    samples = cube(kind)
    image = decode(tiff(samples, planar=planar), MAX, bands=(3, 2, 1))
    expected = samples[..., [2, 1, 0]].astype(float) @ WEIGHTS / (257 if kind == "uint16" else 1)
    assert image.luminance == pytest.approx(expected, rel=1e-6)
    assert (image.unit, image.valid) == (GREY_LEVELS, None)


@pytest.mark.parametrize("planar", [False, True], ids=["interleaved", "planar"])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
def test_one_band_is_grey(kind, planar):
    samples = cube(kind)
    image = decode(tiff(samples, planar=planar, compression="zlib"), MAX, bands=(4,))
    assert image.luminance == pytest.approx(samples[..., 3] / (257 if kind == "uint16" else 1), rel=1e-6)


def test_near_infrared_behind_rgb_can_be_chosen():
    samples = cube("uint8", 4)
    data = tiff(samples, photometric="rgb", extrasamples=["unspecified"])
    assert np.array_equal(decode(data, MAX, bands=(4,)).luminance, samples[..., 3])
    assert decode(data, MAX).luminance == pytest.approx(samples[..., :3] @ WEIGHTS, rel=1e-6)


def test_bands_of_other_formats():
    samples = cube("uint8", 3)
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    assert np.array_equal(decode(file.getvalue(), MAX, bands=(2,)).luminance, samples[..., 1])


def test_networks_get_the_chosen_bands():
    samples = cube("uint16")
    picture = decode_rgb(tiff(samples), MAX, bands=(5, 3, 2))
    assert np.array_equal(picture.pixels, samples[..., [4, 2, 1]]) and not picture.grey
    assert decode_rgb(tiff(samples), MAX, bands=(7,)).grey


@pytest.mark.parametrize(
    ("bands", "channels", "message"),
    [
        (None, 8, r"^has 8 channels; .* choose with --bands 3,2,1 \(red, green, blue\) or --bands 1 \(grey\)$"),
        (None, 4, r"^has 4 channels; .* choose with --bands"),
        ((9,), 8, r"^has 8 bands, so there is no band 9; choose others with --bands, or drop it$"),
        ((3, 2, 1), 1, r"^has 1 band, so there is no band 3; "),
    ],
)
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_what_cannot_be_chosen(kind, bands, channels, message):
    samples = cube(kind, channels)
    with pytest.raises(ImageError, match=message):
        decode(tiff(samples[..., 0] if channels == 1 else samples), MAX, bands=bands)


def test_smaller_copies_of_a_map_are_no_further_images():
    samples, file = cube("uint8"), io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        options = {"photometric": "minisblack", "planarconfig": "contig", "metadata": None}
        writer.write(samples, **options)
        writer.write(samples[::2, ::2].copy(), subfiletype=1, **options)
    assert np.array_equal(decode(file.getvalue(), MAX, bands=(1,)).luminance, samples[..., 0])


def test_many_bands_count_against_the_largest_size():
    samples = np.zeros((10, 10, 60), np.float32)
    with pytest.raises(
        ImageError, match=r"^too large \(10 x 10 px of 60 bands, the limit is 200\); raise --max-pixels"
    ):
        decode(tiff(samples), 200, bands=(1,))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("uint8", "0", 0),
        ("uint16", "65535", 65535),
        ("int16", "-9999", -9999),
        ("float32", "-9999", -9999.0),
        ("float32", "-3.4028234663852886e+38", np.finfo(np.float32).min),
        ("float32", "-3.40282e+38", np.float32(-3.40282e38)),
        ("float32", "nan", np.nan),
        ("float64", "1e20", 1e20),
    ],
)
def test_missing_pixels_are_not_valid_and_hold_the_mean(kind, text, value):
    samples = cube(kind, 1)[..., 0]
    samples[2:5, 3] = value
    image = decode(tiff(samples, nodata=text), MAX)
    expected = np.ones(samples.shape, bool)
    expected[2:5, 3] = False
    assert np.array_equal(image.valid, expected)
    scale = 257 if kind == "uint16" else 1
    assert image.luminance[expected] == pytest.approx(samples[expected] / scale, rel=1e-6)
    assert image.luminance[~expected] == pytest.approx(np.mean(samples[expected].astype(float)) / scale, rel=1e-6)


def test_a_map_of_signed_samples_is_no_ct_slice():
    samples = cube("int16", 1)[..., 0]
    assert decode(tiff(samples), MAX).unit == HU
    assert decode(tiff(samples, nodata="-9999"), MAX).unit == GREY_LEVELS
    assert decode(tiff(samples, nodata="-9999"), MAX, HU).unit == HU


def test_unsigned_bands_are_missing_together_and_others_one_by_one():
    cases = ("uint8", "0", True), ("uint16", "0", True), ("int16", "-1", False), ("float32", "-1", False)
    for kind, text, alone in cases:
        samples = cube(kind)
        samples[0, 0, :3] = samples[0, 1, 1] = samples[0, 2, 6] = float(text)
        valid = decode(tiff(samples, nodata=text), MAX, bands=(1, 2, 3)).valid
        assert valid is not None
        assert valid[0, :3].tolist() == [False, alone, True], kind
        assert valid[1:].all()


@pytest.mark.parametrize("text", ["none", "300", "0.5", "", "1e999"])
def test_values_that_no_sample_can_hold_mark_nothing(text):
    samples = cube("uint8", 1)[..., 0]
    assert decode(tiff(samples, nodata=text), MAX).valid is None
    assert decode(tiff(samples.astype("float32"), nodata="1e300"), MAX).valid is None


def test_an_image_of_missing_data_alone_is_refused():
    with pytest.raises(ImageError, match=r"^holds nothing but missing data or NaN$"):
        decode(tiff(np.zeros((4, 4), np.uint8), nodata="0"), MAX)
