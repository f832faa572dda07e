"""What training takes from a report, and why."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.groups import Affine, geometric_median
from symmetry_audit.results import AuditReport, DatasetInfo, Recommendation
from symmetry_audit.training import joint_fits, start_from_report

FITS = {"a.png": (0.30, 0.10), "b.png": (0.28, 0.12), "c.png": (-0.5, 0.4)}


def fits_table(**changes) -> pd.DataFrame:
    rows = []
    for name, (a, b) in FITS.items():
        row = {"image": name, "sigma": 1.5, "downscale": 1, "a": a, "b": b, "reason": None}
        rows += [{**row, "regularizer": "joint"}, {**row, "regularizer": "tv", "a": 0.9}]
        rows += [{**row, "regularizer": "joint", "sigma": 3.0, "a": 0.7}]
    rows.append({**rows[0], "image": "flat.png", "a": None, "b": None, "reason": "flat"})
    return pd.DataFrame(rows).assign(**changes)


class Report(AuditReport):
    """A report whose fits do not lie in a folder."""

    table = fits_table()

    @property
    def affine(self) -> pd.DataFrame:
        return self.table


def report(group: str = "p8", scenario: str = "dataset_adaptive") -> Report:
    held = Recommendation(
        **{"group": group, "scenario": scenario, "sentence": "because it fits", "tolerance": 0.05, "kappa": None},
        **{"unit": "grey levels", "images": 3, "candidates": ()},
    )
    data = DatasetInfo("photos", "photos/", 3, "f" * 64)
    return Report(dataset=data, settings={}, results=(), skipped=(), warnings=(), analyses={}, recommendation=held)


def test_adaptive_recommendation_starts_sa():
    start = start_from_report(report(), "f" * 64)
    assert (start.method, start.group) == ("sa", "p8")
    median = geometric_median(Affine(*w) for w in FITS.values())
    assert (start.w.a, start.w.b) == pytest.approx((median.a, median.b))
    assert start.w.a == pytest.approx(0.3, abs=0.05)  # c.png is an outlier
    assert start.audit["fingerprint"] == "f" * 64
    assert start.audit["w"] == [start.w.a, start.w.b]
    assert "because it fits" in start.lines[0]
    assert "geometric median of 3 joint fits" in start.lines[-1]


def test_only_joint_fits_of_the_first_scale_count():
    assert {name: (w.a, w.b) for name, w in joint_fits(report()).items()} == FITS


def test_strict_recommendation_starts_fconv():
    start = start_from_report(report(scenario="dataset_strict"), "f" * 64)
    assert (start.method, start.group, start.w) == ("fconv", "p8", None)


@pytest.mark.parametrize(("group", "method"), [("p1", "cnn"), ("p2", "fconv")])
def test_groups_that_no_deformation_changes(group, method):
    assert start_from_report(report(group), "f" * 64).method == method


def test_group_and_method_can_be_overridden():
    start = start_from_report(report(), "f" * 64, group="p4", method="tl")
    assert (start.method, start.group) == ("tl", "p4")
    assert start.w is not None
    assert "as requested; the report recommends p8" in start.lines[0]


def test_a_plain_network_takes_no_group():
    start = start_from_report(report(), "f" * 64, method="cnn")
    assert (start.method, start.group, start.w) == ("cnn", "p1", None)


def test_w_that_is_not_shared_starts_nowhere():
    start = start_from_report(report(), "f" * 64, shared=False)
    assert (start.method, start.w) == ("sa", None)
    assert not any("w starts" in line for line in start.lines)


def test_a_group_too_large_for_the_network_becomes_a_subgroup():
    start = start_from_report(report("p32"), "f" * 64, fitting=lambda group: group in ("p1", "p2", "p4", "p8"))
    assert start.group == "p8"
    assert "recommends p32" in start.lines[0]
    assert start.audit["recommended"] == "p32"


def test_other_data_is_refused():
    with pytest.raises(DataError, match=r"about images other than --data .* or say --allow-other-data"):
        start_from_report(report(), "0" * 64)
    assert start_from_report(report(), "0" * 64, allow_other_data=True).group == "p8"


def test_a_report_that_recommends_nothing():
    bare = replace(report(), recommendation=None)
    with pytest.raises(ReportError, match="recommends no group; measure with --scenario all, or give --group"):
        start_from_report(bare, "f" * 64)
    assert start_from_report(bare, "f" * 64, group="p4", method="sa").w is not None


def test_a_report_without_fits_starts_at_the_identity(monkeypatch):
    monkeypatch.setattr(Report, "table", fits_table(reason="flat"))
    start = start_from_report(report(), "f" * 64)
    assert (start.method, start.w, dict(start.fits)) == ("sa", None, {})
