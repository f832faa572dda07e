"""Answers to "may I flip, may I turn?": impossible values are refused, and they survive JSON."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.results import Answer, Origin, read_value

KNOWN = {
    "transformation": "flip upside down",
    "verdict": "does not fit",
    "reason": "the light comes from above",
    "regularizer": "tv",
    "response": "rectified",
    "relative_epsilon": 0.07,
    "p_value": 0.001,
    "images_needed": 150,
}


def test_an_answer_survives_json():
    answer = Answer(**KNOWN)
    assert read_value(Answer, asdict(answer), Origin("it", "again")) == answer


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"transformation": "flip"}, "transformation is 'flip'"),
        ({"verdict": "yes"}, "verdict is 'yes'"),
        ({"relative_epsilon": -0.1}, "relative_epsilon of flip upside down is -0.1"),
        ({"ci_high": float("nan")}, "ci_high of flip upside down is nan"),
        ({"images_needed": 1.5}, "images_needed of flip upside down is 1.5"),
    ],
)
def test_impossible_values_are_refused(changed, message):
    with pytest.raises(ReportError, match=re.escape(message)):
        Answer(**KNOWN | changed)
