"""Picture files for the tests of decoding, written chunk by chunk or by Pillow and tifffile.

PNG files are written here chunk by chunk, so that what Pillow cannot write (Adam7, colour keys, 16 bits in
colour, misplaced or repeated chunks) is tested too, and no decoder is compared with its own encoder.
"""

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

from symmetry_audit.data import decode
from tests.conftest import smooth_noise

MAX = 10**6
HEIGHT, WIDTH = 24, 20
NOISE = np.random.default_rng(20260513)
PLANES = np.stack([smooth_noise(NOISE, HEIGHT, WIDTH) for _ in range(4)], axis=-1).clip(1)  # alpha 0 hides
COLOUR8 = PLANES.astype(np.uint8)
COLOUR16 = (PLANES * 257).astype(np.uint16)
GREY, ALPHA, RGB, RGBA = 0, 4, 2, 6  # PNG colour types
SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(samples, colour, depth=None, *, before=b"", after=b"", adam7=False, header=None) -> bytes:
    """A PNG of (H, W) or (H, W, channels) samples, every line unfiltered."""
    height, width = samples.shape[:2]
    depth = depth or 8 * samples.dtype.itemsize
    passes = [samples[row::down, column::across] for row, column, down, across in ADAM7] if adam7 else [samples]
    packed = b"".join(b"\0" + _packed(line, depth) for part in passes if part.size for line in part)
    header = header or struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, adam7)
    return SIGNATURE + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(packed)) + after + chunk(b"IEND")


def _packed(line, depth) -> bytes:
    if depth >= 8:
        return line.astype(f">u{depth // 8}").tobytes()
    bits = "".join(f"{value:0{depth}b}" for value in line)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def saved(image, kind, **options) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tiff(samples, photometric=None, **options) -> bytes:
    file = io.BytesIO()
    colour = samples.ndim == 3 and (3 in (samples.shape[0], samples.shape[-1]) or samples.shape[-1] == 4)
    photometric = photometric or ("rgb" if colour else "minisblack")
    tifffile.imwrite(file, samples, photometric=photometric, metadata=None, **options)
    return file.getvalue()


def patched(data: bytes, tags: dict[int, int], kind: int = 4, count: int = 1) -> bytes:
    """A little-endian TIFF with other values of tags that it has."""
    data = bytearray(data)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for tag, value in tags.items():
            at = file.pages[0].tags[tag].offset
            data[at + 2 : at + 12] = struct.pack("<HII", kind, count, value)
    return bytes(data)


def exif(orientation) -> bytes:
    block = Image.Exif()
    block[274] = orientation
    return block.tobytes()


def luma(samples) -> np.ndarray:
    samples = samples.astype(np.float64)
    return 0.299 * samples[..., 0] + 0.587 * samples[..., 1] + 0.114 * samples[..., 2]


def cmyk(samples) -> Image.Image:
    return Image.frombytes("CMYK", samples.shape[1::-1], samples.tobytes())


def luminance(data: bytes) -> np.ndarray:
    image = decode(data, MAX)
    assert image.luminance.dtype == np.float32 or (image.luminance.dtype == np.float64 and image.depth == "float")
    return image.luminance


def assert_close(found, expected) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6 if found.dtype == np.float32 else 1e-12, atol=0)


# --- 8 bits

PALETTE = Image.fromarray(COLOUR8[..., :3]).quantize(16)
SPREAD = NOISE.integers(1, 256, (HEIGHT, WIDTH, 4), np.uint8)  # every value that alpha shows
EIGHT_BITS = {
    "png-grey": saved(COLOUR8[..., 0], "PNG"),
    "png-grey-alpha": saved(Image.fromarray(SPREAD[..., :2].copy(), "LA"), "PNG"),
    "png-rgb": saved(COLOUR8[..., :3], "PNG"),
    "png-rgba": saved(SPREAD, "PNG"),
    "png-palette": saved(PALETTE, "PNG"),
    "png-palette-alpha": saved(PALETTE, "PNG", transparency=bytes(range(1, 256, 16))),
    "png-1-bit": saved(Image.fromarray(SPREAD[..., 0]).convert("1"), "PNG"),
    "jpeg-grey": saved(COLOUR8[..., 0], "JPEG"),
    "jpeg-rgb": saved(COLOUR8[..., :3], "JPEG"),
    "jpeg-progressive": saved(COLOUR8[..., :3], "JPEG", progressive=True, subsampling=0),
    "jpeg-cmyk": saved(cmyk(COLOUR8), "JPEG"),
    "bmp-grey": saved(COLOUR8[..., 0], "BMP"),
    "bmp-rgb": saved(COLOUR8[..., :3], "BMP"),
    "bmp-rgba": saved(COLOUR8, "BMP"),
    "bmp-palette": saved(PALETTE, "BMP"),
    "bmp-1-bit": saved(Image.fromarray(SPREAD[..., 0]).convert("1"), "BMP"),
    "webp": saved(COLOUR8[..., :3], "WEBP"),
    "webp-lossless-alpha": saved(COLOUR8, "WEBP", lossless=True, exact=True),
    "tiff-grey": saved(COLOUR8[..., 0], "TIFF"),
    "tiff-rgb": saved(COLOUR8[..., :3], "TIFF"),
    "tiff-rgba": saved(SPREAD, "TIFF"),
    "tiff-lzw": saved(COLOUR8[..., :3], "TIFF", compression="tiff_lzw"),
    "tiff-deflate": saved(COLOUR8[..., :3], "TIFF", compression="tiff_adobe_deflate"),
    "tiff-packbits": saved(COLOUR8[..., :3], "TIFF", compression="packbits"),
    "tiff-jpeg": saved(COLOUR8[..., :3], "TIFF", compression="jpeg"),
    "tiff-group4": saved(Image.fromarray(SPREAD[..., 0]).convert("1"), "TIFF", compression="group4"),
    "tiff-cmyk": saved(cmyk(SPREAD), "TIFF"),
    "tiff-palette": saved(PALETTE, "TIFF"),
    "tiff-big": tiff(COLOUR8[..., :3], bigtiff=True),
    "tiff-big-endian": tiff(COLOUR8[..., :3], byteorder=">"),
    "tiff-tiled": tiff(COLOUR8[..., :3], tile=(16, 16), compression="zlib"),
    "tiff-planar": tiff(COLOUR8[..., :3].transpose(2, 0, 1).copy(), planarconfig="separate"),
    "tiff-white-is-zero": tiff(COLOUR8[..., 0], "miniswhite"),
}
EXACT = {  # luminance of those without loss, from the samples that were written
    "png-grey": COLOUR8[..., 0].astype(float),
    "png-grey-alpha": SPREAD[..., 0].astype(float),
    "png-rgb": luma(COLOUR8),
    "png-rgba": luma(SPREAD),
    "bmp-grey": COLOUR8[..., 0].astype(float),
    "bmp-rgb": luma(COLOUR8),
    "bmp-rgba": luma(COLOUR8),
    "webp-lossless-alpha": luma(COLOUR8),
    "tiff-rgb": luma(COLOUR8),
    "tiff-rgba": luma(SPREAD),
    "tiff-lzw": luma(COLOUR8),
    "tiff-big": luma(COLOUR8),
    "tiff-big-endian": luma(COLOUR8),
    "tiff-tiled": luma(COLOUR8),
    "tiff-planar": luma(COLOUR8),
    "tiff-white-is-zero": 255.0 - COLOUR8[..., 0],
    "tiff-cmyk": luma(np.floor((255 - SPREAD[..., :3] * 1.0) * (255 - SPREAD[..., 3:] * 1.0) / 255 + 0.5)),
    "png-palette": luma(np.asarray(PALETTE.convert("RGB"))),
    "png-palette-alpha": luma(np.asarray(PALETTE.convert("RGB"))),
}

