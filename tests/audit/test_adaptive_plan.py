"""Which group an image is fitted with."""

from __future__ import annotations

import pytest

from symmetry_audit.audit import make_settings
from symmetry_audit.audit._adaptive_plan import adaptive_plan
from symmetry_audit.kernels import GaussianKernel


@pytest.mark.parametrize(
    ("group", "reg", "fitted"),
    [
        ("p32", "tv,sobel", "p32"),
        ("p8m", "tv,sobel", "p8"),  # rotations alone
        ("p8", "tv,sobel", "p8"),
        ("p5", "tv", "p5"),
        # two parameters can level three distinct responses or fewer
        ("p1", "tv", "p32"),
        ("p2", "tv,chiral", "p32"),
        ("p3", "tv", "p32"),
        ("p4", "tv", "p32"),
        ("p6", "tv", "p32"),
        ("p4m", "tv", "p32"),
        ("p4", "tv,chiral", "p4"),
    ],
)
def test_small_groups_are_fitted_with_p32(group: str, reg: str, fitted: str) -> None:
    plan = adaptive_plan(make_settings(reg=reg, group=group, scenario="dataset_adaptive"), GaussianKernel())
    assert str(plan.fitted.group) == fitted
    assert str(plan.measured.group) == group
    assert plan.fitted.stencils == plan.measured.stencils
