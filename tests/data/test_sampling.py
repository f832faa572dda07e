"""A random sample of names: every set of names equally often, nested, and apart for other purposes."""

from __future__ import annotations

import hashlib
from itertools import combinations

import numpy as np
from scipy import stats

from symmetry_audit.data import open_source, sampled
from tests.conftest import save_photos

NAMES = [f"folder/{number:03}.png" for number in range(200)]


def test_the_names_of_the_smallest_hashes():
    digest = {name: hashlib.sha256(b"sample 7 " + name.encode()).hexdigest() for name in NAMES}
    assert sampled(NAMES, 5, 7) == set(sorted(NAMES, key=digest.__getitem__)[:5])
    assert sampled(reversed(NAMES), 5, 7) == sampled(NAMES, 5, 7) != sampled(NAMES, 5, 8)


def test_the_mean_over_seeds_is_that_of_the_population():
    """Values that grow with the name, of which the first ones would be a poor sample; the standard error is that of
    samples without replacement."""
    values = {name: float(number**2) for number, name in enumerate(NAMES)}
    population, size, seeds = np.array(list(values.values())), 20, 2000
    means = np.array([np.mean([values[name] for name in sampled(NAMES, size, seed)]) for seed in range(seeds)])
    variance = population.var(ddof=1) / size * (1 - size / len(population))
    assert abs(means.mean() - population.mean()) < 3.3 * np.sqrt(variance / seeds)
    assert means.var(ddof=1) / variance == np.clip(means.var(ddof=1) / variance, 0.87, 1.13)  # 4 deviations


def test_every_name_is_drawn_equally_often():
    size, seeds = 20, 2000
    counts = np.zeros(len(NAMES))
    place = {name: number for number, name in enumerate(NAMES)}
    for seed in range(seeds):
        counts[[place[name] for name in sampled(NAMES, size, seed)]] += 1
    share = size / len(NAMES)
    # counts of samples without replacement vary less than independent ones, by (n - 1) / n
    found = np.sum((counts - seeds * share) ** 2) / (seeds * share * (1 - share)) * (len(NAMES) - 1) / len(NAMES)
    low, high = stats.chi2(len(NAMES) - 1).ppf([1e-4, 1 - 1e-4])
    assert low < found < high


def test_every_set_is_drawn_equally_often():
    names = "abcdef"
    sets = {frozenset(each): 0 for each in combinations(names, 3)}
    for seed in range(4000):
        sets[sampled(names, 3, seed)] += 1
    assert stats.chisquare(list(sets.values())).pvalue > 1e-4


def test_a_larger_sample_holds_the_smaller_and_a_name_more_takes_one_place_at_most():
    for count in range(len(NAMES)):
        assert sampled(NAMES, count, 3) < sampled(NAMES, count + 1, 3)
    for number in range(30):
        assert len(sampled([*NAMES, f"new_{number}"], 40, 3) & sampled(NAMES, 40, 3)) >= 39


def test_samples_for_two_purposes_are_independent():
    """Two samples of 40 of 200 names share 8 on average, with a deviation of 2.3."""
    shared = [len(sampled(NAMES, 40, seed) & sampled(NAMES, 40, seed, purpose="")) for seed in range(200)]
    assert abs(np.mean(shared) - 8) < 4 * 2.3 / np.sqrt(200)


def test_a_source_keeps_the_order_of_names_and_says_that_it_is_a_sample(tmp_path, rng):
    source = open_source(str(save_photos(tmp_path / "photos", rng, count=8)))
    few = source.limited(None, 3, 5)
    assert [ref.key for ref in few.refs] == sorted(sampled((ref.key for ref in source.refs), 3, 5))
    assert few.remarks == ("the images are a random sample, 3 of 8, drawn by their names with seed 5",)
    assert source.limited(None, 8, 5) == source.limited(None, 9, 5) == source.limited(None)
