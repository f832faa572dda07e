"""A function in a process of its own: results, exceptions and deaths."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

import pytest

from symmetry_audit.errors import DataError
from symmetry_audit.workers import Apart, Died

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes end by signals")


def work(argument: int) -> int:
    if argument < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if argument == 0:
        raise ValueError("zero")
    print("not a result")  # goes to stderr
    return argument * argument


def setup() -> object:
    return work


def refusing() -> object:
    raise DataError("no such plan")


def dying() -> object:
    sys.exit(3)


def test_results_and_exceptions_come_back_and_a_death_is_told() -> None:
    with Apart(setup) as child:
        assert [child(3), child(4)] == [9, 16]
        with pytest.raises(ValueError, match="zero"):
            child(0)
        with pytest.raises(Died, match="signal 9"):
            child(-1)
        with pytest.raises(Died, match="signal 9"):
            child.twice(-1)
        assert child(5) == 25  # in a new process


@pytest.mark.parametrize(("make", "message"), [(refusing, "no such plan"), (dying, "ends before it begins")])
def test_a_setup_that_fails_is_no_fault_of_the_argument(make, message) -> None:
    with Apart(partial(make)) as child, pytest.raises(DataError, match=message):
        child.twice(3)
