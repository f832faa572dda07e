"""Images in random groups: the sums against loops, and that statistics of groups say what those of images say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import kstest

from symmetry_audit.groups import Group
from symmetry_audit.statistics import (
    UNITS,
    BootstrapMeans,
    CommonDirection,
    InvarianceDraws,
    Member,
    SmallestHashes,
    SubsetCurve,
    UnitSums,
    null_level,
    p_value,
    percentile_interval,
    subgroup_error,
)
from tests.oracles import groups as oracle
from tests.oracles import statistics as slow
from tests.statistics.test_calibration import harmonic, harmonic_epsilon, symmetric

LIMIT = 64


def hashes(images: int, seed: int = 0) -> list[str]:
    return [hashlib.sha256(f"{seed} {n}".encode()).hexdigest() for n in range(images)]


def sums_of(
    tables: np.ndarray, names: Sequence[str], clusters: Sequence[str] | None = None, limit: int | None = LIMIT
) -> UnitSums:
    sums = UnitSums(limit)
    for at, table in enumerate(tables):
        sums.add({"table": table}, Member.of(names[at], None if clusters is None else clusters[at]))
    return sums


def test_the_limit_of_a_report() -> None:
    assert UNITS == 4096


@pytest.mark.parametrize("images", [1, LIMIT - 1, LIMIT, LIMIT + 1, 300])
def test_images_against_the_oracle(images: int, rng: np.random.Generator) -> None:
    tables, names = rng.uniform(1, 9, (images, 2, 3)), hashes(images)
    sums, groups = sums_of(tables, names), oracle.groups_of_images(names, LIMIT)
    assert len(sums) == len(groups) and sums.grouped == (images > LIMIT) and sums.images == images
    for (total, count), places in zip(sums.rows("table"), groups, strict=True):
        assert count == len(places)
        assert np.array_equal(total, np.add.accumulate(tables[places])[-1])  # added in the order of the run


@pytest.mark.parametrize("clusters", [LIMIT, LIMIT + 1, 200])
def test_clusters_against_the_oracle(clusters: int, rng: np.random.Generator) -> None:
    labels = [f"series {n % clusters}" for n in rng.permutation(500).tolist()]
    tables = rng.uniform(1, 9, (500, 4))
    sums, groups = sums_of(tables, hashes(500), labels), oracle.groups_of_clusters(labels, LIMIT)
    assert len(sums) == len(groups) <= LIMIT
    for (total, count), places in zip(sums.rows("table"), groups, strict=True):
        assert count == len(places)
        np.testing.assert_allclose(total, tables[places].sum(0), rtol=1e-13)


def test_groups_do_not_depend_on_the_order_and_hold_all_copies(rng: np.random.Generator) -> None:
    names = hashes(150) * 2
    tables = rng.uniform(1, 9, (300, 3))
    order = rng.permutation(300)
    one, other = (list(sums_of(tables[at], [names[n] for n in at]).rows("table")) for at in (np.arange(300), order))
    assert [count for _, count in one] == [count for _, count in other]
    assert all(count % 2 == 0 for _, count in one)
    np.testing.assert_allclose([total for total, _ in one], [total for total, _ in other], rtol=1e-13)


def test_without_a_limit_all_stay_apart(rng: np.random.Generator) -> None:
    assert len(sums_of(rng.uniform(1, 9, (300, 3)), hashes(300), limit=None)) == 300


def test_memory_is_that_of_the_limit(rng: np.random.Generator) -> None:
    sums = sums_of(rng.uniform(1, 9, (5000, 3)), hashes(5000))
    assert len(sums._sums["table"]) == len(sums._counts) == LIMIT
    assert not sums._places and not sums._numbers


# --- statistics of groups


def bootstrap(sums: UnitSums, seed: int) -> np.ndarray:
    found = BootstrapMeans(len(sums), seed=seed)
    sums.feed("table", found)
    return found.means()


def shifted(group: Group, sums: UnitSums, seed: int, draws: int = 999) -> np.ndarray:
    found = InvarianceDraws(group, len(sums), draws=draws, seed=seed)
    sums.feed("table", found)
    return found.means()


def test_bootstrap_against_loops_over_groups(rng: np.random.Generator) -> None:
    tables, names = rng.gamma(2, 1, (400, 5)), hashes(400)
    groups = oracle.groups_of_images(names, LIMIT)
    found, naive = bootstrap(sums_of(tables, names), 1), oracle.bootstrap_means(tables, groups, 4000, rng)
    deviation = oracle.bootstrap_deviation(tables, groups)
    # five standard errors of a deviation of 1,000 resamples; the formula is of first order
    assert found.std(0) == pytest.approx(deviation, rel=5 * (2 * 1000) ** -0.5 + 0.02)
    assert found.std(0) == pytest.approx(naive.std(0), rel=5 * (1 / 2000 + 1 / 8000) ** 0.5)
    assert np.abs(found.mean(0) - naive.mean(0)).max() < 5 * deviation.max() * (1 / 1000 + 1 / 4000) ** 0.5


def test_shifts_against_loops_over_groups(rng: np.random.Generator) -> None:
    profiles, names = harmonic(300, 0.1, rng)[:, ::4], hashes(300)
    groups = oracle.groups_of_images(names, LIMIT)
    found = subgroup_error(shifted(Group(8), sums_of(profiles, names), 1))
    naive = np.array([slow.epsilon(mean) for mean in oracle.rotated_means(profiles, groups, 1000, rng)])
    assert found.mean() == pytest.approx(naive.mean(), abs=5 * naive.std() * (2 / 1000) ** 0.5)
    assert found.std() == pytest.approx(naive.std(), rel=0.15)


def test_the_null_level_of_groups_has_a_floor(rng: np.random.Generator) -> None:
    """Identical profiles: with M groups of about N / M the mean has an epsilon of about epsilon / sqrt(M)."""
    profile = 1 + 0.1 * np.cos(np.pi / 4 * np.arange(8))
    names = hashes(6400)
    groups = oracle.groups_of_images(names, LIMIT)
    level = null_level(subgroup_error(shifted(Group(8), sums_of(np.tile(profile, (6400, 1)), names), 0)))
    naive = [slow.epsilon(mean) for mean in oracle.rotated_means(np.tile(profile, (6400, 1)), groups, 500, rng)]
    assert level == pytest.approx(np.mean(naive), rel=0.15)
    assert 0.5 < level / (slow.epsilon(profile) / LIMIT**0.5) < 1.5


def test_p_values_of_groups_are_exact(rng: np.random.Generator) -> None:
    """Symmetric data of 150 images in at most 24 groups: p-values are uniform."""
    found = []
    for seed in range(600):
        profiles = symmetric(Group(8), 150, rng)
        draws = subgroup_error(shifted(Group(8), sums_of(profiles, hashes(150, seed), limit=24), seed, draws=199))
        found.append(float(p_value(subgroup_error(profiles.mean(0)), draws)))
    assert kstest(np.array(found) - rng.uniform(0, 1 / 200, len(found)), "uniform").pvalue > 0.01


def test_intervals_of_groups_cover_the_truth(rng: np.random.Generator) -> None:
    """300 datasets of 400 images in 64 groups; a binomial share of 95 % has a standard error of 1.3 %."""
    truth, covered = harmonic_epsilon(0.1), 0
    for seed in range(300):
        means = bootstrap(sums_of(harmonic(400, 0.1, rng), hashes(400, seed)), seed)
        low, high = percentile_interval(subgroup_error(means))
        covered += low <= truth <= high
    assert 0.91 <= covered / 300 <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("common", [0.0, 0.03, 0.2])
def test_groups_say_what_images_say(common: float, rng: np.random.Generator) -> None:
    """Interval and null level of 8,000 images in 4,096 groups, against each image by itself."""
    profiles, names = harmonic(8000, common, rng)[:, ::4], hashes(8000)
    ends, levels = [], []
    for limit in (None, UNITS):
        sums = sums_of(profiles, names, limit=limit)
        ends.append(percentile_interval(subgroup_error(bootstrap(sums, 1))))
        levels.append(null_level(subgroup_error(shifted(Group(8), sums, 2))))
    width = ends[0][1] - ends[0][0]
    # an end of an interval of 1,000 resamples has a standard error of a twentieth of its width, twice here
    np.testing.assert_allclose(ends[1], ends[0], atol=0.25 * width)
    epsilon = subgroup_error(profiles.mean(0))
    assert abs(levels[1] - levels[0]) < 0.05 * levels[0] + epsilon / UNITS**0.5


def test_common_direction_of_groups_is_that_of_images(rng: np.random.Generator) -> None:
    z = 0.1 * (1 + rng.normal(size=2000) + 1j * rng.normal(size=2000))
    profiles = 1 + np.real(np.conj(z)[:, None] * np.exp(2j * np.pi * np.arange(8) / 4))
    found = []
    for limit in (None, 256):
        shares = CommonDirection(Group(8), seed=1, limit=limit)
        for name, profile in zip(hashes(2000), profiles, strict=True):
            shares.add(profile, Member.of(name))
        found.append(shares.found())
    apart, grouped = found
    assert grouped.units == 256 - sum(n not in {int(name[:16], 16) % 256 for name in hashes(2000)} for n in range(256))
    assert grouped.share[0] == apart.share[0] == pytest.approx(slow.common_share(z[:1].tolist() + z[1:].tolist()))
    assert grouped.images[0] == 2000
    width = apart.high[0] - apart.low[0]
    assert grouped.low[0] == pytest.approx(apart.low[0], abs=0.25 * width)
    assert grouped.high[0] == pytest.approx(apart.high[0], abs=0.25 * width)


def test_subsets_of_groups_count_their_images(rng: np.random.Generator) -> None:
    names, tables = hashes(1000), rng.uniform(1, 9, (1000, 6))
    sums = sums_of(tables, names)
    curve = SubsetCurve(len(sums), sizes=(1, 8, len(sums)), seed=0)
    sums.feed("table", curve)
    sizes = [len(places) for places in oracle.groups_of_images(names, LIMIT)]
    one, eight, whole = curve.images()
    assert min(sizes) <= one <= max(sizes)
    assert eight == pytest.approx(8 * np.mean(sizes), rel=0.2)
    assert whole == 1000
    assert curve.epsilons()[-1] == pytest.approx(slow.epsilon(tables.mean(0)))
    single = {round(slow.epsilon(tables[places].mean(0)), 9) for places in oracle.groups_of_images(names, LIMIT)}
    assert {round(value, 9) for value in curve.epsilons()[0].tolist()} <= single


# --- the sample of smallest hashes


@pytest.mark.parametrize("images", [1, 40, 41, 55, 1000])
def test_the_smallest_hashes(images: int, rng: np.random.Generator) -> None:
    numbers = rng.permutation(np.arange(images) // 2 * 3).tolist()  # pairs of equal numbers
    kept = SmallestHashes(40)
    for at, number in enumerate(numbers):
        kept.add(number, np.array([at, 2.0 * at]))
    wanted = sorted(sorted(range(images), key=lambda at: (numbers[at], at))[:40])
    assert kept.rows()[:, 0].tolist() == wanted
    assert kept.complete == (images <= 40)
    assert kept.count == images
