"""Luminance of 8 bits against the oracle, hashes of pixels, and decoding in threads."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.data import decode
from symmetry_audit.errors import ImageError
from tests.data.picture_files import (
    COLOUR8,
    COLOUR16,
    EIGHT_BITS,
    EXACT,
    GREY,
    HEIGHT,
    MAX,
    PALETTE,
    RGB,
    RGBA,
    WIDTH,
    assert_close,
    exif,
    giant,
    luminance,
    png,
    saved,
    tiff,
)
from tests.oracles import symmetry


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
