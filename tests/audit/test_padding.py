"""Padding that nobody has marked: what is found, and what must not be taken for it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from symmetry_audit.audit._padding import without_padding
from tests.conftest import smooth_noise

VALUES = pytest.mark.parametrize("value", [0.0, 255.0])


def photo(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Without the values of padding."""
    return np.clip(smooth_noise(rng, height, width), 20, 235).astype(np.float32)


def saved(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image.round().astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), np.float32)


def turned(height: int, width: int, angle: float, half: float) -> np.ndarray:
    """A square of side 2 ``half`` turned by ``angle``, in the middle of an image."""
    y, x = np.indices((height, width)) - np.array([height - 1, width - 1])[:, None, None] / 2
    c, s = np.cos(angle), np.sin(angle)
    return np.maximum(np.abs(c * x + s * y), np.abs(c * y - s * x)) <= half


@VALUES
@pytest.mark.parametrize("cut", [(slice(20, -31), slice(None)), (slice(None), slice(9, -9)), (slice(5, -5),) * 2])
def test_bars_and_frames(rng: np.random.Generator, value: float, cut: tuple[slice, slice]) -> None:
    expected = np.zeros((160, 140), bool)
    expected[cut] = True
    image = np.where(expected, photo(rng, 160, 140), np.float32(value))
    assert np.array_equal(without_padding(image), expected)
    image[30, 20:24] = value  # a few such pixels beside the bar belong to the picture
    assert np.array_equal(without_padding(image), expected)


def test_bars_in_a_jpeg_file(rng: np.random.Generator) -> None:
    """Their last rows ring: what is found ends inside the block of 8 px that the edge is in."""
    image = photo(rng, 200, 180)
    image[:43] = image[-37:] = 0
    for quality in (60, 95):
        found = without_padding(saved(image, quality))
        assert found is not None and found[43:-37].all()
        assert not found[:40].any() and not found[-32:].any()


@VALUES
def test_corners_of_rotated_tiles_and_of_round_fields(rng: np.random.Generator, value: float) -> None:
    y, x = np.indices((181, 181)) - 90
    outlines = [turned(181, 181, 0.4, 68), turned(181, 181, np.pi / 4, 63), np.hypot(y, x) <= 90.5]
    outlines.append(turned(181, 181, 0.15, 90))  # in place, so that two corners of the tile are cut off
    for expected in outlines:
        found = without_padding(np.where(expected, photo(rng, 181, 181), np.float32(value)))
        assert found is not None and found[expected].all()
        assert (found & ~expected).sum() < 0.02 * expected.sum()  # a polygon about pixels that are one


@VALUES
@pytest.mark.parametrize("quality", [75, 50])
@pytest.mark.parametrize("angle", [0.17, 0.35, 0.52, np.pi / 4])
def test_corners_of_rotated_tiles_in_jpeg_files(
    rng: np.random.Generator, value: float, quality: int, angle: float
) -> None:
    """Blocks of 8 x 8 px on the edge ring, so that it has steps: what is found holds all of these and no more."""
    half = 140
    c, s = np.cos(angle), np.sin(angle)
    side = int(2 * half * (c + s)) + 1
    expected = turned(side, side, angle, half)
    found = without_padding(saved(np.where(expected, photo(rng, side, side), np.float32(value)), quality))
    assert found is not None and (expected & ~found).sum() < 1e-3 * expected.sum()
    assert distance_transform_edt(~expected)[found].max() < 8 * np.sqrt(2)


def test_nothing_in_photographs(rng: np.random.Generator) -> None:
    image = photo(rng, 160, 140)
    assert without_padding(image) is None
    ridge = 60 + 15 * np.sin(np.arange(140) / 9) + rng.normal(0, 3, 140)
    y = np.arange(160)[:, None]
    sky = np.where(y < ridge, np.float32(255), image)
    assert without_padding(sky) is None  # two corners alone
    lamp = np.clip(300 * gaussian_filter((rng.random((160, 140)) < 0.002).astype(float), 9) * 60 - 40, 0, 255)
    assert lamp[[0, 0, -1, -1], [0, -1, 0, -1]].max() >= 0
    night = lamp.astype(np.float32)
    night[[0, 0, -1, -1], [0, -1, 0, -1]] = 0
    assert without_padding(night) is None  # black to all sides, and lights of any shape


def test_nothing_around_small_things_on_a_plain_ground() -> None:
    y, x = np.indices((100, 100)) - 50
    for shape in (np.hypot(y, x) < 20, np.maximum(abs(y), abs(x)) < 25, abs(x + y) < 3):
        assert without_padding(np.where(shape, 200.0, 0.0) + shape * x) is None
    assert without_padding(np.full((40, 40), 7.0)) is None
    assert without_padding(255.0 * ((x // 5 + y // 5) % 2)) is None


def test_four_equal_corners_alone_are_no_padding(rng: np.random.Generator) -> None:
    """Then V has all its pixels: no corner reaches it."""
    image = photo(rng, 90, 80)
    image[[0, 0, -1, -1], [0, -1, 0, -1]] = 10
    found = without_padding(image)
    assert found is None or found[1:-1].all()


BARS = {  # rows and columns of data in 160 x 180 px, and the values above, below, left and right of them
    "one side": (slice(25, 160), slice(0, 180), (16, 0, 0, 0)),
    "a narrow one": (slice(0, 160), slice(0, 176), (0, 0, 0, 255)),
    "two values": (slice(25, 140), slice(0, 180), (0, 255, 0, 0)),
    "right and below": (slice(0, 120), slice(0, 150), (0, 128, 0, 128)),
    "a film on end": (slice(0, 160), slice(62, 118), (0, 0, 0, 0)),
    "four values": (slice(25, 140), slice(30, 160), (0, 255, 64, 128)),
}


def test_lines_that_the_margin_hides_are_no_bars(rng: np.random.Generator) -> None:
    image = photo(rng, 160, 180)
    image[:, -3:] = 255
    assert without_padding(image) is None


@pytest.mark.parametrize("quality", [None, 75, 95])
@pytest.mark.parametrize("kind", BARS)
def test_bars_along_some_sides_and_of_several_values(rng: np.random.Generator, kind: str, quality: int | None) -> None:
    rows, columns, (above, below, left, right) = BARS[kind]
    image = photo(rng, 160, 180)
    image[:, : columns.start], image[:, columns.stop :] = left, right
    image[: rows.start], image[rows.stop :] = above, below
    expected = np.zeros(image.shape, bool)
    expected[rows, columns] = True
    if quality is None:
        assert np.array_equal(without_padding(image), expected)
    elif kind not in ("a narrow one", "four values"):  # of whose lines a JPEG file keeps no side constant
        found = without_padding(saved(image, quality))
        assert found is not None and found[expected].mean() > 0.97
        assert distance_transform_edt(~expected)[found].max() <= 8


def test_no_bars_beside_skies_and_things_on_paper(rng: np.random.Generator) -> None:
    image = photo(rng, 160, 140)
    y, x = np.indices(image.shape)
    white, black = np.float32(255), np.float32(0)
    for sky in (y < 60 + 5 * np.sin(x / 9), y < 60 + x / 8, (y < 50) & (x > 20 + y), np.hypot(y, x - 70) > 100):
        assert without_padding(np.where(sky, white, image)) is None
    paper = np.where((y > 30) & (abs(x - 70) < y / 2), image, white)  # a thing that stands on the lower side
    assert without_padding(paper) is None
    assert without_padding(np.where(rng.random(image.shape) < 0.5, black, image)) is None
