"""Wilson's interval against another library, published figures and its defining equation."""

from __future__ import annotations

import pytest
from scipy import stats

from symmetry_audit.errors import SettingError
from symmetry_audit.statistics import proportion_interval


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 20), (7, 20), (20, 20), (523, 653)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_it_is_that_of_scipy(successes: int, trials: int, level: float) -> None:
    theirs = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert proportion_interval(successes, trials, level) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_published_figures() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), Table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    table = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for (successes, trials), interval in table.items():
        assert proportion_interval(successes, trials) == pytest.approx(interval, abs=5e-5)


def test_its_ends_are_the_shares_that_a_score_test_just_accepts() -> None:
    """|p - q| = z sqrt(q (1 - q) / n) at both ends q."""
    z = stats.norm.ppf(0.975)
    for end in proportion_interval(31, 40):
        assert abs(31 / 40 - end) == pytest.approx(z * (end * (1 - end) / 40) ** 0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2), "0 <= successes <= trials and a trial, got 3 of 2"),
        ((0, 0), "got 0 of 0"),
        ((-1, 2), "got -1 of 2"),
        ((1, 2, 1.0), "confidence level must be between 0 and 1, got 1.0"),
    ],
)
def test_what_is_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        proportion_interval(*arguments)
