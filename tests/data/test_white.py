"""The white level: what files of real writers say of it, luminance against exact fractions, and that of whole sets."""

from __future__ import annotations

import gc
import io
import tarfile
import weakref
import zlib
from fractions import Fraction
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from symmetry_audit.data import ImageRef, decode, decode_rgb, open_source, white_level_of
from symmetry_audit.data._decode import decode_samples
from symmetry_audit.errors import ImageError

RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16)  # the 256 grey levels of 8 bits


def tiff(samples, *tags, **options) -> bytes:
    """A TIFF with further tags, (number, type, value) each."""
    file, kind = io.BytesIO(), "minisblack" if samples.ndim == 2 else "rgb"
    extra = [(number, sort, 1, value, True) for number, sort, value in tags]
    tifffile.imwrite(file, samples, photometric=kind, metadata=None, extratags=extra, **options)
    return file.getvalue()


def png(samples, bits=None) -> bytes:
    """A PNG, with a chunk sBIT where ``bits`` are given."""
    data = bytes(imagecodecs.png_encode(samples))
    if bits is None:
        return data
    body = b"sBIT" + bytes([bits] * (1 if samples.ndim == 2 else 3))
    return data[:33] + (len(body) - 4).to_bytes(4) + body + zlib.crc32(body).to_bytes(4) + data[33:]


@pytest.mark.parametrize("white", [255, 1023, 4095, 10000, 65535])
@pytest.mark.parametrize("shape", [(40, 30), (40, 30, 3)])
def test_luminance_is_nearest_to_the_exact_fraction_of_white(rng, white, shape):
    samples = rng.integers(0, white, shape, np.uint16, endpoint=True)
    found = decode(tiff(samples), 10**6, white=white).luminance.ravel()
    rgb = samples.reshape(-1, 1) if samples.ndim == 2 else samples.reshape(-1, 3)
    weights = [Fraction(1)] if samples.ndim == 2 else [Fraction(w, 1000) for w in (299, 587, 114)]
    for value, pixel in zip(found.tolist(), rgb.tolist(), strict=True):
        exact = sum(w * part for w, part in zip(weights, pixel, strict=True)) * Fraction(255, white)
        assert abs(Fraction(value) - exact) <= Fraction(float(np.spacing(np.float32(value)))) * Fraction(50001, 100000)


@pytest.mark.parametrize(
    ("data", "white"),
    [
        (tiff(RAMP * 16, (281, "H", 4095)), 4095),
        (tiff(RAMP * 4, (341, "H", 1023)), 1023),
        (tiff(RAMP * 16, (281, "H", 65535)), 65535),  # a dark picture that says so
        (tiff(RAMP * 15, (50717, "I", 4000)), 4000),
        (png(RAMP * 16 + 1, 12), 4095),
        (tiff((RAMP / 255).astype(np.float32), (341, "f", 1.0)), 1),
        (tiff((RAMP * 16).astype(np.int16), (340, "h", 0), (341, "h", 4095)), 4095),
    ],
    ids=["max", "smax", "full", "dng", "sbit", "float", "signed"],
)
def test_what_a_file_says_of_white_is_taken(data, white):
    image, picture = decode(data, 10**6), decode_rgb(data)
    assert (image.unit, picture.white) == ("grey levels", white)
    levels = picture.pixels[..., 0] * (255 / white)
    np.testing.assert_allclose(image.luminance, levels, rtol=1e-6)
    np.testing.assert_array_equal(picture.to_8bit()[..., 0], np.rint(levels))


@pytest.mark.parametrize(
    "data",
    [
        tiff(RAMP * 16, (281, "H", 4080)),  # the largest sample, as many programs write it
        tiff(RAMP * 17, (281, "H", 4095)),  # which samples exceed
        png(RAMP * 257, 12),  # in the upper bits, as the standard wants it
        png(RAMP * 16, 12),  # could be either
    ],
)
def test_what_cannot_be_the_white_level_is_not_taken(data):
    assert decode_rgb(data).white == 65535


