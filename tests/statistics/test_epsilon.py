"""epsilon over subgroups and without one image, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.statistics import deviations, leave_one_out, relative_error, subgroup_error
from tests.oracles import statistics as oracle


def test_by_hand() -> None:
    means = np.array([[2.0, 5.0, -2.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
    assert subgroup_error(means).tolist() == [4.0, 0.0]
    assert subgroup_error(means, np.array([0, 1])).tolist() == [3.0, 0.0]
    assert subgroup_error(means, np.array([0])).tolist() == [0.0, 0.0]


def test_deviations_by_hand() -> None:
    profiles = np.array([[2.0, 5.0, -2.0], [1.0, 1.0, 4.0]])
    assert deviations(profiles).tolist() == [[0.0, 3.0, 4.0], [0.0, 0.0, 3.0]]
    assert deviations(profiles, np.array([2, 1])).tolist() == [[4.0, 3.0], [3.0, 0.0]]  # still from the identity


def test_subgroups_against_the_oracle(rng: np.random.Generator) -> None:
    means = rng.uniform(1, 9, (3, 2, 12))
    for elements in ([0, 6], [0, 3, 6, 9], [0, 4, 8]):
        expected = [[oracle.epsilon(profile, elements) for profile in row] for row in means]
        assert np.array_equal(subgroup_error(means, np.array(elements)), expected)


def test_relative_error_by_hand() -> None:
    means = np.array([[2.0, 5.0, 1.0, 4.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert relative_error(means)[:2].tolist() == [4 / 3, 4.0]
    assert np.isnan(relative_error(means)[2])
    assert relative_error(means, np.array([0, 2]))[:1].tolist() == [1 / 1.5]
    assert np.isnan(relative_error(means, np.array([0, 2]))[1])  # none of these elements responds


def test_relative_error_against_the_oracle_whichever_element_is_the_identity(rng: np.random.Generator) -> None:
    means = rng.uniform(0, 9, (3, 2, 12))
    for elements in (list(range(12)), [0, 6], [0, 3, 6, 9]):
        found = relative_error(means, np.array(elements))
        expected = [[oracle.relative(profile, elements) for profile in row] for row in means]
        assert found == pytest.approx(np.array(expected), rel=1e-14)
        assert (found <= len(elements)).all()
    turned = relative_error(np.roll(means, 5, axis=-1))
    assert turned == pytest.approx(relative_error(means), rel=1e-14)


def test_leave_one_out_against_computing_anew(rng: np.random.Generator) -> None:
    profiles = rng.uniform(1, 9, (6, 3, 8))
    found = leave_one_out(profiles.mean(0), 6, profiles)
    expected = [[oracle.leave_one_out(profiles[:, cell], n) for cell in range(3)] for n in range(6)]
    assert found.shape == (6, 3)
    assert np.allclose(found, expected, rtol=0, atol=1e-13)
    assert np.allclose(leave_one_out(profiles.mean(0), 6, profiles[4]), expected[4], rtol=0, atol=1e-13)


def test_the_image_that_makes_epsilon_is_found() -> None:
    profiles = np.full((5, 4), 3.0)
    profiles[2, 1] = 8.0
    found = leave_one_out(profiles.mean(0), 5, profiles)
    assert found[2] == pytest.approx(1.0, rel=1e-14)  # epsilon is 5 / 5, and 0 without the image
    assert found[[0, 1, 3, 4]] == pytest.approx(1.0 - 5 / 4, rel=1e-14)


def test_a_single_image_has_no_others() -> None:
    profiles = np.array([[2.0, 3.0], [4.0, 4.0]])
    assert leave_one_out(profiles, 1, profiles).tolist() == [0.0, 0.0]
