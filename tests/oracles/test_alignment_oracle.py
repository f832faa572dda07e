"""Checks of the alignment oracle against errors worked out by hand."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from . import alignment as oracle

MIRROR = [[-1, 0], [0, 1]]


def rotation(degrees):
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


def frame(height, width):
    """x and y of the pixels, (height, width) each."""
    y, x = np.mgrid[:height, :width].astype(float)
    return x - (width - 1) / 2, y - (height - 1) / 2


def ramp(image):
    """Multiplication by x: what sits on the right grows, and no turn of an image turns the ramp."""
    return image * frame(*image.shape[:2])[0][:, :, None]


def spot(height, width, row, column):
    image = np.zeros((height, width, 3))
    image[row, column] = 1
    return image


@pytest.mark.parametrize(
    ("matrix", "row", "column"),
    [
        (rotation(90), 0, 2),  # from the right to the top: counter-clockwise
        (rotation(180), 2, 0),
        (rotation(270), 4, 2),
        (MIRROR, 2, 0),
        (rotation(90) @ MIRROR, 4, 2),  # the mirror first
    ],
)
def test_where_a_spot_on_the_right_goes(matrix, row, column):
    np.testing.assert_array_equal(oracle.turned(spot(5, 5, 2, 4), matrix), spot(5, 5, row, column))


def test_quarter_turns_are_those_of_numpy_in_any_frame(rng):
    image = rng.uniform(0, 255, (4, 7, 3))
    for turns in range(4):
        np.testing.assert_array_equal(oracle.turned(image, rotation(90 * turns)), np.rot90(image, turns))
    np.testing.assert_array_equal(oracle.turned(image, MIRROR), image[:, ::-1])


def test_resampling_reads_the_image_at_the_point_before():
    # a smooth blob off the centre, known between the pixels as well; counter-clockwise takes it upwards
    def blob(x, y):
        return np.exp(-((x - 6) ** 2 + (y - 1) ** 2) / (2 * 4**2))

    x, y = frame(49, 57)
    matrix = rotation(30) @ [[1.2, 0.1], [0, 1 / 1.2]]
    back = np.linalg.inv(matrix)
    expected = blob(back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y)
    result = oracle.turned(np.repeat(blob(x, y)[:, :, None], 3, axis=2), matrix)
    assert np.abs(result - expected[:, :, None])[8:-8, 8:-8].max() < 1e-5
    assert y[np.unravel_index(result[..., 0].argmax(), y.shape)] < -1


def test_outside_the_image_there_is_nothing():
    corners = oracle.turned(np.full((21, 21, 3), 9.0), rotation(45))[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(corners, 0)


def test_a_ramp_on_a_flat_image_at_half_a_turn():
    # x c - (-x) c = 2 c x; of the five pixels within 1 px of the centre, two have x^2 = 1
    flat = np.full((7, 9, 3), 10.0)
    assert oracle.equivariance_error(ramp, flat, rotation(180), 1) == pytest.approx(4 * 100 * 2 / 5, rel=1e-12)


def test_a_ramp_on_a_flat_image_at_a_quarter_turn():
    # (x + y) c: of the nine pixels within 1.5 px, (x + y)^2 sums to 4 on the axes and 8 in the corners
    flat = np.full((7, 7, 3), 10.0)
    assert oracle.equivariance_error(ramp, flat, rotation(90), 1.5) == pytest.approx(100 * 12 / 9, rel=1e-12)


def test_only_the_upper_half_survives():
    # turned first, the spot on the right is above and stays: 1 on 3 channels of one pixel of 29; turned later: 0
    def upper(image):
        return image * (frame(*image.shape[:2])[1] < 0)[:, :, None]

    right = spot(7, 7, 3, 5)
    assert oracle.equivariance_error(upper, right, rotation(90), 3) == pytest.approx(1 / 29, rel=1e-12)
    assert oracle.equivariance_error(upper, right, rotation(-90), 3) == 0


@pytest.mark.parametrize("degrees", [11.25, 45, 100, -45])
def test_a_ramp_on_a_round_blob_at_any_angle(degrees):
    # ((1 - cos) x + sin y) g, whose square is (2 - 2 cos) x^2 g^2 in the mean over a disc
    x, y = frame(65, 65)
    blob = 200 * np.exp(-(x**2 + y**2) / (2 * 5**2))
    inside = x**2 + y**2 <= 20**2
    expected = (2 - 2 * math.cos(math.radians(degrees))) * np.mean((x * blob)[inside] ** 2)
    image = np.repeat(blob[:, :, None], 3, axis=2)
    assert oracle.equivariance_error(ramp, image, rotation(degrees), 20) == pytest.approx(expected, rel=1e-6)


def test_a_round_blur_is_equivariant_and_a_long_one_is_not(rng):
    image = gaussian_filter(rng.uniform(0, 255, (81, 81, 3)), (3, 3, 0), mode="constant")

    def blur(down, right):
        return lambda image: gaussian_filter(image, (down, right, 0), mode="constant", truncate=8)

    power = np.var(image)
    assert oracle.equivariance_error(blur(2, 2), image, rotation(45), 20) < 1e-9 * power
    assert oracle.equivariance_error(blur(2, 2), image, rotation(90), 40) < 1e-20 * power
    assert oracle.equivariance_error(blur(1, 4), image, rotation(45), 20) > 1e-2 * power


def test_a_finer_output_turns_about_its_own_centre():
    # c in the upper left of every 2 x 2 pixels; after half a turn in the lower right: half of all differ by c
    def sparse(image):
        fine = np.zeros((2 * image.shape[0], 2 * image.shape[1], image.shape[2]))
        fine[::2, ::2] = image
        return fine

    flat = np.full((4, 6, 3), 10.0)
    assert oracle.equivariance_error(sparse, flat, rotation(180), 99) == pytest.approx(100 / 2, rel=1e-12)
    repeated = np.random.default_rng(0).uniform(0, 255, (4, 6, 3))
    for matrix in (rotation(90), rotation(180), MIRROR):
        assert oracle.equivariance_error(lambda image: image.repeat(2, 0).repeat(2, 1), repeated, matrix, 99) == 0
