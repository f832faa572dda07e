"""JPEG by libjpeg-turbo: the pixels of Pillow, and its verdict on damaged files, whatever the damage."""

from __future__ import annotations

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.data import _samples, decode
from symmetry_audit.data._decode import decode_samples
from symmetry_audit.errors import ImageError
from tests.conftest import smooth_noise

MAX = 10**6
RNG = np.random.default_rng(20261127)
SIZES = [(101, 77), (64, 48), (1, 1), (7, 3), (17, 250)]


def photo(width: int, height: int) -> Image.Image:
    planes = [smooth_noise(RNG, max(height, 16), max(width, 16))[:height, :width] for _ in range(3)]
    noise = RNG.normal(0, 12, (height, width, 3))
    return Image.fromarray((np.stack(planes, -1) + noise).clip(0, 255).astype(np.uint8))


def jpeg(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def mpo(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "MPO", save_all=True, append_images=[image.rotate(90)])
    return file.getvalue()


def kinds(image: Image.Image) -> dict[str, bytes]:
    """Every sort of JPEG that Pillow writes, and that Pillow opens as grey or RGB."""
    grey = image.convert("L")
    return {
        **{f"4:{part}": jpeg(image, subsampling=f"4:{part}") for part in ("4:4", "2:2", "2:0", "1:1")},
        "progressive": jpeg(image, progressive=True, quality=85),
        "progressive-444": jpeg(image, progressive=True, subsampling=0, quality=95),
        "restarts": jpeg(image, restart_marker_blocks=1),
        "restarts-rows": jpeg(image, restart_marker_rows=1, progressive=True),
        "optimized": jpeg(image, optimize=True, quality=40),
        "coarse": jpeg(image, quality=3),
        "fine": jpeg(image, quality=100, subsampling=0),
        "stored-as-rgb": jpeg(image, keep_rgb=True),
        "adobe": adobe_rgb(image),
        "grey": jpeg(grey),
        "grey-progressive": jpeg(grey, progressive=True, restart_marker_blocks=2),
        "mpo": mpo(image),
        "bytes-behind": jpeg(image) + b"more",
    }


def adobe_rgb(image: Image.Image) -> bytes:
    """With the mark of Adobe, whose last byte, 0, says that the components are red, green and blue."""
    marked = b"\xff\xee" + struct.pack(">H", 14) + b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0)
    plain = jpeg(image, keep_rgb=True)
    return plain[:2] + marked + plain[2:]


def pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def outcome(data: bytes) -> np.ndarray | str:
    """The decoded pixels, or the reason why there are none."""
    try:
        return decode_samples(data, MAX).samples
    except ImageError as error:
        return str(error)


@pytest.fixture
def left_to_pillow(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modes of the images that were left to Pillow, as they come."""
    modes: list[str] = []

    def noted(image: Image.Image, data: bytes) -> np.ndarray:
        modes.append(image.mode)
        return plain(image, data)

    plain = _samples._any_samples
    monkeypatch.setattr(_samples, "_any_samples", noted)
    return modes


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pixels_are_those_of_pillow_for_every_kind(size: tuple[int, int], left_to_pillow: list[str]) -> None:
    for name, data in kinds(photo(*size)).items():
        found = decode_samples(data, MAX).samples
        assert found.dtype == np.uint8
        assert np.array_equal(found, pillow(data)), name
    assert left_to_pillow == []


def test_inks_are_left_to_pillow(left_to_pillow: list[str]) -> None:
    data = jpeg(photo(33, 20).convert("CMYK"))
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(decode_samples(data, MAX).samples, np.asarray(image.convert("RGB")))
    assert left_to_pillow == ["CMYK"]


def test_an_image_that_only_alarms_the_strict_decoder_is_left_to_pillow(left_to_pillow: list[str]) -> None:
    """Bytes between two markers are skipped with a warning; the pixels are whole."""
    data = jpeg(photo(40, 30))
    start = data.index(b"\xff\xda")
    odd = data[:start] + b"\x00\x00\x00" + data[start:]
    assert np.array_equal(decode_samples(odd, MAX).samples, pillow(data))
    assert left_to_pillow == ["RGB"]


def damaged(data: bytes, rng: random.Random) -> list[bytes]:
    """``data`` cut off at every 23rd byte and at the last ones, with other bytes, with gaps, with a part twice."""
    cuts = [*range(2, len(data), 23), *range(len(data) - 6, len(data))]
    found = [data[:at] for at in cuts]
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            changed[rng.randrange(2, len(data))] = rng.randrange(256)
        found.append(bytes(changed))
    for _ in range(40):
        first = rng.randrange(2, len(data))
        last = min(len(data), first + rng.randrange(1, 200))
        found += [data[:first] + data[last:], data[:last] + data[first:]]
    return found


@pytest.mark.parametrize("name", kinds(photo(16, 16)))
def test_damage_ends_as_it_does_with_pillow_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same error in the same words, or the same pixels: never pixels where Pillow has none."""
    files = damaged(kinds(photo(61, 45))[name], random.Random(name))
    found = [outcome(data) for data in files]
    monkeypatch.setattr(_samples, "_DECODERS", {})
    expected = [outcome(data) for data in files]
    for ours, theirs in zip(found, expected, strict=True):
        assert np.array_equal(ours, theirs)
    raised = sum(isinstance(theirs, str) for theirs in expected)
    assert 20 < raised < len(files) - 20


def test_memory_is_taken_for_the_size_that_was_checked_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the decoder to read another size from the header than Pillow, it would not be given the memory."""
    small, large = jpeg(photo(16, 16)), jpeg(photo(900, 900))
    with Image.open(io.BytesIO(small)) as image:
        assert _samples._jpeg_samples(image, large).shape == (16, 16, 3)
    with Image.open(io.BytesIO(large)) as image:
        assert _samples._jpeg_samples(image, small).shape == (900, 900, 3)


def test_luminance_of_a_jpeg_is_that_of_its_pixels() -> None:
    data = jpeg(photo(50, 40))
    expected = pillow(data) @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(decode(data, MAX).luminance, expected, rtol=1e-6)
