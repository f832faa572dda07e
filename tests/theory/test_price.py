"""The price of a group for Gaussian fields: against the oracle, limits that are known, and published figures."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group
from symmetry_audit.theory import GaussianDenoising, linear_price, price
from tests.oracles import price as oracle

OBLIQUE = 0.3  # radians
# the turned copies of a field, as positions among the elements: half turns change nothing
COPIES = {"p4": (4, False, 2), "p8": (8, False, 4), "p2m": (2, True, None)}
PUBLISHED = {  # "Price of Gaussian fields", ratio -> linear p4, p4, linear p8, p8, recognised for p4, at sigma 50
    1.1: (0.014, 0.012, 0.014, 0.013, 0.56),
    1.3: (0.080, 0.043, 0.087, 0.060, 0.74),
    1.6: (0.196, 0.042, 0.220, 0.094, 0.90),
    2.0: (0.349, 0.021, 0.410, 0.077, 0.97),
    2.5: (0.508, 0.008, 0.634, 0.046, 0.99),
}


def task(ratio: float, alpha: float = 0.0, **settings: float) -> GaussianDenoising:
    return GaussianDenoising(Affine.from_axes(alpha, ratio), **settings)


@cache
def copies(group: str, ratio: float, alpha: float, window: int) -> list[np.ndarray]:
    """The covariances of windows of the turned copies, std 40."""
    turns, mirrored, count = COPIES[group]
    found = oracle.elements(turns, mirrored)
    chosen = found[:count] if count else found[::2]  # of p2m, the identity and the mirror
    return [oracle.window_covariance(window, ratio, alpha, turn, 40.0) for turn in chosen]


@pytest.mark.parametrize(
    ("group", "ratio", "alpha", "window", "sigma"),
    [
        *(("p4", 2.0, OBLIQUE, 5, 50.0), ("p8", 2.0, OBLIQUE, 5, 50.0), ("p2m", 2.0, OBLIQUE, 5, 50.0)),
        *(("p4", 2.0, OBLIQUE, 5, 10.0), ("p8", 2.0, OBLIQUE, 5, 10.0)),
        ("p8", 2.5, 0.0, 3, 2.0),  # where the determinants of the covariances differ
    ],
)
def test_against_the_oracle(group, ratio, alpha, window, sigma):
    asked, target = task(ratio, alpha, window=window, sigma=sigma), window**2 // 2
    signals = copies(group, ratio, alpha, window)
    expected = oracle.linear_price(signals, sigma, target)
    assert linear_price(asked, group).db == pytest.approx(expected, rel=1e-4)

    simulated = oracle.simulated(signals, sigma, target, 200_000 // len(signals), 1)
    error = np.mean([oracle.risk(oracle.wiener(signal, sigma, target), signal, sigma, target) for signal in signals])
    excess, recognised = simulated["excess"], simulated["recognised"]
    expected = 10 * math.log10(1 + excess.mean() / error)
    off = 10 / math.log(10) * excess.std() / len(excess) ** 0.5 / error
    found = price(asked, group, draws=20_000)
    assert off < 0.12 * expected  # or the comparison says little
    assert abs(found.db - expected) < 4 * math.hypot(found.standard_error, off)
    assert found.recognised == pytest.approx(recognised.mean(), abs=0.006)


@pytest.mark.parametrize("ratio", PUBLISHED)
def test_published_figures(ratio):
    """Within the rounding of the table, and its standard errors of up to 0.006 dB."""
    linear4, bayes4, linear8, bayes8, recognised = PUBLISHED[ratio]
    assert linear_price(task(ratio), "p4").db == pytest.approx(linear4, abs=0.0011)
    assert linear_price(task(ratio), "p8").db == pytest.approx(linear8, abs=0.0011)
    found = price(task(ratio), "p4")
    assert found.recognised == pytest.approx(recognised, abs=0.02)
    for published, got in ((bayes4, found), (bayes8, price(task(ratio), "p8"))):
        assert abs(got.db - published) < 3 * math.hypot(got.standard_error, 0.003)


@pytest.mark.parametrize(
    ("ratio", "alpha", "group"),
    [
        (1.0, 0.0, "p4"),
        (1.0, 0.0, "p8m"),
        (2.0, 0.3, "p1"),
        (2.0, 0.3, "p2"),
        (2.0, 0.0, "p2m"),
        (2.0, math.pi / 2, "p1m"),
    ],
)
def test_a_symmetry_of_the_law_is_free(ratio, alpha, group):
    asked = task(ratio, alpha, window=9)
    assert linear_price(asked, group).db == pytest.approx(0, abs=1e-9)
    free = price(asked, group)
    assert (free.db, free.standard_error, free.recognised) == (0.0, 0.0, None)


def test_a_mirror_across_a_diagonal_is_a_quarter_turn():
    """It takes the long axis along a diagonal to the other diagonal, as a quarter turn does."""
    asked = task(2.0, math.pi / 4, window=9)
    assert linear_price(asked, "p1m").db == pytest.approx(linear_price(asked, "p4").db, rel=1e-9)
    assert price(asked, "p1m").db == pytest.approx(price(asked, "p4").db, rel=1e-9)


def test_a_turned_law_has_the_same_price():
    """The copies are the same, in another order; p8 takes them off the pixel grid and back."""
    prices = [linear_price(task(2.0, 0.2 + turn * math.pi / 4, window=9), "p8").db for turn in range(4)]
    assert prices == pytest.approx([prices[0]] * 4, rel=1e-9)
    quarter = [price(task(2.0, 0.2 + turn * math.pi / 2, window=9), "p4", draws=40_000) for turn in range(2)]
    assert abs(quarter[0].db - quarter[1].db) < 4 * math.hypot(*(found.standard_error for found in quarter))


@pytest.mark.parametrize("group", ["p4", "p8", "p4m"])
@pytest.mark.parametrize("ratio", [1.02, 1.3, 2.5])
def test_a_filter_pays_at_least_as_much(group, ratio):
    asked = task(ratio, 0.3, window=11)
    found, most = price(asked, group), linear_price(asked, group).db
    assert 0 < found.db < most + 3 * found.standard_error


def test_context_makes_the_direction_seen_and_the_group_cheap():
    found = [price(task(2.0, window=window), "p4") for window in (3, 7, 15, 23)]
    assert np.all(np.diff([one.recognised for one in found]) > 0.05)
    assert found[-1].db < 0.2 * max(one.db for one in found)


def test_with_little_noise_only_the_filter_pays():
    """A clear view shows the direction; a filter has to let through what either direction can hold."""
    clear = task(2.0, window=11, sigma=1.0)
    assert price(clear, "p4").db < 1e-4
    assert 0.5 < linear_price(clear, "p4").db < 10 * math.log10(4 * math.atan(2.0) / math.pi)


@pytest.mark.parametrize("ratio", [1.3, 2.0])
def test_a_large_window_filters_every_frequency_by_itself(ratio):
    """What a window of n px lacks falls as 1/n, so that two windows give the limit."""
    narrow, wide = (linear_price(task(ratio, window=window), "p4").db for window in (21, 41))
    limit = (41 * wide - 21 * narrow) / 20
    assert limit == pytest.approx(oracle.spectral_price(ratio, 50.0, 40.0), rel=0.01)


def test_only_the_ratio_of_signal_and_noise_counts():
    quiet, loud = (task(1.6, window=7, sigma=sigma, std=std) for sigma, std in ((5.0, 4.0), (50.0, 40.0)))
    assert linear_price(quiet, "p4").db == pytest.approx(linear_price(loud, "p4").db, rel=1e-9)
    assert price(quiet, "p4").db == pytest.approx(price(loud, "p4").db, rel=1e-9)


def test_a_steeper_spectrum_counts():
    white, pink = (linear_price(task(2.0, window=9, slope=slope), "p4").db for slope in (0.0, 1.0))
    assert white != pytest.approx(pink, rel=0.1)


def test_the_same_seed_the_same_draws_and_an_honest_error():
    asked = task(1.3, window=7)
    found = [price(asked, Group.parse("p4"), draws=400, seed=seed) for seed in range(40)]
    assert found[3] == price(asked, "p4", draws=400, seed=3)
    spread = np.std([one.db for one in found], ddof=1)
    assert 0.7 < spread / np.mean([one.standard_error for one in found]) < 1.4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 4}, "window must be odd and 3 to 41 px, got 4"),
        ({"window": 43}, "got 43"),
        ({"window": 1}, "got 1"),
        ({"std": 0.0}, "std must be a positive number of grey levels, got 0.0"),
        ({"std": math.inf}, "got inf"),
        ({"sigma": 0.039}, "sigma must be at least 0.04 grey levels, a thousandth of std, got 0.039"),
        ({"sigma": math.nan}, "got nan"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(SettingError, match=message):
        GaussianDenoising(**settings)


def test_impossible_calls_are_refused():
    with pytest.raises(SettingError, match="draws must be at least 100, got 99"):
        price(GaussianDenoising(), "p4", draws=99)
    with pytest.raises(SettingError, match='"four" is not a group'):
        linear_price(GaussianDenoising(), "four")
