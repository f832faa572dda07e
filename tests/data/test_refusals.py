"""What is refused and why: several frames, other formats, sizes."""

import io
import struct
import time

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit.data import decode
from symmetry_audit.errors import ImageError
from tests.data.picture_files import (
    COLOUR8,
    COLOUR16,
    EIGHT_BITS,
    HEIGHT,
    MAX,
    PLANES,
    RGB,
    SIGNATURE,
    SIZED,
    SPREAD,
    WIDTH,
    assert_close,
    chunk,
    exif,
    giant,
    luma,
    luminance,
    patched,
    png,
    saved,
    tiff,
)


@pytest.mark.parametrize(
    "data",
    [
        saved(COLOUR8, "PNG", save_all=True, append_images=[Image.fromarray(SPREAD)]),
        saved(COLOUR8, "WEBP", save_all=True, append_images=[Image.fromarray(SPREAD)]),
        saved(COLOUR8, "TIFF", save_all=True, append_images=[Image.fromarray(SPREAD)]),
        tiff(np.stack([COLOUR16[..., 0]] * 2)),
        tiff(np.stack([COLOUR16[..., :3]] * 2), "rgb"),
    ],
)
def test_several_frames_are_refused(data):
    with pytest.raises(ImageError, match=r"^has 2 frames or pages; split it into single images$"):
        decode(data, MAX)


def test_a_volume_is_refused():
    volume = np.stack([COLOUR16[..., 0]] * 16)
    with pytest.raises(ImageError, match=r"^has 16 frames or pages"):
        decode(tiff(volume, volumetric=True, tile=(16, 16, 16)), MAX)


def test_single_frames_of_animated_formats_are_images():
    for data in (
        saved(COLOUR8, "PNG", save_all=True),
        saved(COLOUR8, "WEBP", lossless=True, exact=True, save_all=True),
    ):
        assert_close(luminance(data), luma(COLOUR8))


def test_the_first_picture_of_a_phones_jpeg_counts():
    first = Image.fromarray(COLOUR8[..., :3])
    data = saved(first, "MPO", save_all=True, append_images=[Image.fromarray(SPREAD[..., :3])], exif=exif(6))
    image = decode(data, MAX)
    assert image.turned
    assert_close(image.luminance, luminance(saved(first, "JPEG", exif=exif(6))))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"^the file is empty \(0 bytes\)$"),
        (b"\0", "^not a readable PNG, JPEG, TIFF, BMP, WebP, JPEG 2000, AVIF or JPEG XL image$"),
        (b"hello, world\n" * 40, "^not a readable PNG"),
        (saved(COLOUR8[..., 0], "GIF"), "^is of another format, GIF; convert it to PNG$"),
        (saved(COLOUR8[..., 0], "PPM"), "^is of another format, PNM or PAM; convert it to PNG$"),
        (saved(Image.fromarray(COLOUR8[..., :3]), "PDF"), "^is of another format, PDF; convert it to PNG$"),
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "^is of another format, HEIC; install pillow-heif or convert it"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", r"^is of another format, camera RAW \(CR3\); convert"),
        (b"\0\0\0\x18ftypmp42\0\0\0\1isommp42", "^is of another format, MPEG-4 or QuickTime video; convert"),
        (b"version https://git-lfs.github.com/spec/v1\n", "^is of another format, Git LFS pointer; fetch the file"),
        (b"\n <!DOCTYPE html><html>", r"^is of another format, web page \(HTML\); download the image itself$"),
        (SIGNATURE, "^(not a readable|damaged or truncated)"),
        (b"II*\0", "^damaged or truncated image"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "^damaged or truncated image"),
        (png(COLOUR8[..., :3], RGB)[:-60], "^damaged or truncated image"),
        (
            tiff(COLOUR16[..., 0].astype(np.int64)),
            "^TIFF of 64-bit signed MINISBLACK samples is not supported; convert",
        ),
        (tiff(COLOUR16[..., :3].astype(np.int16)), "^TIFF of 16-bit signed RGB"),
        (tiff(COLOUR8[..., 0].astype(np.int8)), "^TIFF of 8-bit signed MINISBLACK"),
        (tiff(PLANES[..., 0].astype(np.complex64)), "^TIFF of 64-bit complex MINISBLACK"),
        (tiff(PLANES[..., 0].astype(np.float32), "miniswhite"), "^TIFF of 32-bit float MINISWHITE"),
        (tiff(COLOUR16[..., :3].copy(), "cielab"), "^TIFF of 16-bit unsigned CIELAB"),
        (
            tiff(COLOUR16[..., 0], "palette", colormap=np.zeros((3, 65536), np.uint16)),
            "^TIFF of 16-bit unsigned PALETTE",
        ),
        (patched(tiff(COLOUR16[..., 0]), {258: 6}), "^TIFF of 6-bit unsigned MINISBLACK"),
        (tiff(COLOUR16[..., :4].copy(), "minisblack", planarconfig="contig"), "^has 4 channels; expected grey"),
        (tiff(np.concatenate([COLOUR16] * 2, -1), "rgb"), "^has 8 channels; expected grey, RGB or CMYK"),
        (tiff(COLOUR16[..., :3].copy(), compression="jpegxr"), "^compression JPEGXR is not supported for TIFF"),
    ],
)
def test_what_is_refused_and_why(data, reason):
    with pytest.raises(ImageError, match=reason) as caught:
        decode(data, MAX)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_picture_is_not_left_out_for_lack_of_memory(monkeypatch):
    """Which images are measured would hang on the machine and on the moment."""

    def fail(*args):
        raise MemoryError

    monkeypatch.setattr("symmetry_audit.data._decode.read_samples", fail)
    with pytest.raises(MemoryError):
        decode(EIGHT_BITS["png-rgb"], MAX)


