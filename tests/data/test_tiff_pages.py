"""Which page of a TIFF is the picture, beside overviews, masks, thumbnails and stacks, and what its samples mean."""

import io
import struct
import time

import numpy as np
import pytest
import tifffile

from symmetry_audit.data import decode
from symmetry_audit.data._samples import header_of
from symmetry_audit.errors import ImageError
from tests.data.picture_files import COLOUR8, COLOUR16, MAX, PLANES, assert_close, luma, luminance, saved, tiff

PHOTO = {8: COLOUR8[..., :3].copy(), 16: COLOUR16[..., :3].copy()}
REDUCED, MASK = 1, 4


def pages(*written: tuple[np.ndarray, dict]) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for samples, options in written:
            writer.write(samples, **{"photometric": "rgb", "metadata": None, **options})
    return file.getvalue()


def grey_levels(depth: int) -> np.ndarray:
    return luma(PHOTO[depth]) / (257 if depth == 16 else 1)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("where", ["behind", "before", "with the picture below it"])
def test_a_smaller_copy_is_not_the_picture(depth, where):
    whole, small = (PHOTO[depth], {}), (PHOTO[depth][::2, ::2].copy(), {"subfiletype": REDUCED})
    files = {
        "behind": pages(whole, small, small),
        "before": pages(small, whole),
        "with the picture below it": pages((small[0], {"subifds": 1, **small[1]}), whole),
    }
    assert_close(luminance(files[where]), grey_levels(depth))
    header = header_of(io.BytesIO(files[where]))
    assert (header.format, header.width, header.height) == ("TIFF", *PHOTO[depth].shape[1::-1])


@pytest.mark.parametrize("kind", ["1 bit", "8 bits"])
@pytest.mark.parametrize("depth", [8, 16])
def test_what_a_mask_leaves_out_is_not_valid(depth, kind):
    seen = np.ones(PHOTO[depth].shape[:2], bool)
    seen[3:9, 5:8] = False
    if kind == "1 bit":
        options = {"photometric": "mask", "subfiletype": MASK}
        data = pages((PHOTO[depth], {}), (seen, options), (seen[::2, ::2], {**options, "subfiletype": MASK | REDUCED}))
    else:  # which tifffile does not write
        data = pages((PHOTO[depth], {}), (seen.astype(np.uint8) * 255, {"photometric": "minisblack", "subfiletype": 2}))
        mark = struct.pack("<HHII", 254, 4, 1, 2)
        assert data.count(mark) == 1
        data = data.replace(mark, struct.pack("<HHII", 254, 4, 1, MASK))
    image = decode(data, MAX)
    assert np.array_equal(image.valid, seen)
    assert_close(image.luminance[seen], grey_levels(depth)[seen].astype(np.float64))
    whole = decode(pages((PHOTO[depth], {}), (np.ones_like(seen), {"photometric": "mask", "subfiletype": MASK})), MAX)
    assert whole.valid is None
    assert whole.pixel_sha256 == decode(tiff(PHOTO[depth]), MAX).pixel_sha256


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("options", [{"imagej": True}, {"photometric": "minisblack"}])
def test_a_stack_behind_one_directory_is_refused(kind, options):
    file = io.BytesIO()
    tifffile.imwrite(file, np.stack([PLANES[..., 0]] * 6).astype(kind), truncate=True, **options)
    with tifffile.TiffFile(io.BytesIO(file.getvalue())) as written:
        assert len(written.pages) == 1
    with pytest.raises(ImageError, match=r"^has 6 frames or pages; split it into single images$"):
        decode(file.getvalue(), MAX)


def test_a_camera_s_raw_file_is_named():
    data = pages(
        (PHOTO[8][::2, ::2].copy(), {"subifds": 1, "subfiletype": REDUCED}), (PHOTO[16][..., 0], {"photometric": "cfa"})
    )
    with pytest.raises(ImageError, match=r"^is a camera RAW file, which needs developing; export it as TIFF or PNG$"):
        decode(data, MAX)


def test_many_directories_are_counted_before_they_are_read():
    data = bytearray(tiff(PHOTO[8]))
    count, at = 20_000, len(data)
    entries = [(256, 3, 1, 20), (257, 3, 1, 24), (258, 3, 1, 8), (262, 3, 1, 1)]
    size = 2 + 12 * len(entries) + 4
    head = len(entries).to_bytes(2, "little")
    body = b"".join(
        b"".join(part.to_bytes(n, "little") for part, n in zip(e, (2, 2, 4, 4), strict=True)) for e in entries
    )
    for page in range(count):
        data += head + body + (at + (page + 1) * size if page < count - 1 else 0).to_bytes(4, "little")
    first = int.from_bytes(data[4:8], "little")
    following = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[following : following + 4] = at.to_bytes(4, "little")
    started = time.process_time()
    with pytest.raises(ImageError, match=r"^has 20001 frames or pages"):
        decode(bytes(data), MAX)
    assert time.process_time() - started < 1


