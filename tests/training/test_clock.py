"""The clock of a run against a clock that the test sets."""

from __future__ import annotations

import pytest

from symmetry_audit.training import _clock
from symmetry_audit.training._clock import Clock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is: the last entry."""
    times = [100.0]
    monkeypatch.setattr(_clock.time, "monotonic", lambda: times[-1])
    return times


def test_seconds_include_earlier_parts(now):
    clock = Clock(10, None, before=50.0)
    now.append(103.0)
    assert clock.seconds() == 53.0
    assert clock.elapsed == pytest.approx(50 / 60)


def test_what_is_left_goes_at_the_pace_of_this_part(now):
    clock = Clock(10, None, step=4, before=1000.0)
    now.append(106.0)
    assert clock.left(6) == pytest.approx(4 * 3.0)
    assert clock.left(10) == 0


def test_a_time_limit_ends_it_earlier(now):
    clock = Clock(100, 1.0)
    now.append(110.0)
    clock.elapsed = 10 / 60
    assert clock.left(5) == pytest.approx(50.0)
    assert not clock.over()


def test_nothing_is_left_of_time_that_is_over(now):
    """The last step ends a little after the limit; what is left is not below zero."""
    clock = Clock(100, 1.0)
    now.append(163.0)
    clock.elapsed = 63 / 60
    assert clock.over() and clock.left(5) == 0


def test_before_the_first_step_nothing_is_divided_by_zero(now):
    assert Clock(100, None).left(0) == 0