def test_an_error_without_words_is_named(monkeypatch):
    def fail(*args):
        raise AssertionError

    monkeypatch.setattr("symmetry_audit.data._decode.read_samples", fail)
    with pytest.raises(ImageError, match=r"^damaged or truncated image \(AssertionError\)$"):
        decode(EIGHT_BITS["png-rgb"], MAX)


@pytest.mark.parametrize(
    "name", ["png-rgb", "png-palette", "jpeg-rgb", "bmp-rgb", "webp", "tiff-rgb", "png-16", "tiff-16"]
)
def test_the_limit_is_the_number_of_pixels(name):
    assert decode(SIZED[name], HEIGHT * WIDTH).luminance.shape == (HEIGHT, WIDTH)
    reason = r"^too large \(20 x 24 px, the limit is 479\); raise --max-pixels if you trust the file$"
    with pytest.raises(ImageError, match=reason):
        decode(SIZED[name], HEIGHT * WIDTH - 1)


@pytest.mark.parametrize("name", ["png", "bmp", "webp", "jpeg", "tiff", "deep-tiff"])
@pytest.mark.parametrize(("width", "height"), [(1000, 1001), (12000, 12000), (16000, 16000)])
def test_bombs_are_refused_by_their_header(name, width, height):
    started = time.process_time()
    with pytest.raises(ImageError, match=r"^too large .*the limit is 1000000.; raise --max-pixels"):
        decode(giant(name, width, height), MAX)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("name", ["png", "bmp", "webp", "tiff", "deep-tiff"])  # libjpeg fills up with grey
def test_a_claim_within_the_limit_is_found_out(name):
    with pytest.raises(ImageError, match=r"^damaged or truncated image"):
        decode(giant(name, 900, 900), MAX)


def test_a_higher_limit_than_pillows_own_is_kept(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for name in ("png-rgb", "png-palette", "jpeg-rgb", "bmp-rgb", "webp", "tiff-rgb"):
        assert decode(EIGHT_BITS[name], MAX).luminance.shape == (HEIGHT, WIDTH)
        assert Image.MAX_IMAGE_PIXELS == 10
    with pytest.raises(ImageError, match=r"^too large"):
        decode(giant("jpeg", 60000, 60000), MAX)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_pillow_without_a_limit_is_given_ours(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(ImageError, match=r"^too large .far too many pixels, the limit is 1000000"):
        decode(giant("webp", 16000, 16000), MAX)
    assert Image.MAX_IMAGE_PIXELS is None


def test_a_second_png_header_does_not_get_round_the_limit():
    honest = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, RGB, 0, 0, 0)
    for depth in (8, 16):
        header = struct.pack(">IIBBBBB", 50000, 50000, depth, RGB, 0, 0, 0)
        with pytest.raises(ImageError, match=r"^(too large|damaged or truncated image)"):
            decode(png(COLOUR8[..., :3], RGB, header=header, before=chunk(b"IHDR", honest)), MAX)


def test_a_huge_tile_is_refused():
    data = patched(tiff(COLOUR16[..., 0], tile=(16, 16), compression="zlib"), {322: 1 << 20, 323: 1 << 20})
    with pytest.raises(ImageError, match=r"^too large .1048576 x 1048576 px"):
        decode(data, MAX)


@pytest.mark.parametrize("tag", [256, 257])
def test_no_pixels_is_no_image(tag):
    with pytest.raises(ImageError, match=r"^holds no pixels \(\d+ x \d+ px\)$"):
        decode(patched(SIZED["tiff-16"], {tag: 0}), MAX)


def test_a_header_number_that_is_a_text_is_refused_at_once():
    """tifffile hands such texts on; text times width once filled gigabytes."""
    body = tiff(COLOUR16[..., 0])
    data = patched(body, {256: len(body)}, kind=7, count=60_000) + b"A" * 60_000
    with pytest.raises(ImageError, match=r"^damaged TIFF header, or channels of different depths$"):
        decode(data, 10**9)


def test_channels_of_different_depths_are_refused():
    data = bytearray(SIZED["tiff-16"])
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        at = file.pages[0].tags[258].valueoffset
    data[at : at + 6] = struct.pack("<3H", 16, 16, 32)
    with pytest.raises(ImageError, match="channels of different depths"):
        decode(bytes(data), MAX)