# --- with an orientation

TURNED = {
    "jpeg": lambda value: saved(COLOUR8[..., :3], "JPEG", exif=exif(value)),
    "png": lambda value: saved(COLOUR8[..., :3], "PNG", exif=exif(value)),
    "png-palette": lambda value: saved(PALETTE, "PNG", exif=exif(value)),
    "png-exif-last": lambda value: png(COLOUR8[..., :3], RGB, after=chunk(b"eXIf", exif(value)[6:])),
    "png-grey-exif-last": lambda value: png(COLOUR8[..., 0], GREY, after=chunk(b"eXIf", exif(value)[6:])),
    "webp": lambda value: saved(COLOUR8[..., :3], "WEBP", exif=exif(value)),
    "tiff": lambda value: saved(COLOUR8[..., :3], "TIFF", tiffinfo={274: value}),
    "tiff-grey": lambda value: saved(COLOUR8[..., 0], "TIFF", tiffinfo={274: value}),
    "tiff-cmyk": lambda value: saved(cmyk(COLOUR8), "TIFF", tiffinfo={274: value}),
    "tiff-lzw": lambda value: saved(COLOUR8[..., :3], "TIFF", compression="tiff_lzw", tiffinfo={274: value}),
}
DEEP_TURNED = {
    "png": lambda value: png(COLOUR16[..., :3], RGB, before=chunk(b"eXIf", exif(value)[6:])),
    "png-exif-last": lambda value: png(COLOUR16[..., :3], RGB, after=chunk(b"eXIf", exif(value)[6:])),
    "png-adam7": lambda value: png(COLOUR16[..., :3], RGB, before=chunk(b"eXIf", exif(value)[6:]), adam7=True),
    "tiff": lambda value: tiff(COLOUR16[..., :3].copy(), extratags=[(274, 3, 1, value, True)]),
    "tiff-planar": lambda value: tiff(
        COLOUR16[..., :3].transpose(2, 0, 1).copy(),
        "rgb",
        planarconfig="separate",
        extratags=[(274, 3, 1, value, True)],
    ),
}

# --- that claim to be of another size

SIZED = {**EIGHT_BITS, "png-16": png(COLOUR16[..., :3], RGB), "tiff-16": tiff(COLOUR16[..., :3].copy())}


def claiming(data: bytes, at: int, width: int, height: int, order: str) -> bytes:
    return data[:at] + struct.pack(f"{order}II", width, height) + data[at + 8 :]


def giant(name: str, width: int, height: int) -> bytes:
    """A small file that claims to be ``width`` x ``height`` px."""
    if name == "png":
        header = struct.pack(">IIBBBBB", width, height, 8, RGB, 0, 0, 0)
        return png(COLOUR8[..., :3], RGB, header=header)
    if name == "bmp":
        return claiming(EIGHT_BITS["bmp-rgb"], 18, width, height, "<")
    if name in ("webp", "jpeg"):
        data = bytearray(EIGHT_BITS["webp" if name == "webp" else "jpeg-rgb"])
        at = data.index(b"\x9d\x01\x2a") + 3 if name == "webp" else data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack("<HH", width, height) if name == "webp" else struct.pack(">HH", height, width)
        return bytes(data)
    data = EIGHT_BITS["tiff-rgb"] if name == "tiff" else SIZED["tiff-16"]
    return patched(data, {256: width, 257: height, 278: height})
