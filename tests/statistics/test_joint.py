"""Several sets in the same resamples: weights made visible, scipy's paired bootstrap, and variances that add up."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap, norm

from symmetry_audit.errors import SettingError
from symmetry_audit.statistics import (
    BootstrapMeans,
    Member,
    UnitSums,
    bootstrap_p_value,
    joint_resamples,
    percentile_interval,
    relative_error,
)

ANGLES = 2 * np.pi * np.arange(8) / 8


def draws(labels: list[list[object]], resamples: int = 200, seed: int = 3) -> list[np.ndarray]:
    """The share of every image in every resample, (resamples, images), of every set."""
    return joint_resamples([np.eye(len(of_set)) for of_set in labels], labels, seed=seed, resamples=resamples)


def test_one_set_is_drawn_as_by_the_bootstrap_of_a_report(rng: np.random.Generator) -> None:
    tables = rng.uniform(1, 9, (300, 2, 3))
    plain = BootstrapMeans(len(tables), seed=4)
    for table in tables:
        plain.add(table)
    (found,) = joint_resamples([tables], [range(300)], seed=4)
    np.testing.assert_allclose(found, plain.means(), rtol=1e-12)


def test_clusters_are_drawn_as_by_the_bootstrap_of_a_report(rng: np.random.Generator) -> None:
    tables, clusters = rng.uniform(1, 9, (40, 3)), [f"series {at % 7}" for at in range(40)]
    sums = UnitSums()
    for table, cluster in zip(tables, clusters, strict=True):
        sums.add({"table": table}, Member(0, cluster))
    plain = BootstrapMeans(len(sums), seed=4)
    sums.feed("table", plain)
    (found,) = joint_resamples([tables], [clusters], seed=4)
    np.testing.assert_allclose(found, plain.means(), rtol=1e-12)


def test_versions_of_one_image_are_drawn_together_whatever_their_order() -> None:
    clean, noisy = draws([["a", "b", "c"], ["c", "a", "b"]])
    np.testing.assert_allclose(noisy[:, [1, 2, 0]], clean, rtol=0, atol=1e-15)
    assert len(np.unique(clean, axis=0)) == 10  # all the ways to draw 3 of 3


def test_sets_without_a_common_image_are_independent() -> None:
    first, second = draws([["a", "b"], ["c", "d"]], resamples=4000)
    # five standard errors of a correlation of 0
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 5 / 4000**0.5
    assert np.ptp(first[:, 0]) == np.ptp(second[:, 0]) == 1


def test_what_is_in_both_sets_is_paired_and_the_rest_drawn_by_itself() -> None:
    first, second = draws([["a", "b", "c", "d"], ["b", "a", "e"]])
    np.testing.assert_allclose(first[:, :2] * 4, second[:, [1, 0]] * 3, rtol=0, atol=1e-12)
    np.testing.assert_allclose(first[:, 2:].sum(1), 2 / 4, rtol=1e-12)
    np.testing.assert_allclose(second[:, 2], 1 / 3, rtol=1e-12)


def test_a_cluster_is_drawn_as_a_whole_in_both_sets() -> None:
    first, second = draws([["x", "x", "y"], ["y", "x", "z"]])
    np.testing.assert_allclose(first[:, 0], first[:, 1], rtol=0, atol=1e-15)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(second[:, 1] / second[:, 0]), np.nan_to_num(first[:, 0] / first[:, 2])
    np.testing.assert_allclose(*ratio, rtol=1e-12)


def test_paired_intervals_are_those_of_scipy(rng: np.random.Generator) -> None:
    """The difference of relative epsilons, a nonlinear statistic, of two versions of 60 images."""
    size = rng.gamma(9, 1, (60, 1))
    clean = size * (1 + (0.2 + 0.1 * rng.standard_normal((60, 1))) * np.cos(2 * ANGLES))
    noisy = 0.8 * clean + rng.gamma(4, 0.5, (60, 8))

    def difference(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
        return relative_error(noisy[second].mean(-2)) - relative_error(clean[first].mean(-2))

    images = np.arange(60)
    expected = bootstrap(
        (images, images), difference, paired=True, n_resamples=40_000, method="percentile", vectorized=True, rng=7
    ).confidence_interval
    names = [list(range(60))] * 2
    drawn = joint_resamples([clean, noisy], names, seed=1, resamples=40_000)
    low, high = percentile_interval(relative_error(drawn[1]) - relative_error(drawn[0]))
    # an end of 40,000 resamples is known to about 2 % of the width
    assert (low, high) == pytest.approx(tuple(expected), abs=0.03 * (expected.high - expected.low))


def test_unpaired_intervals_are_those_of_scipy(rng: np.random.Generator) -> None:
    first, second = rng.gamma(2, 1, 50), rng.gamma(3, 1, 80)
    expected = bootstrap(
        (first, second),
        lambda one, other, axis: other.mean(axis) - one.mean(axis),
        n_resamples=40_000,
        method="percentile",
        vectorized=True,
        rng=7,
    ).confidence_interval
    labels = [[(0, at) for at in range(50)], [(1, at) for at in range(80)]]
    drawn = joint_resamples([first, second], labels, seed=1, resamples=40_000)
    low, high = percentile_interval(drawn[1] - drawn[0])
    assert (low, high) == pytest.approx(tuple(expected), abs=0.03 * (expected.high - expected.low))


def test_the_p_value_of_a_mean_is_that_of_the_normal_law(rng: np.random.Generator) -> None:
    values = rng.standard_normal(400)
    values += 0.1 - values.mean()
    (drawn,) = joint_resamples([values], [range(400)], seed=2, resamples=20_000)
    z = 0.1 / (values.std() / 400**0.5)
    assert bootstrap_p_value(drawn) == pytest.approx(2 * norm.sf(z), abs=0.01)


def test_no_difference_at_all_has_p_1_and_a_sure_one_the_least() -> None:
    assert bootstrap_p_value(np.zeros(999)) == 1
    assert bootstrap_p_value(np.ones(999)) == pytest.approx(2 / 1000)
    assert bootstrap_p_value(-np.ones((999, 2))).tolist() == pytest.approx([2 / 1000] * 2)


def test_a_missing_label_is_refused() -> None:
    with pytest.raises(SettingError, match="every image needs one label: 3 images, 2 labels"):
        joint_resamples([np.ones(3)], ["ab"], seed=0)
