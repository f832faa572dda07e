"""Bootstrap weights, made visible by tables that hold a one in a place of their own, and the means under them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.statistics import BootstrapMeans, Member, UnitSums, percentile_interval
from symmetry_audit.statistics._bootstrap import BLOCK
from tests.oracles import statistics as oracle

AROUND_A_BLOCK = [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 44]


def means_of(tables: np.ndarray, *, clusters: Sequence[object] | None = None, **options: object) -> np.ndarray:
    sums = UnitSums(None)
    for at, table in enumerate(tables):
        sums.add({"table": table}, Member(0, None if clusters is None else repr(clusters[at])))
    bootstrap = BootstrapMeans(len(sums), **options)
    sums.feed("table", bootstrap)
    return bootstrap.means()


def weights_of(images: int, **options: object) -> np.ndarray:
    """How often every resample draws every image, (resamples, images), read off the means of unit vectors."""
    weights = means_of(np.eye(images), **options) * images
    assert np.allclose(weights, weights.round(), rtol=0, atol=1e-9)
    return weights.round()


def width(means: np.ndarray) -> float:
    low, high = percentile_interval(means)
    return float(high - low)


@pytest.mark.parametrize("images", AROUND_A_BLOCK)
def test_weights_are_counts_of_n_draws(images: int) -> None:
    weights = weights_of(images, resamples=50, seed=3)
    assert weights.min() >= 0
    assert (weights.sum(1) == images).all()


@pytest.mark.parametrize("images", AROUND_A_BLOCK)
def test_means_against_the_oracle(images: int, rng: np.random.Generator) -> None:
    tables = rng.uniform(1, 9, (images, 2, 3))
    weights = weights_of(images, resamples=20, seed=3)
    expected = [oracle.bootstrap_mean(tables, row) for row in weights]
    assert np.allclose(means_of(tables, resamples=20, seed=3), expected, rtol=1e-13)


def test_weights_are_multinomial() -> None:
    images, resamples = BLOCK + 44, 4000  # the last 44 make a block of their own
    weights = weights_of(images, resamples=resamples, seed=5)
    # bounds of five standard errors of the moments of a multinomial law
    assert np.abs(weights.mean(0) - 1).max() < 5 / resamples**0.5
    assert weights.var(0).mean() == pytest.approx(1 - 1 / images, rel=0.01)
    tail, share = weights[:, BLOCK:].sum(1), 44 / images
    variance = images * share * (1 - share)
    assert tail.mean() == pytest.approx(44, abs=5 * (variance / resamples) ** 0.5)
    assert tail.var() == pytest.approx(variance, rel=5 * (2 / resamples) ** 0.5)
    # P(weight = k) = C(N, k) (1/N)^k (1 - 1/N)^(N - k), that is 0.3673, 0.3685, 0.1842 for N = 300
    shares = [(weights == k).mean() for k in range(3)]
    assert shares == pytest.approx([0.36727, 0.36850, 0.18425], abs=0.003)


def test_pairs_within_and_across_blocks_are_alike() -> None:
    images, resamples = BLOCK + 44, 4000
    weights = weights_of(images, resamples=resamples, seed=6) - 1
    covariance = weights.T @ weights / resamples
    np.fill_diagonal(covariance, np.nan)
    for block in (covariance[:BLOCK, :BLOCK], covariance[:BLOCK, BLOCK:], covariance[BLOCK:, BLOCK:]):
        # each of the entries has mean -1/N and a standard error of resamples^-1/2
        assert np.nanmean(block) == pytest.approx(-1 / images, abs=5 / (resamples * block.size) ** 0.5 + 1e-3)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(rng: np.random.Generator) -> None:
    tables = rng.uniform(1, 9, (30, 4))
    assert np.array_equal(means_of(tables, seed=1), means_of(tables, seed=1))
    assert not np.array_equal(means_of(tables, seed=1), means_of(tables, seed=2))


def test_equal_images_have_an_interval_of_no_width() -> None:
    low, high = percentile_interval(means_of(np.full((300, 2), 4.0), seed=0))
    assert low.tolist() == high.tolist() == [4.0, 4.0]


def test_cells_share_their_weights(rng: np.random.Generator) -> None:
    values = rng.uniform(1, 9, 40)
    means = means_of(np.stack([values, 2 * values], axis=1), seed=4)
    assert np.allclose(means[:, 1], 2 * means[:, 0], rtol=1e-13)


# --- clusters


def test_two_clusters_are_drawn_whole() -> None:
    # three images of value 1 and one of value 9: both, or one of them twice
    means = means_of(np.array([1.0, 9.0, 1.0, 1.0]), seed=0, clusters=["a", "b", "a", "a"])
    values, counts = np.unique(means, return_counts=True)
    assert values.tolist() == [1.0, 3.0, 9.0]
    assert counts / 1000 == pytest.approx([0.25, 0.5, 0.25], abs=5 * (0.25 / 1000) ** 0.5)


def test_clusters_against_the_oracle(rng: np.random.Generator) -> None:
    tables = rng.uniform(1, 9, (700, 3))
    clusters = rng.integers(BLOCK + 9, size=700).tolist()
    drawn = weights_of(len(set(clusters)), resamples=10, seed=8)
    order = list(dict.fromkeys(clusters))  # clusters are numbered as they come
    expected = [oracle.bootstrap_mean(tables, [row[order.index(label)] for label in clusters]) for row in drawn]
    assert np.allclose(means_of(tables, resamples=10, seed=8, clusters=clusters), expected, rtol=1e-13)


def test_clusters_of_one_image_change_nothing(rng: np.random.Generator) -> None:
    tables = rng.uniform(1, 9, (BLOCK + 5, 3))
    alone = means_of(tables, seed=8, clusters=[f"image {n}" for n in range(len(tables))])
    assert np.allclose(alone, means_of(tables, seed=8), rtol=1e-14)


def test_names_of_clusters_do_not_matter(rng: np.random.Generator) -> None:
    tables = rng.uniform(1, 9, (9, 3))
    labels = [3, 1, 3, 2, 2, 1, 3, 7, 1]
    renamed = [(-label, "x") for label in labels]
    assert np.array_equal(means_of(tables, seed=8, clusters=labels), means_of(tables, seed=8, clusters=renamed))


def test_one_cluster_has_no_width(rng: np.random.Generator) -> None:
    tables = rng.uniform(1, 9, (9, 3))
    means = means_of(tables, seed=8, clusters=["all"] * 9)
    assert np.allclose(means, tables.mean(0), rtol=1e-14)


def test_clusters_widen_the_interval_of_copies(rng: np.random.Generator) -> None:
    """Ten copies of each image are no news: with clusters the interval is that of the originals."""
    originals = rng.normal(size=40)
    copies = np.repeat(originals, 10)
    labels = np.repeat(np.arange(40), 10).tolist()
    assert width(means_of(copies, seed=2, clusters=labels)) == pytest.approx(width(means_of(originals, seed=2)))
    assert width(means_of(copies, seed=2)) < 0.4 * width(means_of(originals, seed=2))


# --- intervals, memory, errors


def test_percentiles_by_hand() -> None:
    values = np.stack([np.arange(101.0), np.arange(101.0)[::-1] * 2], axis=1)
    low, high = percentile_interval(values, level=0.9)
    assert (low.tolist(), high.tolist()) == (pytest.approx([5, 10]), pytest.approx([95, 190]))


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_that_is_none(level: float) -> None:
    with pytest.raises(SettingError, match=f"between 0 and 1, got {level}"):
        percentile_interval(np.zeros((5, 2)), level=level)


def test_memory_does_not_grow_with_the_images() -> None:
    peaks = []
    for images in (600, 6000):
        tracemalloc.start()
        bootstrap = BootstrapMeans(images, resamples=200, seed=0)
        for n in range(images):
            bootstrap.add(np.full(20, float(n)))
        bootstrap.means()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_wrong_numbers_and_shapes_are_refused() -> None:
    with pytest.raises(SettingError, match="at least one image, got 0"):
        BootstrapMeans(0, seed=0)
    bootstrap = BootstrapMeans(2, seed=0)
    bootstrap.add(np.zeros((2, 3)))
    with pytest.raises(SettingError, match=r"shape \(2, 3\) as the first has, got \(3, 2\)"):
        bootstrap.add(np.zeros((3, 2)))
    with pytest.raises(SettingError, match="2 images were announced and 1 added"):
        bootstrap.means()
    bootstrap.add(np.zeros((2, 3)))
    with pytest.raises(SettingError, match="2 images were announced and one more came"):
        bootstrap.add(np.zeros((2, 3)))
