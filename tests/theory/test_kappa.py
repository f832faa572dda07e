"""Eq. (46): intervals of kappa against hand-sized cases, a brute-force scan, and the inequality itself."""

from __future__ import annotations

from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.theory import kappa_intervals, recommend
from symmetry_audit.theory._kappa import error_terms
from tests.theory.situations import MEANS, candidates, held_out, photo, value

LINES = st.lists(st.tuples(st.floats(0, 10), st.sampled_from([1, 2, 3, 4, 8, 16, 32, 64])), min_size=1, max_size=12)


def test_by_hand() -> None:
    # kappa and kappa / 2 + 1 meet at 2, kappa / 2 + 1 and kappa / 4 + 5 at 16
    assert kappa_intervals([0.0, 1.0, 5.0], [1, 4, 16]) == [(0.0, 2.0), (2.0, 16.0), (16.0, inf)]
    assert kappa_intervals([5.0, 0.0, 1.0], [16, 1, 4]) == [(16.0, inf), (0.0, 2.0), (2.0, 16.0)]


def test_a_group_above_the_others_is_never_best() -> None:
    # kappa and kappa / 4 + 3 meet at 4, where kappa / 2 + 3 is still above both
    assert kappa_intervals([0.0, 3.0, 3.0], [1, 4, 16]) == [(0.0, 4.0), None, (4.0, inf)]
    # three lines through (4, 4): the middle one is best at one point alone
    assert kappa_intervals([0.0, 2.0, 3.0], [1, 4, 16]) == [(0.0, 4.0), None, (4.0, inf)]


def test_a_group_without_error_leaves_nothing_to_the_trivial_one() -> None:
    assert kappa_intervals([0.0, 0.0, 1.0], [1, 4, 16]) == [None, (0.0, 4.0), (4.0, inf)]
    assert kappa_intervals([0.0], [1]) == [(0.0, inf)]


def test_of_equal_orders_the_smaller_error_wins_and_of_equal_lines_the_first() -> None:
    assert kappa_intervals([0.0, 2.0, 1.0], [1, 4, 4]) == [(0.0, 2.0), None, (2.0, inf)]
    assert kappa_intervals([0.0, 1.0, 1.0], [1, 4, 4]) == [(0.0, 2.0), (2.0, inf), None]
    assert kappa_intervals([1.0, 1.0], [4, 4]) == [(0.0, inf), None]


