"""The affine family in smooth coordinates."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group
from tests.oracles import symmetry as oracle

ALPHA, RATIO = st.floats(0, pi, exclude_max=True), st.floats(1.0, 3.0)


@given(ALPHA, RATIO)
def test_same_group_as_the_reported_form(alpha: float, ratio: float) -> None:
    """D_w = Rot(alpha) diag(s_x, s_y) and the symmetric D differ by a rotation, which commutes with the group."""
    matrices = Group(8).matrices()
    reported = oracle.affine(alpha, ratio**0.5, ratio**-0.5)
    assert np.allclose(
        Affine.from_axes(alpha, ratio).conjugate(matrices), oracle.deformed(matrices, reported), atol=1e-12
    )


@given(ALPHA, st.floats(1.01, 3.0))
def test_round_trip(alpha: float, ratio: float) -> None:
    affine = Affine.from_axes(alpha, ratio)
    assert affine.ratio == pytest.approx(ratio, rel=1e-12)
    assert abs((affine.alpha - alpha + pi / 2) % pi - pi / 2) < 1e-9
    assert 0 <= affine.alpha < pi


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_symmetric_positive_determinant_one(a: float, b: float) -> None:
    d = Affine(a, b).matrix
    assert d[0, 1] == d[1, 0]
    assert np.linalg.det(d) == pytest.approx(1, abs=1e-12)
    assert (np.linalg.eigvalsh(d) > 0).all()


def test_smooth_at_ratio_one() -> None:
    tiny = 1e-9
    slopes = [(Affine(*step).matrix - np.eye(2)) / tiny for step in ((tiny, 0), (0, tiny))]
    assert np.allclose(slopes[0], [[0.5, 0], [0, -0.5]], atol=1e-6)
    assert np.allclose(slopes[1], [[0, -0.5], [-0.5, 0]], atol=1e-6)
    assert np.array_equal(Affine(0, 0).matrix, np.eye(2))
    assert Affine(0.0, 0.0).alpha == 0.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_finite(value: float) -> None:
    with pytest.raises(SettingError, match="must be finite"):
        Affine(value, 0.0)


def test_ratio_below_one() -> None:
    with pytest.raises(SettingError, match=r"at least 1, got 0\.5"):
        Affine.from_axes(0.0, 0.5)
