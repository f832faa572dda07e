"""The three scenarios as values."""

from __future__ import annotations

import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.results import DATASET_ADAPTIVE, DATASET_STRICT, SAMPLE_STRICT, SCENARIOS, Scenario


def test_names_in_the_order_of_table_1():
    assert SCENARIOS == ("sample_strict", "dataset_strict", "dataset_adaptive")
    assert [Scenario.named(name) for name in SCENARIOS] == [SAMPLE_STRICT, DATASET_STRICT, DATASET_ADAPTIVE]


def test_titles_are_the_rows_of_table_1():
    assert [Scenario.named(name).title for name in SCENARIOS] == [
        "Single sample, strict rotations",
        "Dataset, strict rotations",
        "Dataset, adaptive transformations",
    ]


def test_what_each_is_made_from():
    facts = [(one.profile, one.single, one.adaptive) for one in (SAMPLE_STRICT, DATASET_STRICT, DATASET_ADAPTIVE)]
    assert facts == [("strict", True, False), ("strict", False, False), ("adaptive", False, True)]


def test_another_name_is_refused():
    with pytest.raises(SettingError, match=r'unknown scenario "dataset_adaptiv"\. Did you mean "dataset_adaptive"\?'):
        Scenario.named("dataset_adaptiv")
