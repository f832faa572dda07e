"""RGB samples: against what was written, by hand at 16 bits, refusals; sizes read from headers; the set fingerprint."""

import hashlib
import io
import os
import tarfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit.data import ImageRef, decode, decode_rgb, load_rgb, open_source, pixel_count, set_fingerprint
from symmetry_audit.errors import ImageError


@pytest.fixture
def colours(rng) -> np.ndarray:
    return rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)


def png(samples, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG", **options)
    return file.getvalue()


def tiff(samples, photometric) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric=photometric, metadata=None)
    return file.getvalue()


def test_colours_come_as_they_were_written(colours):
    picture = decode_rgb(png(colours))
    np.testing.assert_array_equal(picture.pixels, colours)
    assert (picture.grey, picture.depth, picture.pixels.dtype) == (False, "8-bit", np.uint8)
    assert picture.to_8bit() is picture.pixels


def test_grey_images_have_three_equal_channels(colours):
    picture = decode_rgb(png(colours[..., 0]))
    np.testing.assert_array_equal(picture.pixels, np.stack([colours[..., 0]] * 3, axis=-1))
    assert picture.grey


def test_alpha_is_dropped_and_the_picture_stands_upright(colours):
    transparent = np.dstack([colours, np.full(colours.shape[:2], 9, np.uint8)])
    np.testing.assert_array_equal(decode_rgb(png(transparent)).pixels, colours)
    exif = Image.Exif()
    exif[274] = 6  # to be turned by a quarter, clockwise
    np.testing.assert_array_equal(decode_rgb(png(colours, exif=exif)).pixels, np.rot90(colours, -1))


def test_16_bits_are_kept_and_rounded_to_8_where_asked():
    values = np.array([0, 128, 129, 257, 385, 386, 32767, 32768, 65406, 65407, 65535], dtype=np.uint16)
    samples = np.stack([values[None]] * 3, axis=-1)
    picture = decode_rgb(tiff(samples, "rgb"))
    np.testing.assert_array_equal(picture.pixels, samples)
    assert picture.depth == "16-bit"
    assert picture.to_8bit().dtype == np.uint8
    # 128/257 = 0.498, 129/257 = 0.502, 385/257 = 1.498, 386/257 = 1.502, 32767/257 = 127.498, ...
    assert picture.to_8bit()[0, :, 0].tolist() == [0, 0, 1, 1, 1, 2, 127, 128, 254, 255, 255]


def test_every_16_bit_value_rounds_as_exact_arithmetic_has_it():
    values = np.arange(65536, dtype=np.uint16)
    found = decode_rgb(tiff(values.reshape(256, 256), "minisblack")).to_8bit()[..., 0].ravel()
    # no k + 1/2 among them, since 257 is odd: rounding is adding a half and cutting
    assert found.tolist() == [(2 * value + 257) // 514 for value in range(65536)]


def test_luminance_and_colours_come_from_the_same_samples(colours):
    data = png(colours)
    luminance = decode_rgb(data).pixels @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(decode(data, 10**6).luminance, luminance, rtol=1e-6)


def test_samples_without_a_known_white_are_refused(colours):
    with pytest.raises(ImageError, match="float32 samples, whose white level is unknown; name it, such as --white 1"):
        decode_rgb(tiff(colours[..., 0].astype(np.float32), "minisblack"))


def test_what_decode_refuses_is_refused(colours):
    with pytest.raises(ImageError, match=r"too large \(7 x 9 px"):
        decode_rgb(png(colours), max_pixels=62)
    with pytest.raises(ImageError, match="empty"):
        decode_rgb(b"")


def test_files_and_members_are_loaded(tmp_path, colours):
    (tmp_path / "a.png").write_bytes(png(colours))
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.add(tmp_path / "a.png", "in/a.png")
    for source in (tmp_path / "a.png", tmp_path / "set.tar"):
        (ref,) = open_source(str(source)).refs
        np.testing.assert_array_equal(load_rgb(ref).pixels, colours)
    with pytest.raises(ImageError, match="larger than 80 bytes"):
        load_rgb(ref, max_pixels=10)


@pytest.mark.parametrize("write", [png, lambda samples: tiff(samples.astype(np.uint16) * 257, "rgb")])
def test_pixels_are_counted_by_the_header(tmp_path, colours, write):
    path, data = tmp_path / "a.png", write(colours)
    path.write_bytes(data[: len(data) // 2] if write is png else data)  # the header of a truncated file is enough
    assert pixel_count(ImageRef("a", path)) == 63
    assert pixel_count(ImageRef("a", tmp_path / "x.zip", "a", data)) == 63
    assert (pixel_count(ImageRef("a", path), 63), pixel_count(ImageRef("a", path), 62)) == (63, 0)


def test_pixels_that_no_header_tells_count_nothing(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    os.mkfifo(tmp_path / "pipe.png")  # must not be waited for
    for name in ("text.png", "missing.png", "pipe.png"):
        assert pixel_count(ImageRef(name, tmp_path / name)) == 0
    assert pixel_count(ImageRef("a", tmp_path / "x.zip", "a")) == 0


def test_pixels_of_a_closed_file_count_nothing(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"x")

    def closed(*args):
        raise PermissionError

    monkeypatch.setattr("builtins.open", closed)
    assert pixel_count(ImageRef("a", tmp_path / "a.png")) == 0


def test_set_fingerprint_is_that_of_the_lines():
    lines = b"aa  one.png\nbb  two.png\n"
    assert set_fingerprint([("aa", "one.png"), ("bb", "two.png")]) == hashlib.sha256(lines).hexdigest()
