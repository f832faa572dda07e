"""Words for differences and for what a network restored, case by case."""

from __future__ import annotations

import pytest

from symmetry_audit.comparison import difference_verdicts, overall_difference, overall_restoration, restoration_verdict


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([(0.002, 0.03, 0.09)], ["differs"]),
        ([(0.002, 0.01, 0.02)], ["does not differ"]),  # of no matter, however sure
        ([(0.5, -0.02, 0.02)], ["does not differ"]),
        ([(0.06, -0.001, 0.09)], ["not settled"]),
        ([(0.03, 0.001, 0.09), (0.5, -0.1, 0.1)], ["not settled", "not settled"]),
        ([(0.02, 0.001, 0.09), (0.04, 0.001, 0.1)], ["differs", "differs"]),
        ([], []),
    ],
)
def test_differences(evidence: list[tuple[float, float, float]], expected: list[str]) -> None:
    assert difference_verdicts(evidence, 0.02) == expected


@pytest.mark.parametrize(
    ("change", "difference", "undone", "expected"),
    [
        ("does not differ", (0.1, 0.2), (0.1, 0.2), "nothing to restore"),
        ("not settled", (0.0, 0.0), (1.0, 1.0), "not settled"),
        ("differs", (-0.02, 0.02), (0.2, 3.0), "restored"),
        ("differs", (-0.03, -0.01), (0.2, 0.8), "partly restored"),
        ("differs", (-0.03, 0.01), (0.2, 1.1), "partly restored"),
        ("differs", (0.01, 0.03), (1.1, 1.8), "overshot"),
        ("differs", (-0.09, 0.0), (-0.2, 0.8), "not settled"),
        ("differs", (-0.09, -0.04), (-0.5, 0.0), "not restored"),
    ],
)
def test_restorations(change: str, difference: tuple[float, float], undone: tuple[float, float], expected: str) -> None:
    assert restoration_verdict(change, difference, undone, 0.02) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["differs", "not settled"], "differs"),
        (["does not differ"] * 2, "does not differ"),
        (["does not differ", "not settled"], "not settled"),
        ([], "not settled"),
    ],
)
def test_all_regularizers_together(verdicts: list[str], expected: str) -> None:
    assert overall_difference(verdicts) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["restored", "nothing to restore"], "restored"),
        (["restored", "not settled"], "partly restored"),
        (["partly restored", "not restored"], "partly restored"),
        (["not restored", "overshot"], "not restored"),
        (["not restored", "not settled"], "not settled"),
        (["nothing to restore"], "nothing to restore"),
        ([], "not settled"),
    ],
)
def test_all_restorations_together(verdicts: list[str], expected: str) -> None:
    assert overall_restoration(verdicts) == expected
