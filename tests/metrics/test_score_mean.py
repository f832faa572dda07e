"""The mean over images: the same however images were ordered or shared out."""

from __future__ import annotations

import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symmetry_audit.errors import DataError
from symmetry_audit.metrics import Score, ScoreMean

scores = st.builds(Score, st.floats(-20, 120), st.floats(-1, 1))


@given(st.lists(scores, min_size=1, max_size=30), st.data())
def test_any_split_and_order_gives_the_same_mean(listed, data):
    whole = ScoreMean(listed)
    shuffled = data.draw(st.permutations(listed))
    at = data.draw(st.integers(0, len(listed)))
    parts = ScoreMean(shuffled[:at]) + ScoreMean(shuffled[at:])
    assert (parts.count, parts.psnr, parts.ssim) == (whole.count, whole.psnr, whole.ssim)
    assert whole.psnr == pytest.approx(float(sum(Fraction(s.psnr) for s in listed) / len(listed)), rel=1e-15)
    assert whole.ssim == pytest.approx(statistics.fmean(s.ssim for s in listed), rel=1e-12, abs=1e-15)


def test_added_one_by_one():
    mean = ScoreMean()
    for psnr, ssim in ((30.0, 0.9), (32.0, 0.7), (37.0, 0.8)):
        mean.add(Score(psnr, ssim))
    assert (mean.count, mean.psnr) == (3, 33.0)
    assert mean.ssim == pytest.approx(0.8)


def test_parts_are_left_alone():
    first, second = ScoreMean([Score(30.0, 0.9)]), ScoreMean([Score(40.0, 1.0)])
    both = first + second
    both.add(Score(20.0, 0.5))
    assert (first.count, second.count, both.count) == (1, 1, 3)


def test_a_mean_of_images_of_which_one_is_perfect():
    mean = ScoreMean([Score(30.0, 0.9), Score(math.inf, 1.0)])
    assert mean.psnr == math.inf
    assert mean.ssim == pytest.approx(0.95)


def test_no_image_has_no_mean():
    empty = ScoreMean()
    assert empty.count == 0
    for name in ("psnr", "ssim"):
        with pytest.raises(DataError, match=r"no image was scored.*check that the source holds images"):
            getattr(empty, name)
