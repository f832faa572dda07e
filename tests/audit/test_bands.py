"""Alternate bands of rows: one half to fit to, the other held out."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.audit._bands import held_out_rows


def bands(held_out: np.ndarray) -> np.ndarray:
    """Lengths of the runs of equal values."""
    ends = np.flatnonzero(np.diff(held_out)) + 1
    return np.diff([0, *ends, len(held_out)])


def test_by_hand() -> None:
    assert held_out_rows(1).tolist() == [True]
    assert held_out_rows(2).tolist() == [False, True]
    assert held_out_rows(5).tolist() == [False, False, True, True, True]
    assert bands(held_out_rows(256)).tolist() == [64, 64, 64, 64]
    assert held_out_rows(256)[[0, 64, 128, 192]].tolist() == [False, True, False, True]


@pytest.mark.parametrize("rows", [*range(2, 40), 63, 64, 65, 127, 128, 191, 192, 193, 500, 769, 2000, 10_001])
def test_two_halves_of_equal_bands(rows: int) -> None:
    held_out = held_out_rows(rows)
    lengths = bands(held_out)
    assert held_out.dtype == bool and held_out.shape == (rows,)
    assert len(lengths) % 2 == 0 and lengths.min() >= 1
    assert np.ptp(lengths) <= 1
    # the larger half is the one that is measured
    assert 0 <= 2 * held_out.sum() - rows <= len(lengths) / 2
    if rows >= 128:
        assert lengths.min() >= 48 and lengths.max() <= 96
