"""Errors of invariance of classifiers whose logits follow the image in a known way."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from symmetry_audit.alignment import measure_invariance
from symmetry_audit.data import ImageRef
from symmetry_audit.errors import DataError, ReportError, SettingError
from symmetry_audit.groups import Group
from symmetry_audit.reports import invariance_csv, invariance_tex, invariance_text
from symmetry_audit.results import Invariance
from symmetry_audit.tasks import Item, Pair, make_task

TASK = make_task("classify", classes=["left", "right"])


class Side(nn.Module):
    """Logits (b, -b) + 7, b being how much brighter the left half is than the right one."""

    def forward(self, x: Tensor) -> Tensor:
        ramp = torch.linspace(1, -1, x.shape[3])
        b = (x.mean(1) * ramp).mean((1, 2))
        return torch.stack([b, -b], 1) + 7


class Middle(nn.Module):
    """Logits from the mean and the mean square: invariant under all that only moves pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x.mean((1, 2, 3)), x.square().mean((1, 2, 3)).sqrt()], 1)


def items(pictures: list[np.ndarray]) -> list[Item]:
    mark = {"sha256": "0" * 64, "phash": None}
    pairs = [Pair(f"{at}.png", ImageRef(f"{at}.png", Path(f"{at}.png"))) for at in range(len(pictures))]
    return [Item(pair, pair.key, one, np.array(0), False, mark) for pair, one in zip(pairs, pictures, strict=True)]


def ramp(side: int = 16, slope: float = 10.0) -> np.ndarray:
    """Darker to the right, constant along columns."""
    row = 128 - slope * np.linspace(-1, 1, side)
    return np.tile(row[None, :, None], (side, 1, 3)).astype(np.float32)


def test_a_ramp_by_hand() -> None:
    """A half turn changes the sign of the logits, a quarter turn makes both equal; a mirror is one or the other."""
    found = measure_invariance(Side(), items([ramp(), ramp(slope=-30)]), "p4m", TASK)
    # of x after the move there is 1, -1, or 0 where it became y
    expected = [abs(matrix[0, 0] - 1) for matrix in Group.parse("p4m").matrices()]
    assert [one.relative for one in found.elements] == pytest.approx(expected, abs=1e-5)
    assert found.settings["faded"] is False
    assert all(one.relative_floor == 0 for one in found.elements)
    assert [one.changed for one in found.elements if one.relative > 1.5] == [2, 2]
    assert found.elements[0].changed == 0
    assert found.excess == pytest.approx(2.0, abs=1e-5)
    wilson = stats.binomtest(2, 2).proportion_ci(method="wilson")
    at = expected.index(2.0)
    assert found.elements[at].interval == pytest.approx((wilson.low, wilson.high), abs=1e-12)


def test_invariant_logits_are_called_so() -> None:
    pictures = [np.random.default_rng(at).uniform(0, 255, (12, 12, 3)).astype(np.float32) for at in range(3)]
    found = measure_invariance(Middle(), items(pictures), "p4", TASK)
    assert max(one.relative for one in found.elements) < 1e-5
    assert [one.changed for one in found.elements] == [0] * 4
    assert found.verdict == ("The logits are invariant under p4, up to rounding.",)


def test_other_angles_are_measured_on_the_disc_beside_what_resampling_does() -> None:
    y, x = np.mgrid[:48, :48] - 23.5
    smooth = 128 + 60 * np.sin(x / 5)[..., None] * np.cos(y / 6)[..., None] * np.ones(3)
    found = measure_invariance(Middle(), items([smooth.astype(np.float32)]), "p8", TASK)
    eighth = found.elements[1]
    assert found.settings["faded"] is True
    assert 0 < eighth.relative < 2e-3 and 0 < eighth.relative_floor < 2e-3
    assert found.elements[2].relative < 1e-5 and found.elements[2].relative_floor == 0
    side = measure_invariance(Side(), items([ramp(48)]), "p8", TASK)
    # faded to a disc, a ramp still turns like a vector: cos 45 degrees of it is left
    assert side.elements[1].relative == pytest.approx(1 - np.sqrt(0.5), abs=0.03)


def test_only_the_central_square_is_seen() -> None:
    wide = np.concatenate([ramp(16), np.full((16, 40, 3), 250, np.float32)], 1)
    small = measure_invariance(Side(), items([wide[:, 20:36]]), "p4", TASK).images[0]
    whole = measure_invariance(Side(), items([wide]), "p4", TASK).images[0]
    assert (whole.side, whole.contrast) == (16, pytest.approx(small.contrast))
    assert measure_invariance(Side(), items([wide]), "p4", TASK, crop=8).images[0].side == 8


def test_the_document_and_the_tables(tmp_path: Path) -> None:
    found = measure_invariance(Side(), items([ramp(), ramp(slope=-30)]), "p4", TASK)
    (tmp_path / "found.json").write_text(found.to_json())
    assert Invariance.load(tmp_path / "found.json") == found
    document = json.loads(found.to_json())
    assert [row["element"] for row in document["elements"]] == list(found.names)
    with pytest.raises(ReportError, match="is damaged"):
        Invariance.from_dict({**document, "names": document["names"][:-1]})
    text = invariance_text(found)
    assert "changes the label of 100.0 % of the images" in text and "by 200.0 % of their spread" in text
    assert r"\begin{table}" in invariance_tex(found)
    rows = list(csv.DictReader(io.StringIO(invariance_csv(found))))
    assert len(rows) == 2 * 4 and rows[2]["predicted"] != rows[0]["predicted"]


def test_constant_logits_have_no_relative_error() -> None:
    found = measure_invariance(Side(), items([np.full((8, 8, 3), 9, np.float32)]), "p2", TASK)
    assert found.elements[1].relative is None
    assert found.verdict[0].startswith("The logits are the same for all classes")


def test_what_is_refused() -> None:
    with pytest.raises(SettingError, match="p1 contains only the identity"):
        measure_invariance(Side(), items([ramp()]), "p1", TASK)
    with pytest.raises(SettingError, match="crop must be 1 px or more, got 0"):
        measure_invariance(Side(), items([ramp()]), "p4", TASK, crop=0)
    with pytest.raises(DataError, match="there is no image to measure"):
        measure_invariance(Side(), [], "p4", TASK)
