"""What training takes from a report, and why."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.groups import Affine, geometric_median
from symmetry_audit.results import AuditReport, Build, DatasetInfo, Recommendation
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


def advice(group: str = "p8", **build) -> Recommendation:
    method = {"p1": "cnn", "p4": "gcnn"}.get(group, "fconv")
    fields = {"method": method, "relax": None, "augment": "none", "evidence": "prior", **build}
    return Recommendation(
        **{"build": Build(group=group, **fields), "sentences": ("because it fits",), "tolerance": 0.05, "kappa": None},
        **{"margin": 0.05, "unit": "grey levels", "images": 3, "candidates": ()},
    )


def report(group: str = "p8", **build) -> Report:
    data = DatasetInfo("photos", "photos/", 3, "f" * 64)
    held = advice(group, **build)
    return Report(dataset=data, settings={}, results=(), skipped=(), warnings=(), analyses={}, recommendation=held)


@pytest.mark.parametrize(
    ("group", "method"), [("p1", "cnn"), ("p2", "fconv"), ("p4", "gcnn"), ("p8", "fconv"), ("p1m", "fconv")]
)
def test_the_network_is_the_advised_one(group, method):
    start = start_from_report(report(group), "f" * 64)
    assert (start.method, start.group, start.w) == (method, group, None)
    assert start.lines[0] == f"group {group}: because it fits"
    assert start.lines[1].startswith(f"method {method}: ")
    assert start.audit == {
        **{"dataset": "photos", "fingerprint": "f" * 64, "recommended": group, "evidence": "prior"},
        **{"group": group, "method": method, "w": None, "fits": 3},
    }


def test_advice_about_the_task_goes_before_that_of_the_report():
    start = start_from_report(report("p8"), "f" * 64, advice=advice("p4", evidence="linear pilot"))
    assert (start.group, start.audit["evidence"]) == ("p4", "linear pilot")


def test_relaxation_and_augmentation_are_those_of_the_advice():
    start = start_from_report(report("p4", relax=0.1, augment="hflip"), "f" * 64)
    assert (start.method, start.relax, start.augment) == ("gcnn", 0.1, "hflip")
    # with another network than the advised one nothing says that it should be relaxed
    for asked in ({"method": "fconv"}, {"group": "p8"}, {"method": "cnn"}, {"method": "sa"}):
        start = start_from_report(report("p4", relax=0.1, augment="hflip"), "f" * 64, **asked)
        assert (start.relax, start.augment) == (None, "hflip")


def test_sa_starts_where_adapting_gains_and_there_are_steps_to_learn_it():
    held = report("p4", adapt="p8", relax=0.1)
    start = start_from_report(held, "f" * 64, steps=10_000)
    assert (start.method, start.group, start.relax) == ("sa", "p8", None)
    assert start.lines[0] == (
        "group p8: adapting it to each image gains on held-out blocks, and 10,000 steps are enough to learn it"
    )
    assert start.audit["recommended"] == "p4"
    assert start_from_report(held, "f" * 64, steps=10_000, method="tl").group == "p8"
    for short in ({"steps": 9_999}, {"steps": 10_000, "method": "gcnn"}):
        assert start_from_report(held, "f" * 64, **short).group == "p4"
    # where p8 does not fit, its subgroup is built without adapting
    small = start_from_report(held, "f" * 64, steps=10_000, fitting=lambda group: group in ("p1", "p2", "p4"))
    assert (small.method, small.group) == ("gcnn", "p4")


def test_w_is_the_middle_of_the_fits():
    start = start_from_report(report(), "f" * 64, method="sa")
    assert (start.method, start.group) == ("sa", "p8")
    median = geometric_median(Affine(*w) for w in FITS.values())
    assert (start.w.a, start.w.b) == pytest.approx((median.a, median.b))
    assert start.w.a == pytest.approx(0.3, abs=0.05)  # c.png is an outlier
    assert start.audit["w"] == [start.w.a, start.w.b]
    assert "geometric median of 3 joint fits" in start.lines[-1]


def test_only_joint_fits_of_the_first_scale_count():
    assert {name: (w.a, w.b) for name, w in joint_fits(report()).items()} == FITS


def test_group_and_method_can_be_overridden():
    start = start_from_report(report(), "f" * 64, group="p4", method="tl")
    assert (start.method, start.group) == ("tl", "p4")
    assert start.w is not None
    assert "as requested; the report advises p8" in start.lines[0]


def test_a_plain_network_takes_no_group():
    start = start_from_report(report(), "f" * 64, method="cnn")
    assert (start.method, start.group, start.w) == ("cnn", "p1", None)


def test_w_that_is_not_shared_starts_nowhere():
    start = start_from_report(report(), "f" * 64, method="sa", shared=False)
    assert (start.method, start.w) == ("sa", None)
    assert not any("w starts" in line for line in start.lines)


def test_a_group_too_large_for_the_network_becomes_a_subgroup():
    start = start_from_report(report("p32"), "f" * 64, fitting=lambda group: group in ("p1", "p2", "p4", "p8"))
    assert start.group == "p8"
    assert "the report advises p32" in start.lines[0]
    assert start.audit["recommended"] == "p32"


def test_other_data_is_refused():
    with pytest.raises(DataError, match=r"about images other than --data .* or say --allow-other-data"):
        start_from_report(report(), "0" * 64)
    assert start_from_report(report(), "0" * 64, allow_other_data=True).group == "p8"


def test_a_report_that_advises_nothing():
    bare = replace(report(), recommendation=None)
    with pytest.raises(ReportError, match="advises no group; measure with --scenario all, or give --group"):
        start_from_report(bare, "f" * 64)
    assert start_from_report(bare, "f" * 64, group="p4", method="sa").w is not None


def test_a_report_without_fits_starts_at_the_identity(monkeypatch):
    monkeypatch.setattr(Report, "table", fits_table(reason="flat"))
    start = start_from_report(report(), "f" * 64, method="sa")
    assert (start.method, start.w, dict(start.fits)) == ("sa", None, {})
