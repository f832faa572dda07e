"""Pixels that alpha hides: left out of what is measured, and the same for networks whatever lies under them."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from symmetry_audit.data import decode, decode_rgb
from symmetry_audit.errors import ImageError
from tests.data.picture_files import COLOUR8, COLOUR16, MAX, PALETTE, RGB, assert_close, luma, png, saved, tiff

SEEN = np.hypot(*np.meshgrid(np.arange(20) - 9.5, np.arange(24) - 11.5)) < 9


def with_alpha(samples: np.ndarray, under: int) -> np.ndarray:
    """``samples`` (H, W, channels) and alpha behind them, with other values where nothing is seen."""
    white = np.iinfo(samples.dtype).max
    alpha = np.where(SEEN, np.where(samples[..., 0] % 2, white, 1), 0)  # the least that shows, and all
    return np.dstack([np.where(SEEN[..., None], samples, under), alpha]).astype(samples.dtype)


FILES = {
    "png": lambda samples: saved(samples, "PNG"),
    "png-16": lambda samples: png(samples.astype(np.uint16) * 257, 6),
    "webp": lambda samples: saved(samples, "WEBP", lossless=True, exact=True),
    "tiff": lambda samples: tiff(samples, extrasamples=["unassalpha"]),
    "tiff-lzw": lambda samples: tiff(samples, extrasamples=["unassalpha"], compression="lzw"),
    "tiff-16-planar": lambda samples: tiff(
        np.moveaxis(samples.astype(np.uint16) * 257, -1, 0).copy(),
        "rgb",
        planarconfig="separate",
        extrasamples=["unassalpha"],
    ),
    "tiff-grey-named": lambda samples: tiff(
        samples, "minisblack", planarconfig="contig", extrasamples=["unspecified", "unspecified", "unassalpha"]
    ),
    "jp2": lambda samples: imagecodecs.jpeg2k_encode(samples, level=0, codecformat="jp2"),
    "jxl": lambda samples: imagecodecs.jpegxl_encode(samples, lossless=True),
}


@pytest.mark.parametrize("name", FILES)
def test_what_lies_under_alpha_0_changes_nothing(name):
    color = COLOUR8[..., :3]
    found = [decode(FILES[name](with_alpha(color, under)), MAX) for under in (0, 200)]
    for image in found:
        assert np.array_equal(image.valid, SEEN)
        assert_close(image.luminance[SEEN], luma(color)[SEEN])
        assert any("alpha" in remark for remark in image.remarks)
    assert np.array_equal(found[0].luminance, found[1].luminance)
    assert found[0].pixel_sha256 == found[1].pixel_sha256
    pictures = [decode_rgb(FILES[name](with_alpha(color, under))).pixels for under in (0, 200)]
    assert np.array_equal(*pictures)
    assert not pictures[0][~SEEN].any()


@pytest.mark.parametrize("name", FILES)
def test_visible_pixels_keep_their_bits(name):
    color = COLOUR8[..., :3]
    image = decode(FILES[name](np.dstack([color, np.ones(SEEN.shape, np.uint8)])), MAX)
    plain = decode(png(color.astype(np.uint16) * 257 if "16" in name else color, RGB), MAX)
    assert image.valid is None
    assert not any("alpha" in remark for remark in image.remarks)
    assert image.pixel_sha256 == plain.pixel_sha256


@pytest.mark.parametrize("samples", [COLOUR8[..., :1], COLOUR16[..., :1]])
def test_grey_with_alpha(samples):
    for data in (
        png(with_alpha(samples, 7), 4),
        tiff(with_alpha(samples, 7), "minisblack", planarconfig="contig", extrasamples=["unassalpha"]),
    ):
        assert np.array_equal(decode(data, MAX).valid, SEEN)


@pytest.mark.parametrize("transparency", [3, bytes([255, 255, 255, 0])])
def test_colors_of_a_palette_may_be_hidden(transparency):
    image = decode(saved(PALETTE, "PNG", transparency=transparency), MAX)
    assert np.array_equal(image.valid, np.asarray(PALETTE) != 3)
    assert_close(image.luminance[image.valid], luma(np.asarray(PALETTE.convert("RGB")))[image.valid])


def test_hidden_pixels_turn_with_the_picture():
    exif = Image.Exif()
    exif[274] = 6
    data = saved(with_alpha(COLOUR8[..., :3], 9), "PNG", exif=exif.tobytes())
    assert np.array_equal(decode(data, MAX).valid, np.rot90(SEEN, -1))


def test_a_picture_of_which_nothing_is_seen_is_refused():
    hidden = np.zeros((5, 6, 4), np.uint8)
    with pytest.raises(ImageError, match=r"^every pixel is fully transparent \(alpha 0\); save it without alpha$"):
        decode(saved(hidden, "PNG"), MAX)
    hidden[..., :3] = 77
    file = io.BytesIO()
    Image.fromarray(hidden).save(file, "BMP")  # many programs leave that byte at 0
    assert decode(file.getvalue(), MAX).luminance.min() == 77
