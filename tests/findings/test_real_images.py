"""Every epsilon of real images against the oracle: 1e-3 relative, or a third of what the pixel grid alone produces.

The Laplacian of a few photographs under p8 differs by 0.02 % between elements, near the last digits of float32.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symmetry_audit import measure
from tests.oracles import symmetry as oracle

AGREEMENT = 1e-3


def check(folder: Path, group: str) -> None:
    report = measure(folder, group=group, scenario="sample_strict,dataset_strict")
    images = [oracle.luminance(path) for path in sorted(folder.glob("*.png"))]
    assert report.dataset.images == len(images)
    tables = {
        stencil["name"]: np.stack(
            [oracle.responses(image, stencil["name"], oracle.group_matrices(group)) for image in images]
        )
        for stencil in report.settings["regularizers"]
    }
    for row in report.results:
        table, floor = tables[row.regularizer], row.floor / 3
        relative_floor = floor / row.mean_response
        if row.scenario == "sample_strict":
            singles = [oracle.epsilon(one[None])[0] for one in table]
            assert row.epsilon == pytest.approx(np.mean(singles), rel=AGREEMENT)
            assert row.median == pytest.approx(np.median(singles), rel=AGREEMENT)
        else:
            assert row.epsilon == pytest.approx(oracle.epsilon(table)[0], rel=AGREEMENT, abs=floor)
            assert row.relative_epsilon == pytest.approx(
                oracle.relative_epsilon(table), rel=AGREEMENT, abs=relative_floor
            )
            assert row.normalized_epsilon == pytest.approx(
                oracle.normalized_epsilon(table), rel=AGREEMENT, abs=relative_floor
            )


@pytest.mark.data
def test_set5(shared_data: Path) -> None:
    check(shared_data / "Set5" / "HR", "p8")


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(("name", "group"), [("Set5", "p32"), ("Set14", "p8"), ("BSD100", "p8")])
def test_more_sets(shared_data: Path, name: str, group: str) -> None:
    check(shared_data / name / "HR", group)