@settings(deadline=None)
@given(LINES)
def test_equal_to_a_scan_of_kappa(lines: list[tuple[float, int]]) -> None:
    epsilons, orders = (list(column) for column in zip(*lines, strict=True))
    intervals = kappa_intervals(epsilons, orders)
    scan = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 500)])
    costs = scan / np.sqrt(orders)[:, None] + np.array(epsilons)[:, None]
    inside = np.array([[span is not None and span[0] <= k < span[1] for k in scan] for span in intervals])
    assert (inside.sum(axis=0) == 1).all()  # they cover kappa >= 0 without overlap
    chosen = costs[inside.argmax(axis=0), np.arange(len(scan))]
    np.testing.assert_allclose(chosen, costs.min(axis=0), rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(LINES, st.floats(1e-3, 1e3))
def test_intervals_have_the_unit_of_epsilon(lines: list[tuple[float, int]], scale: float) -> None:
    epsilons, orders = (list(column) for column in zip(*lines, strict=True))
    before, after = kappa_intervals(epsilons, orders), kappa_intervals([scale * e for e in epsilons], orders)
    for one, other in zip(before, after, strict=True):
        if one and other and one[1] - one[0] > 1e-9 * one[0]:
            assert other == pytest.approx((scale * one[0], scale * one[1]), rel=1e-6)


@pytest.mark.parametrize(
    ("epsilons", "orders", "message"),
    [
        ([], [], "needs an order for each epsilon, got 0 for 0"),
        ([1.0], [1, 2], "needs an order for each epsilon, got 2 for 1"),
        ([-1.0], [1], "needs finite epsilons of at least 0"),
        ([float("nan")], [1], "needs finite epsilons of at least 0"),
        ([inf], [1], "needs finite epsilons of at least 0"),
        ([1.0], [0], "orders of at least 1"),
    ],
)
def test_what_makes_no_line_is_refused(epsilons: list[float], orders: list[int], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        kappa_intervals(epsilons, orders)


# --- Eq. (46) on measured values


def test_the_error_terms_are_epsilon_and_the_grid() -> None:
    measured = value("tv", Group(8), 0.1, 2.0, floor=0.01)  # epsilon 0.2, grid term 0.02
    assert error_terms(measured) == pytest.approx(0.22)


def test_the_fitting_term_is_what_is_lost_on_held_out_blocks() -> None:
    adaptive = value("tv", Group(8), 0.1, 2.0, floor=None, **held_out(0.5, 0.15))
    assert error_terms(adaptive) == pytest.approx(0.3)
    assert error_terms(replace(adaptive, held_out_epsilon=0.05)) == pytest.approx(0.2)


def test_error_terms_are_in_the_unit_of_epsilon_though_relative_numbers_are_of_another_kind() -> None:
    """Means 2, 4, 6, 4 over the elements: Eq. (8) is 4, and so is max - min; 3, 4, 5, 4 on held-out blocks is less."""
    profile = value("tv", Group(4), 0.0, 4.0, epsilon=4.0, relative_epsilon=1.0, floor=0.01, **held_out(1.2, 0.5))
    assert error_terms(profile) == pytest.approx(4.0 + 0.01 * 4.0)
    # means 4, 2, 6, 4: Eq. (8) is 2, half of max - min, which grows from 4 to 1.25 * 4 on held-out blocks
    between = replace(profile, epsilon=2.0, held_out_epsilon=1.25)
    assert error_terms(between) == pytest.approx(2.0 + 1.0 + 0.01 * 4.0)


def spans(found, regularizer: str = "tv") -> dict[str, tuple]:
    """{candidate: (low, high)} of those that are best somewhere."""
    pairs = [(item.name, value) for item in found.candidates for value in item.values]
    best = [(name, v) for name, v in pairs if v.regularizer == regularizer and v.kappa_low is not None]
    return {name: (v.kappa_low, v.kappa_high) for name, v in best}


def test_refuted_groups_have_their_interval_too() -> None:
    found = recommend(candidates("p8", photo), images=100)
    eps4, eps8 = MEANS["tv"] * (0.024 + 1e-5), MEANS["tv"] * (0.048 + 1e-5)
    first, second = eps4 / (1 - 1 / sqrt(2)), (eps8 - eps4) / (1 / sqrt(2) - 1 / sqrt(4))
    assert spans(found) == {
        "p1": (0.0, pytest.approx(first)),
        "p4, strict": (pytest.approx(first), pytest.approx(second)),
        "p8, strict": (pytest.approx(second), None),
    }


def test_every_regularizer_counts_the_elements_it_sees() -> None:
    found = recommend(candidates("p8", photo), images=100)
    # the laplacian sees 2 elements of p8 and none of p4
    threshold = MEANS["laplacian"] * (0.0024 + 1e-5) / (1 - 1 / sqrt(2))
    assert spans(found, "laplacian") == {
        "p1": (0.0, pytest.approx(threshold)),
        "p8, strict": (pytest.approx(threshold), None),
    }


def test_what_was_not_tested_or_did_not_gain_has_no_interval() -> None:
    found = recommend(candidates("p8m", photo, lambda name, group: 0.9 * photo(name, group)), images=100)
    assert set(spans(found)) == {"p1", "p4, strict", "p8, adaptive"}  # p8m is p8 to these, p4 adaptive fits anything
    worse = recommend(candidates("p8", photo, lambda name, group: 1.5 * photo(name, group)), images=100)
    assert set(spans(worse)) == {"p1", "p4, strict", "p8, strict"}


def test_equal_cost_is_the_strict_unmirrored_groups() -> None:
    reversed_order = list(reversed(candidates("p8m", photo, means={"tv": 2.5, "chiral": 5.0})))
    assert set(spans(recommend(reversed_order, images=100))) == {"p1", "p4, strict", "p8, strict"}


def test_a_regularizer_without_response_takes_no_part() -> None:
    flat = candidates("p8", photo, means={"tv": 2.5, "tv2": 0.0})
    flat = [
        replace(
            item,
            values=tuple(replace(v, relative_epsilon=None) if v.regularizer == "tv2" else v for v in item.values),
        )
        for item in flat
    ]
    assert spans(recommend(flat, images=100), "tv2") == {"p1": (0.0, None)}