# --- samples


@pytest.mark.parametrize("depth", [8, 16])
def test_three_bands_that_are_called_grey_are_rgb_and_said_so(depth):
    image = decode(tiff(PHOTO[depth], "minisblack", planarconfig="contig"), MAX)
    assert_close(image.luminance, grey_levels(depth))
    assert image.remarks == (
        "three bands that the file calls grey are taken as red, green and blue (--bands chooses others)",
    )
    assert decode(tiff(PHOTO[depth], "minisblack", planarconfig="contig"), MAX, bands=(3, 2, 1)).remarks == ()


@pytest.mark.parametrize("compression", ["webp", "lerc", "zstd", "jpeg2000", "png", "jpegxl", "jpeg"])
def test_tiles_by_codecs_of_pictures(compression):
    samples = np.tile(PHOTO[8], (3, 3, 1))
    lossless = {"webp": {"lossless": True}, "jpeg2000": {"level": 0}, "jpegxl": {"lossless": True}}.get(compression)
    data = tiff(samples, compression=compression, compressionargs=lossless, tile=(32, 32))
    assert np.abs(luminance(data) - luma(samples)).max() < (25 if compression == "jpeg" else 1e-4)


@pytest.mark.parametrize("compression", ["webp", "lerc", "jpeg2000", "jpegxl", "jpeg"])
def test_a_tile_that_is_larger_than_it_should_be_is_refused(compression):
    """Such a tile is a picture of its own, whose size the TIFF's header does not bound."""
    quick = {"effort": 1} if compression == "jpegxl" else None
    samples = np.zeros((1200, 1200, 3), np.uint8)
    inner = tiff(samples, compression=compression, compressionargs=quick, rowsperstrip=1200)
    with tifffile.TiffFile(io.BytesIO(inner)) as file:
        at = {tag: file.pages[0].tags[tag].offset for tag in (256, 257, 278)}
    data = bytearray(inner)
    for offset in at.values():
        data[offset + 2 : offset + 12] = b"\4\0\1\0\0\0\x10\0\0\0"
    with pytest.raises(ImageError, match=r"^too large \(1200 x 1200 px"):
        decode(bytes(data), MAX)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_premultiplied_alpha_is_divided_out(kind):
    white = 1 if kind == "f4" else np.iinfo(kind).max
    alpha = np.linspace(0.2, 1, PLANES[..., 0].size).reshape(PLANES.shape[:2])
    colors = PLANES[..., :3] / 255
    stored = np.dstack([colors * alpha[..., None], alpha]) * white
    stored = (stored if kind == "f4" else stored.round()).astype(kind)
    found = luminance(tiff(stored, extrasamples=["assocalpha"])) * (255 if kind == "f4" else 1)
    assert found == pytest.approx(luma(PLANES), abs=3 if kind == "u1" else 0.02)
    grey = np.ascontiguousarray(stored[..., [0, 3]])
    found = luminance(tiff(grey, "minisblack", planarconfig="contig", extrasamples=["assocalpha"]))
    assert found * (255 if kind == "f4" else 1) == pytest.approx(PLANES[..., 0], abs=3 if kind == "u1" else 0.02)


@pytest.mark.parametrize("bits", [2, 4, 10, 12, 14])
def test_samples_that_share_bytes_fill_the_whole_range(bits):
    samples = (PLANES[..., 0] / 255 * (2**bits - 1)).round().astype(np.uint8 if bits < 8 else np.uint16)
    data = tiff(samples, bitspersample=bits)
    assert luminance(data) == pytest.approx(samples * (255 / (2**bits - 1)), abs=1e-6 if bits < 8 else 0.002)


def test_a_palette_of_8_bits_where_16_are_due():
    colors = np.random.default_rng(3).integers(0, 256, (3, 256), np.uint16)
    samples = COLOUR8[..., 0]
    expected = luma(colors.T[samples])
    for table in (colors, colors << 8):
        assert_close(luminance(tiff(samples, "palette", colormap=table)), expected)


def test_a_lost_tag_is_no_default():
    """tifffile goes on without a tag whose value lies beyond the end: here one bit in place of eight."""
    data = saved(PHOTO[8], "TIFF", compression="packbits")  # whose last bytes are those of BitsPerSample
    with pytest.raises(ImageError, match=r"^damaged or truncated image \(a TIFF tag cannot be read\)$"):
        decode(data[:-1], MAX)
