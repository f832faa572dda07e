"""The reference for averages against NumPy's moves, a case by hand, and the law that it has to keep."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracles import averages


def test_moves_are_those_of_numpy(rng):
    image = rng.normal(size=(3, 5, 2))
    np.testing.assert_array_equal(averages.quarter_turn(image), np.rot90(image))
    np.testing.assert_array_equal(averages.mirror(image), image[:, ::-1])
    for turns, mirrored in averages.GROUPS["p4m"]:
        expected = np.rot90(image[:, ::-1] if mirrored else image, turns)
        np.testing.assert_array_equal(averages.move(image, turns, mirrored), expected)
        np.testing.assert_array_equal(averages.move_back(expected, turns, mirrored), image)


def test_a_shift_by_hand():
    # the value comes from the left neighbour; a single 4 in the middle then spreads to its neighbours
    dot = np.zeros((3, 3))
    dot[1, 1] = 4.0
    left = lambda image: np.roll(image, 1, axis=1)  # noqa: E731
    np.testing.assert_array_equal(averages.average(left, dot, "p4"), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(averages.average(left, dot, "p2"), [[0, 0, 0], [2, 0, 2], [0, 0, 0]])


@pytest.mark.parametrize("group", averages.GROUPS)
def test_the_average_has_the_group(group, rng):
    image = rng.normal(size=(4, 6))
    restore = lambda image: np.tanh(image + 0.7 * np.roll(image, 1, axis=0) - 0.4 * np.roll(image, 2, axis=1))  # noqa: E731
    result = averages.average(restore, image, group)
    for move in averages.GROUPS[group]:
        turned = averages.average(restore, averages.move(image, *move), group)
        np.testing.assert_allclose(turned, averages.move(result, *move), atol=1e-14)
    turned = averages.average(restore, np.rot90(image), "p2")  # the tester: p2 has no quarter turn
    assert np.abs(turned - np.rot90(averages.average(restore, image, "p2"))).max() > 0.01