def test_signed_samples_stay_hu_unless_white_says_otherwise():
    data = tiff((RAMP * 16).astype(np.int16))
    assert decode(data, 10**6).unit == "HU"
    grey = decode(data, 10**6, white=4080)
    assert (grey.unit, grey.depth, float(grey.luminance.max())) == ("grey levels", "signed 16-bit of white 4080", 255.0)
    with pytest.raises(ImageError, match="HU have no white level; drop --white or --unit"):
        decode(data, 10**6, unit="HU", white=4080)


def test_samples_above_a_named_white_are_refused_with_the_largest():
    with pytest.raises(ImageError, match="samples up to 65535, above the white level 4095 of --white; give the right"):
        decode(tiff(RAMP * 257), 10**6, white=4095)
    assert decode(png(RAMP.astype(np.uint8)), 10**6, white=100).depth == "8-bit"  # of 8 bits white is 255


SETS = {
    "12 bits": ([RAMP * 16, RAMP], 4095, "the largest sample of 2 images of 16 bits is 4080 (in 0.tif), as of 12 bits"),
    "11 bits": ([RAMP * 7], 2047, "the largest sample of 1 image of 16 bits is 1785 (in 0.tif), as of 11 bits"),
    "8 bits": ([RAMP], 255, "the largest sample of 1 image of 16 bits is 255 (in 0.tif), as of 8 bits"),
    "14 bits": ([RAMP * 64], 16383, "the largest sample of 1 image of 16 bits is 16320 (in 0.tif), as of 14 bits"),
    "16 bits": ([RAMP * 257, RAMP * 30], 65535, ""),
    "in the upper bits": ([RAMP << 8, (RAMP // 2) << 8], 65280, ""),
    "mixed": (
        [RAMP * 257, RAMP * 16],
        65535,
        "1 of 2 images of 16 bits have no sample above 4080 (such as 1.tif), the others reach 65535",
    ),
}


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize(("pictures", "white", "found"), SETS.values(), ids=SETS)
def test_the_largest_sample_of_a_set_decides(tmp_path, pictures, white, found, archive):
    folder = tmp_path / "set"
    folder.mkdir()
    for number, samples in enumerate(pictures):
        (folder / f"{number}.tif").write_bytes(tiff(samples))
    (folder / "said.tif").write_bytes(tiff(RAMP * 3, (281, "H", 1023)))
    (folder / "eight.png").write_bytes(png(RAMP.astype(np.uint8)))
    if archive:
        with tarfile.open(tmp_path / "set.tar", "w") as file:
            file.add(folder, "")
        folder = tmp_path / "set.tar"
    level = white_level_of(open_source(str(folder)).refs)
    assert (level.white, level.found) == (white, found)
    assert sorted(ref.key for ref in level.images) == [f"{number}.tif" for number in range(len(pictures))]


def test_a_set_of_8_bits_has_no_level_to_settle(photos):
    assert white_level_of(open_source(str(photos)).refs) is None


def test_the_page_of_the_picture_says_it_and_not_that_of_its_thumbnail(rng):
    samples, file = rng.integers(0, 4096, (20, 24), dtype=np.uint16), io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        tiff.write((samples[::4, ::4] >> 4).astype(np.uint8), subfiletype=1)
        tiff.write(samples, subfiletype=0, extratags=[(281, "H", 1, 4095, True)])
    found = decode_samples(file.getvalue(), 1000)
    assert found.white == 4095
    assert np.array_equal(found.samples, samples)


def test_bytes_that_come_with_images_are_not_kept():
    alive, most = [], 0

    def images():
        nonlocal most
        for index in range(6):
            name, data = f"{index}.tif", tiff(np.full((4, 4), 1000 + index, np.uint16))
            ref = ImageRef(name, Path("0.tar"), name, data)
            alive.append(weakref.ref(ref))
            yield ref
            del ref
            gc.collect()
            most = max(most, sum(ref() is not None for ref in alive))

    assert white_level_of(images()).white == 1023
    assert most <= 2
