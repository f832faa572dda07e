"""Verdicts on a law: Holm against closed testing, every branch of the rule, and the number of images it needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symmetry_audit.groups import Group
from symmetry_audit.statistics import (
    BootstrapMeans,
    InvarianceDraws,
    LawEvidence,
    holm,
    images_to_show,
    inherited,
    law,
    percentile_interval,
    relative_error,
)
from tests.oracles import statistics as oracle

SMALL = LawEvidence(regularizer="tv", p_value=0.4, ci_low=0.01, ci_high=0.04, floor=0.001)
LARGE = LawEvidence(regularizer="tv2", p_value=0.001, ci_low=0.08, ci_high=0.16, floor=0.001)
WIDE = LawEvidence(regularizer="sobel", p_value=0.3, ci_low=0.02, ci_high=0.2, floor=0.001)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_holm_against_closed_testing(p_values):
    assert holm(p_values) == pytest.approx(oracle.closed_testing(p_values), rel=1e-12)


def test_holm_of_nothing():
    assert holm([]) == []


@pytest.mark.parametrize(
    ("found", "verdict", "decisive"),
    [
        ([SMALL], "shown", "tv"),
        ([LARGE], "refuted", "tv2"),
        ([WIDE], "not settled", "sobel"),
        ([SMALL, WIDE], "not settled", "sobel"),
        ([SMALL, LARGE, WIDE], "refuted", "tv2"),
        ([], "not tested", None),
        # an effect that is real but shown to be within the tolerance refutes nothing
        ([replace(SMALL, p_value=0.001)], "shown", "tv"),
        ([replace(SMALL, p_value=0.001), WIDE], "not settled", "sobel"),
        # what the pixel grid may produce is no effect of the images
        ([replace(LARGE, floor=0.04)], "not settled", "tv2"),
        ([replace(LARGE, floor=0.039)], "refuted", "tv2"),
        # five tests, the least of them 0.0021, are not at most 0.01 together
        ([replace(LARGE, p_value=0.0021), *[WIDE] * 4], "not settled", "sobel"),
        ([replace(LARGE, p_value=0.002), *[WIDE] * 4], "refuted", "tv2"),
        # no test, no interval
        ([replace(LARGE, p_value=None)], "not settled", "tv2"),
        ([SMALL, replace(LARGE, ci_low=None, ci_high=None)], "not settled", "tv2"),
    ],
)
def test_the_rule(found, verdict, decisive):
    answer, evidence = law(found, images=100)
    assert answer == verdict
    assert (evidence and evidence.regularizer) == decisive


def test_nine_images_test_nothing():
    assert law([SMALL], images=9) == ("not tested", None)
    assert law([SMALL], images=10) == ("shown", SMALL)


def test_a_tolerance_of_ones_own():
    assert law([LARGE], images=100, tolerance=0.16)[0] == "shown"
    assert law([SMALL], images=100, tolerance=0.039)[0] == "not settled"


def test_a_larger_group_claims_more():
    verdicts = {"p2": "not tested", "p4": "refuted", "p8": "shown", "p4m": "not settled", "p2m": "shown", "p6": "shown"}
    given = {Group.parse(name): verdict for name, verdict in verdicts.items()}
    assert {str(group): verdict for group, verdict in inherited(given).items()} == verdicts | {
        "p8": "refuted",
        "p4m": "refuted",
    }


# --- images to show


def profiles(images: int, rng: np.random.Generator) -> np.ndarray:
    """Profiles (N, 2, 8) of two regularizers: own contrast and own axis, in any direction."""
    theta = 2 * np.pi * np.arange(8) / 8
    axes = 2 * (theta - rng.uniform(0, np.pi, (images, 1, 1)))
    strength = rng.rayleigh(0.15, (images, 1, 1)) * np.array([[1.0], [1.3]])
    return rng.lognormal(0, 0.5, (images, 1, 1)) * (1 + strength * np.cos(axes))


def upper_limits(found: np.ndarray, seed: int) -> np.ndarray:
    bootstrap = BootstrapMeans(len(found), resamples=300, seed=seed)
    for one in found:
        bootstrap.add(one)
    return percentile_interval(relative_error(bootstrap.means()))[1]


def shifted_means(found: np.ndarray, draws: int = 999) -> np.ndarray:
    shifts = InvarianceDraws(Group(8), len(found), draws=draws, seed=0)
    for one in found:
        shifts.add(one)
    return shifts.means()


def test_that_many_images_show_it_in_four_of_five_sets(rng):
    """Datasets of the announced size, simulated as the images were, and judged by the interval itself."""
    needed = images_to_show(shifted_means(profiles(100, rng)), 100)
    assert needed is not None
    shown = [(upper_limits(profiles(needed, rng), seed) <= 0.05).all() for seed in range(60)]
    assert 0.62 <= np.mean(shown) <= 0.95
    fewer = [(upper_limits(profiles(needed // 2, rng), seed) <= 0.05).all() for seed in range(40)]
    assert np.mean(fewer) < 0.45


def test_it_scales_as_the_square_of_the_tolerance(rng):
    means = shifted_means(profiles(100, rng))
    wide, narrow = images_to_show(means, 100, tolerance=0.1), images_to_show(means, 100, tolerance=0.05)
    assert wide is not None
    assert narrow is not None
    assert narrow / wide == pytest.approx(4, rel=0.1)
    # a floor takes its part of the tolerance
    assert images_to_show(means, 100, tolerance=0.06, floors=np.array([0.01, 0.01])) == narrow


def test_it_is_a_number_of_two_digits_or_nothing(rng):
    means = shifted_means(profiles(30, rng), draws=99)
    assert images_to_show(np.ones((99, 2, 8)), 30) == 10
    assert images_to_show(means, 30, floors=np.array([0.0, 0.05])) is None
    assert images_to_show(0 * means, 30) is None
    assert images_to_show(means[:, :0], 30) is None
    for scale in (0.05, 0.01, 0.002):
        found = images_to_show(means, 30, tolerance=scale)
        assert found is not None
        assert len(str(found).rstrip("0")) <= 2


def test_a_rounding_up_is_never_down():
    """One regularizer, deviations of +-d: the range of d_b + d_b' is 4 d or 0, so the limit is 4 d."""
    for d in (0.011, 0.03, 0.07):
        signs = np.where(np.arange(1000) % 2, 1, -1)[:, None, None]
        means = 1 + d * signs * np.array([[1.0, -1.0]])
        exact = 50 * (4 * d / 0.05) ** 2
        found = images_to_show(means, 50)
        assert found is not None
        assert max(exact, 10) <= found <= max(1.1 * exact, 10)
