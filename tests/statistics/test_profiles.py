"""Eq. (8) on tables, against the oracle and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.statistics import ProfileAccumulator, symmetry_error
from tests.oracles import symmetry as oracle


def accumulate(table: np.ndarray) -> tuple[ProfileAccumulator, np.ndarray]:
    """The sums, and epsilon and normalized epsilon of each image, (N, 2)."""
    accumulator = ProfileAccumulator()
    parts = [np.stack(accumulator.add(part), axis=1) for part in np.array_split(table, 3) if len(part)]
    return accumulator, np.concatenate(parts)


def test_by_hand() -> None:
    epsilon, worst = symmetry_error(np.array([2.0, 5.0, -1.0, 2.0]))
    assert (epsilon, worst) == (3.0, 1)  # 5 and -1 tie: the lowest element is named


def test_ties_within_a_billionth_go_to_the_lowest_element() -> None:
    assert symmetry_error(np.array([1.0, 2.0, 2.0 + 5e-10]))[1] == 1
    assert symmetry_error(np.array([1.0, 2.0, 2.0 + 5e-8]))[1] == 2


def test_constant_profiles_have_no_error_and_blame_the_identity() -> None:
    assert [value.tolist() for value in symmetry_error(np.full((2, 3), 4.0))] == [[0, 0], [0, 0]]


def test_equal_to_the_oracle(rng: np.random.Generator) -> None:
    table = rng.uniform(1, 9, (17, 12))
    accumulator, singles = accumulate(table)
    epsilon, worst = symmetry_error(accumulator.mean())
    assert (epsilon, worst) == (pytest.approx(oracle.epsilon(table)[0], rel=1e-12), oracle.epsilon(table)[1])
    normalized = symmetry_error(accumulator.mean_normalized())[0]
    assert normalized == pytest.approx(oracle.normalized_epsilon(table), rel=1e-12)
    single = [oracle.epsilon(row[None])[0] for row in table]
    assert np.allclose(singles[:, 0], single, rtol=1e-12)
    assert accumulator.mean_spread() == pytest.approx(np.mean([max(row) - min(row) for row in table]), rel=1e-12)
    assert np.mean(singles[:, 0]) >= epsilon  # an identity, SPEC 4


def test_flat_images_have_no_normalized_profile(rng: np.random.Generator) -> None:
    table = rng.uniform(1, 9, (5, 6))
    with_flat, singles = accumulate(np.vstack([table, np.zeros(6)]))
    assert np.allclose(with_flat.mean_normalized(), accumulate(table)[0].mean_normalized(), rtol=1e-12)
    assert np.isnan(singles[-1, 1])
    assert np.isnan(accumulate(np.zeros((2, 6)))[0].mean_normalized()).all()


def test_subgroups_have_smaller_errors(rng: np.random.Generator) -> None:
    profile = rng.uniform(1, 9, 32)
    assert symmetry_error(profile[::4])[0] <= symmetry_error(profile)[0]
