"""The data beside the network: epsilon by group, rank correlations, and verdicts that never rest on a floor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import kendalltau, rankdata

from symmetry_audit.alignment import compare_with_data, with_verdict
from symmetry_audit.errors import ReportError
from symmetry_audit.results import (
    Alignment,
    Build,
    Recommendation,
    RestorationScores,
    SquareScore,
    Symmetrization,
    SymmetrizedScore,
)
from tests.alignment.findings import alignment, audit

P4 = (10.0, 9.0, 10.0, 9.0)  # 1 / 9.5 under quarter turns, half turns not seen
P8 = (10.0, 9.5, 9.0, 9.5, 10.0, 9.5, 9.0, 9.5)


def compared(found, *report, **options):
    return compare_with_data(found, *report, **options)


def relations(found):
    return {row.group: row.relation for row in found.symmetry.groups}


def recommended(group):
    return Recommendation(
        build=Build(group=group, method="gcnn", relax=None, augment="none", evidence="prior"),
        sentences=(),
        tolerance=0.05,
        margin=0.05,
        kappa=None,
        unit="grey levels",
        images=9,
        candidates=(),
    )


def test_epsilon_and_error_of_every_common_group():
    found = compared(alignment("p8", [0, 0.3, 0.1, 0.3, 0.02, 0.3, 0.12, 0.3]), *audit("p16", sixteenths()))
    by_group = {row.group: row for row in found.symmetry.groups}
    assert list(by_group) == ["p2", "p4", "p8"] and found.symmetry.group == "p8"
    assert by_group["p2"].relation == "not tested" and by_group["p2"].data is None
    assert by_group["p2"].model == pytest.approx(0.02)
    assert by_group["p4"].model == pytest.approx(0.12) and by_group["p4"].data == pytest.approx(0.2 / 0.9)
    assert by_group["p4"].regularizer == "sobel"  # tv has 1 / 9.5 there
    assert by_group["p8"].model == pytest.approx(0.3) and by_group["p8"].data == pytest.approx(0.5 / 1.1)
    assert found.symmetry.relative_to == "mean"
    half = (0, 0.5 / 9.5, 1 / 9.5, 0.5 / 9.5)
    assert found.symmetry.curves[0].deviation == pytest.approx((*half, *half))


def sixteenths():
    """tv and sobel over p16, whose odd elements are in no smaller group."""
    tv = [10.0, 1.0, 9.5, 1.0, 9.0, 1.0, 9.5, 1.0] * 2
    sobel = [1.0, 5.0, 1.3, 5.0, 0.8, 5.0, 1.3, 5.0] * 2
    return {"tv": tv, "sobel": sobel}


def test_elements_that_no_regularizer_sees_are_no_evidence():
    """The network is far off at half turns, of which the report knows nothing."""
    found = compared(alignment("p4", [0, 0.1, 0.9, 0.1]), *audit("p4", {"tv": P4}))
    assert found.symmetry.groups[0].model == pytest.approx(0.9)  # of p2, which is not tested
    assert found.symmetry.groups[1].model == pytest.approx(0.1) and relations(found)["p4"] == "as"
    one_of_two = audit("p4", {"tv": P4, "blind": [1.0] * 4})
    assert compared(alignment("p4", [0, 0.1, 0.9, 0.1]), *one_of_two).symmetry.groups[1].model == pytest.approx(0.1)


def test_a_smaller_group_was_measured_than_audited_and_the_other_way_round():
    assert compared(alignment("p4", [0, 0.1, 0, 0.1]), *audit("p8", {"tv": P8})).symmetry.indices == (0, 1, 2, 3)
    assert compared(alignment("p8", [0] + [0.1] * 7), *audit("p4", {"tv": P4})).symmetry.indices == (0, 2, 4, 6)
    mirrored = compared(alignment("p4m", [0] + [0.1] * 7), *audit("p4", {"tv": P4}))
    assert mirrored.symmetry.indices == (0, 1, 2, 3)


def test_rank_correlations():
    relative = [0.0, 0.20, 0.30, 0.25, 0.0, 0.1, 0.12, 0.11]
    found = compared(alignment("p8", relative), *audit("p8", {"tv": P8, "flat": [1.0] * 8, "few": [1, 1, 2, 1] * 2}))
    tv, flat, few = found.symmetry.curves
    seen = [1, 2, 3, 5, 6, 7]
    ranks = rankdata([relative[at] for at in seen]), rankdata([abs(P8[at] - 10) for at in seen])
    centred = [row - row.mean() for row in ranks]
    by_hand = (centred[0] @ centred[1]) / ((centred[0] @ centred[0]) * (centred[1] @ centred[1])) ** 0.5
    assert tv.correlation == pytest.approx(by_hand)
    assert (tv.correlation > 0) == (kendalltau(*ranks).statistic > 0)
    assert flat.correlation is None and few.correlation is None  # nothing seen; two elements alone


@pytest.mark.parametrize(
    ("relative", "floor", "data", "null", "relation"),
    [
        (0.30, 0.0, 0.10, 0.0, "less"),
        (0.30, 0.15, 0.10, 0.0, "cannot tell"),  # 0.30 - 1.25 * 0.15 is no more than twice 0.10
        (0.30, 0.29, 0.01, 0.0, "cannot tell"),  # below the floor
        (0.15, 0.0, 0.10, 0.0, "as"),
        (0.15, 0.07, 0.10, 0.0, "as"),  # 0.0625 to 0.15, all of it within a factor of 2
        (0.04, 0.0, 0.10, 0.0, "more"),
        (0.04, 0.0, 0.10, 0.5, "cannot tell"),  # epsilon above its null level is 0.05
        (0.0, 0.0, 0.10, 0.0, "more"),
        (0.0, 0.0, 0.10, 1.0, "cannot tell"),
        (0.04, 0.03, 0.10, 0.0, "more"),  # even if all of it were its own
    ],
)
def test_verdicts_never_rest_on_a_floor(relative, floor, data, null, relation):
    errors, floors = [0, relative, 0, relative], [0, floor, 0, floor]
    found = compared(alignment("p4", errors, floors), *audit("p4", {"tv": [10, 10 - 10 * data] * 2}, null=null))
    assert relations(found) == {"p2": "not tested", "p4": relation}
    words = {
        "as": "the network is as symmetric as the data, within a factor of 2",
        "cannot tell": "it cannot be told whether the network or the data are more symmetric",
    }
    line = words.get(relation, f"the network is {relation} symmetric than the data")
    assert sum(line in said for said in found.verdict) == 1
    assert ("is open. What would tell" in found.verdict[-1]) == (relation == "cannot tell")


@pytest.mark.parametrize(
    ("error", "low", "high", "relation"),
    [
        (0.3, 0.09, 0.11, "less"),
        (0.3, 0.09, 0.16, "cannot tell"),
        (0.19, 0.11, 0.2, "as"),
        (0.19, 0.09, 0.2, "cannot tell"),
        (0.04, 0.09, 0.2, "more"),
    ],
)
def test_the_interval_of_the_data_counts(error, low, high, relation):
    """0.3 is more than twice 0.11; 0.19 is within a factor of 2 of all from 1 / 9.5 to 0.2, not of 0.09."""
    report, profiles = audit("p4", {"tv": [10, 9, 10, 9]})
    row = replace(report.results[0], relative_ci_low=low, relative_ci_high=high)
    found = compared(alignment("p4", [0, error] * 2), replace(report, results=(row,)), profiles)
    assert relations(found)["p4"] == relation
    expected = min(low, 1 / 9.5), max(high, 1 / 9.5)
    row = found.symmetry.groups[-1]
    assert (row.data_low, row.data_high) == pytest.approx(expected)


def test_factors_are_those_above_the_floor():
    less = compared(alignment("p4", [0, 0.35, 0, 0.3], [0, 0.04, 0, 0.04]), *audit("p4", {"tv": P4}))
    assert less.symmetry.groups[-1].factor == pytest.approx((0.35 - 1.25 * 0.04) * 9.5)
    assert "above its floor, the network's error is 2.9 times as large" in " ".join(less.verdict)
    more = compared(alignment("p4", [0, 0.02, 0, 0.01]), *audit("p4", {"tv": P4}, floor=0.1, null=0.1))
    assert more.symmetry.groups[-1].factor == pytest.approx(0.8 / 9.5 / 0.02)
    assert "above its floor, the data's epsilon is 4.2 times as large" in " ".join(more.verdict)
    exact = compared(alignment("p4", [0, 0, 0, 0]), *audit("p4", {"tv": P4}))
    assert exact.symmetry.groups[-1].factor is None and "more than 1000 times as large" in " ".join(exact.verdict)


def test_a_floor_hides_an_element_and_not_the_others():
    """45 degrees cannot be told; quarter turns are exact, and the smaller group says so."""
    found = compared(alignment("p8", [0, 0.2] * 4, [0, 0.2] * 4), *audit("p8", {"tv": P8}))
    assert relations(found) == {"p2": "not tested", "p4": "more", "p8": "cannot tell"}
    assert any(line.startswith("Under its subgroup p4 the network is more symmetric") for line in found.verdict)
    assert found.answer == "cannot tell"
    assert found.verdict[0] == (
        "Cannot tell: under strict rotations the output differs by 10 grey levels RMS at worst (p8, A1, 45 degrees), "
        "20 % of its contrast, hardly more than the pixel grid alone causes (20 %); quarter turns and mirrors alone, "
        "which need no resampling: yes."
    )


def test_what_to_do():
    def last(relative, model_group=None, group=None):
        report = audit("p4", {"tv": P4}, recommendation=None if group is None else recommended(group))
        return compared(alignment("p4", [0, relative] * 2, model_group=model_group), *report).verdict[-1]

    assert last(0.1) == "Network and data have this symmetry alike: no reason to build in more of it, or less."
    assert "train one over p4, which the report advises (symaudit train --from-report)" in last(0.5, "p1", "p4")
    assert "already has layers over p8: find out with --layers '*'" in last(0.5, "p8", "p4")
    assert "train it with EQ-Reg (symaudit train --eq-reg)" in last(0.5, "p1", "p1")
    assert "train it with EQ-Reg" in last(0.5)
    assert "is fine: the report advises p4" in last(0.0, "p4", "p8")
    assert "try p2, which the report advises, SA-Conv, or EQ-Reg" in last(0.0, "p4", "p2")
    assert "try a plain network, SA-Conv" in last(0.0, "p4", "p1")
    assert "try a smaller group, SA-Conv" in last(0.0)
    adaptive = alignment("p4", [0, 0.0] * 2, model_group="p4")
    adaptive = replace(adaptive, model=replace(adaptive.model, method="SA-Conv"))
    assert "try a smaller group, or EQ-Reg" in compared(adaptive, *audit("p4", {"tv": P4})).verdict[-1]


def test_without_a_report():
    found = with_verdict(alignment("p8", [0, 0.2, 0.01, 0.2, 0, 0.2, 0.03, 0.2], [0, 0.05] * 4))
    assert found.verdict == (
        "No: under strict rotations the output differs by 10 grey levels RMS at worst (p8, A1, 45 degrees), 20 % of "
        "its contrast; the pixel grid alone causes 5 %.",
    )
    constant = with_verdict(alignment("p2", [0, 0.0], contrast=0.0))
    assert constant.verdict == (
        "Cannot tell: under strict rotations the output is constant, so there is no relative error.",
    )
    tiny = with_verdict(alignment("p2", [0, 1e-9]))
    assert tiny.verdict == (
        "Yes: under strict rotations the output differs by less than 0.0001 grey levels RMS at worst (p2, A1, 180 "
        "degrees), less than 0.0001 % of its contrast, which is rounding.",
    )
    assert (found.answer, constant.answer, tiny.answer) == ("no", "cannot tell", "yes")


def test_what_is_clear_comes_before_what_the_pixel_grid_blurs():
    """45 degrees have the larger error, quarter turns more of it above their floor."""
    found = with_verdict(alignment("p8", [0, 0.2, 0.1, 0.2, 0, 0.2, 0.1, 0.2], [0, 0.15] * 4))
    assert "5 grey levels RMS (p8, A2, 90 degrees), 10 % of its contrast" in found.verdict[0]
    assert found.verdict[0].endswith("; A1, 45 degrees: 20 %, of which the pixel grid alone causes up to 15 %.")


def test_the_error_of_the_restoration_is_the_yardstick():
    """sqrt(4 + 12) / 2 grey levels: mean squares of 4 and 12 make 8, whose root is 2.83."""
    found = alignment("p2", [0, 0.02])
    first, second = found.scenarios[0].images
    images = replace(first, restoration_error=4.0), replace(second, restoration_error=12.0)
    found = replace(found, scenarios=(replace(found.scenarios[0], images=images),))
    assert (
        "1 grey levels RMS at worst (p2, A1, 180 degrees), 2 % of its contrast, and 35.4 % of its error to the "
        in (with_verdict(found).verdict[0])
    )


def scores(psnr, input_psnr, average):
    pair = SymmetrizedScore(image="a", psnr=psnr, average_psnr=average, deviation=1.0)
    found = Symmetrization(group="p4", verdict="undecided", sentence="Undecided.", interval=None, images=(pair,))
    image = SquareScore(image="a", psnr=psnr, input_psnr=input_psnr)
    return RestorationScores(protocol="rgb", protocol_text="all", images=(image,), symmetrization=found)


def test_what_the_average_gains_and_a_network_that_does_not_restore():
    good = with_verdict(replace(alignment("p4", [0, 0.1] * 2), restoration=scores(28.0, 20.0, 28.5)))
    assert good.verdict[1:] == ("Averaged over p4 it has 28.50 dB instead of 28.00 dB. Undecided.",)
    bad = with_verdict(replace(alignment("p4", [0, 0.1] * 2), restoration=scores(18.0, 20.0, 18.5)))
    assert bad.verdict[1].startswith("The network does not restore these images: 18.00 dB after it, 20.00 dB before.")


def test_two_scenarios_and_images_of_another_set():
    both = ("dataset_strict", "dataset_adaptive")
    report = audit("p4", {"tv": P4}, scenarios=both, recommendation=recommended("p4"))
    found = compared(alignment("p4", [0, 0.5] * 2, scenarios=both), *report, same_images=False)
    assert [row.scenario for row in found.symmetry.groups] == [both[0]] * 2 + [both[1]] * 2
    assert sum("every image's own deformed group the network is less" in line for line in found.verdict) == 1
    assert [line.split(":")[0] for line in found.verdict[:2]] == ["No", "No"]
    assert not found.symmetry.same_images
    assert Alignment.from_dict(found.to_dict()) == found


def test_nothing_that_is_seen():
    found = compared(alignment("p2", [0, 0.5]), *audit("p4", {"tv": P4}))
    assert "nothing is known about the data: no regularizer of the report sees" in found.verdict[1]
    assert len(found.verdict) == 2
    black = compared(alignment("p4", [0, 0.5] * 2), *audit("p4", {"tv": [1e-300, 0, 0, 0]}))
    assert black.symmetry.groups[-1].data == pytest.approx(4.0)  # as much as four elements can differ


def test_refusals():
    with pytest.raises(ReportError, match="the report is of p3, which shares no element with p8; give --group p3"):
        compared(alignment("p8", [0] * 8), *audit("p3", {"tv": [1, 2, 3]}))
    report = audit("p4", {"tv": P4}, scenarios=("sample_strict",))
    with pytest.raises(ReportError, match="the report of Photos has no dataset scenario; measure with --scenario all"):
        compared(alignment("p4", [0] * 4), *report)
