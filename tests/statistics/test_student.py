"""Student's interval against tables, SciPy's distribution, and how often it covers the mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from symmetry_audit.errors import SettingError
from symmetry_audit.statistics import student_interval


def test_two_and_three_values_by_hand():
    # 97.5 % quantiles of printed tables: 12.706 with one degree of freedom, 4.303 with two
    assert student_interval([0.0, 2.0]) == pytest.approx((1 - 12.706, 1 + 12.706), abs=5e-4)
    assert student_interval([1.0, 2.0, 3.0]) == pytest.approx((2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=5e-4)
    assert student_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_other_numbers_as_scipy_has_them(level, rng):
    values = rng.normal(3, 2, 17)
    expected = stats.t.interval(level, 16, loc=values.mean(), scale=stats.sem(values))
    assert student_interval(values, level) == pytest.approx(expected, rel=1e-12)


def test_it_covers_the_mean_as_often_as_it_says(rng):
    found = [student_interval(values) for values in rng.normal(1.0, 3.0, (4000, 4))]
    share = np.mean([low < 1.0 < high for low, high in found])
    assert share == pytest.approx(0.95, abs=3.5 * (0.95 * 0.05 / 4000) ** 0.5)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.inf], [1.0, np.nan], [[1.0, 2.0], [3.0, 4.0]]])
def test_refusals(values):
    with pytest.raises(SettingError, match="an interval needs two finite numbers or more, got"):
        student_interval(values)
    for level in (0.0, 1.0):
        with pytest.raises(SettingError, match="confidence level must be between 0 and 1"):
            student_interval([1.0, 2.0], level)
