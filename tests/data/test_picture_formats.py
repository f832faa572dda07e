"""Formats beside PNG, JPEG, TIFF, BMP and WebP, known by their content, and how much work a file may ask for."""

import io
import time

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from symmetry_audit.data import decode
from symmetry_audit.data._jpegxl import jpegxl_size
from symmetry_audit.data._samples import header_of
from symmetry_audit.errors import ImageError
from tests.data.picture_files import COLOUR8, COLOUR16, MAX, assert_close, exif, luma, luminance, saved
from tests.oracles import symmetry

COLOR, DEEP = COLOUR8[..., :3].copy(), COLOUR16[..., :3].copy()
TEN_BITS, TWELVE_BITS = DEEP >> 6, DEEP[..., 0] >> 4


@pytest.mark.parametrize(
    ("data", "expected", "worst"),
    [
        (imagecodecs.jpeg2k_encode(COLOR, level=0, codecformat="jp2"), luma(COLOR), 1e-4),
        (imagecodecs.jpeg2k_encode(COLOR[..., 0].copy(), level=0, codecformat="j2k"), COLOR[..., 0], 1e-4),
        (imagecodecs.jpeg2k_encode(DEEP, level=0), luma(DEEP) / 257, 1e-4),
        (imagecodecs.jpeg2k_encode(TEN_BITS, level=0, bitspersample=10), luma(TEN_BITS) * 255 / 1023, 0.01),
        (imagecodecs.jpegxl_encode(COLOR, lossless=True), luma(COLOR), 1e-4),
        (imagecodecs.jpegxl_encode(DEEP, lossless=True, usecontainer=True), luma(DEEP) / 257, 1e-4),
        (saved(COLOR, "AVIF", quality=100, subsampling="4:4:4"), luma(COLOR), 3),
        (imagecodecs.jpeg_encode(DEEP, bitspersample=16, lossless=True), luma(DEEP) / 257, 1e-4),
        (imagecodecs.jpeg_encode(TWELVE_BITS, bitspersample=12, level=100), TWELVE_BITS / 4095 * 255, 0.2),
    ],
    ids=["jp2", "j2k-grey", "jp2-16", "jp2-10", "jxl", "jxl-16", "avif", "jpeg-16", "jpeg-12"],
)
def test_further_formats_by_their_content(data, expected, worst):
    assert luminance(data) == pytest.approx(expected, abs=worst)
    if not data.startswith(b"\xff\xd8"):  # whose depth Pillow does not know
        header = header_of(io.BytesIO(data))
        assert (header.width, header.height) == expected.shape[1::-1]
    for length in (12, 60, len(data) // 2, len(data) - 1):
        with pytest.raises(ImageError, match=r"^(damaged or truncated|not a readable)"):
            decode(data[:length], MAX)
    with pytest.raises(ImageError, match=r"^too large"):
        decode(data, expected.size - 1)


def test_orientation_of_avif():
    data = saved(COLOR, "AVIF", quality=100, subsampling="4:4:4", exif=exif(6))
    assert luminance(data) == pytest.approx(symmetry.oriented(luma(COLOR), 6), abs=3)


@pytest.mark.parametrize(
    ("data", "frames"),
    [
        (imagecodecs.jpegxl_encode(np.stack([COLOR] * 3)), "is an animation; split it into single images"),
        (
            saved(COLOR, "AVIF", save_all=True, append_images=[Image.fromarray(COLOR[::-1].copy())] * 2),
            "has 3 frames or pages; split it into single images",
        ),
    ],
    ids=["jxl", "avif"],
)
def test_animations_are_refused(data, frames):
    with pytest.raises(ImageError, match=f"^{frames}$"):
        decode(data, MAX)


@pytest.mark.parametrize("shape", [(8, 8), (256, 256), (200, 300), (1000, 1600), (1080, 1920), (513, 9)])
@pytest.mark.parametrize("container", [False, True])
def test_the_size_of_a_jpeg_xl_is_read_from_its_header(shape, container):
    data = imagecodecs.jpegxl_encode(np.zeros(shape, np.uint8), usecontainer=container, effort=1)
    assert jpegxl_size(data) == shape[::-1]


def progressive(repeated: int) -> bytes:
    """A JPEG of 10 scans of grey, whose last one stands there ``repeated`` times more."""
    data = saved(Image.new("L", (200, 100), 128), "JPEG", progressive=True)
    return data[:-2] + data[data.rfind(b"\xff\xda") : -2] * repeated + b"\xff\xd9"


def test_a_jpeg_of_many_scans_is_refused():
    assert_close(luminance(progressive(40)), np.full((100, 200), 128.0))
    started = time.process_time()
    with pytest.raises(ImageError, match=r"^is a JPEG of 20006 scans, the limit is 64; save it again as a baseline"):
        decode(progressive(20_000), MAX)
    assert time.process_time() - started < 1


def test_marks_of_scans_in_other_data_do_not_count():
    """As in the video that some phones put behind a picture, and in a thumbnail."""
    data = saved(COLOR, "JPEG", comment=b"\xff\xda" * 200)
    assert decode(data + b"\xff\xda" * 200, MAX).pixel_sha256 == decode(saved(COLOR, "JPEG"), MAX).pixel_sha256
