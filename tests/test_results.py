"""AuditReport: JSON there and back, what it refuses, and its tables."""

import json
import math
from dataclasses import fields, replace

import pandas as pd
import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.results import (
    AFFINE_COLUMNS,
    PIXEL_FIELDS,
    SCENARIOS,
    AffineFit,
    AuditReport,
    Build,
    Candidate,
    CandidateValue,
    DatasetInfo,
    FailedFit,
    Recommendation,
    ResultRow,
    Scenario,
    SkippedImage,
    dump_json,
)

SAMPLE = {"selected_image": "b.png", "epsilon_selected": 0.3, "median": 0.2, "q25": 0.1, "q75": 0.4}
ADAPTIVE = {
    **{"fit": "joint", "gain": 0.05, "gain_low": 0.02, "gain_high": 0.08, "control_images": 5},
    **{"null_epsilon_se": 0.01, "random_epsilon": 0.2, "random_epsilon_se": 0.02, "held_out_epsilon_se": 0.03},
    **{"held_out_epsilon": 0.11, "held_out_strict_epsilon": 0.14, "held_out_gain": 0.03},
    **{"held_out_gain_low": 0.01, "held_out_gain_high": 0.05, "held_out_p_value": 0.2},
    **{"relative_random": 0.1, "relative_held_out": 0.055, "relative_held_out_strict": 0.07},
    **{"relative_held_out_gain": 0.015, "relative_held_out_gain_low": 0.005, "relative_held_out_gain_high": 0.025},
}
TITLES = {"tv": "TV", "sobel": "Sobel"}


def row(regularizer="tv", scenario="dataset_strict", sigma=1.5, downscale=1, epsilon=0.1, **changes):
    values = {
        "relative_epsilon": 0.05,
        "normalized_epsilon": 0.04,
        "mean_response": 2.0,
        "identity_response": 2.1,
        "worst_element": 3,
        "worst_angle_deg": 33.75,
        "tested": True,
        "visible_elements": 30,
        "images": 4,
        **(SAMPLE if scenario == "sample_strict" else {}),
        **(ADAPTIVE if scenario == "dataset_adaptive" else {}),
        **changes,
    }
    return ResultRow(
        regularizer=regularizer,
        scenario=scenario,
        group="p32",
        sigma=sigma,
        downscale=downscale,
        epsilon=epsilon,
        **values,
    )


def report_of(*rows, **changes):
    settings = {"group": "p32", "regularizers": [{"name": name, "title": title} for name, title in TITLES.items()]}
    values = {
        "dataset": DatasetInfo("DIV2K", "DIV2K:valid", 4, "f" * 64),
        "settings": settings,
        "results": rows,
        "skipped": (SkippedImage("c.png", "truncated"),),
        "warnings": ("two images are the same",),
        **changes,
    }
    return AuditReport(**values)


def grid(sigmas=(1.5,), downscales=(1,), scenarios=("sample_strict", "dataset_strict")):
    """Rows in the order of a run; each has an epsilon of its own."""
    keys = [(s, d, c, r) for s in sigmas for d in downscales for c in scenarios for r in TITLES]
    return [row(r, c, s, d, epsilon=1.0 + n) for n, (s, d, c, r) in enumerate(keys)]


def recommendation():
    value = CandidateValue(
        regularizer="tv", sigma=1.5, downscale=1, classes=4, mean_response=2.0, epsilon=1 / 3, relative_epsilon=1 / 6
    )
    candidate = Candidate(group="p4", scenario="dataset_strict", order=4, tested_order=2, values=(value,))
    return Recommendation(
        build=Build(group="p4", method="gcnn", relax=None, augment="none", evidence="prior"),
        sentences=("Build p4.",),
        tolerance=0.05,
        margin=0.05,
        kappa=None,
        unit="grey levels",
        images=4,
        candidates=(candidate,),
        notes=("p2 was not tested",),
    )


NAMES = {"image": "a.png", "regularizer": "tv", "sigma": 1.5, "downscale": 1}
FIT = AffineFit(
    **NAMES,
    **{name: 0.25 for name in AFFINE_COLUMNS if name not in (*NAMES, "iterations", "converged", "at_limit", "reason")},
    iterations=7,
    converged=True,
    at_limit=False,
)
FAILED = FailedFit(**NAMES, orientation=0.1, coherence=0.2, reason="flat")


# --- JSON


def test_json_round_trip(tmp_path):
    null = {"relative_epsilon": None, "reasons": {"relative_epsilon": "flat images"}}
    report = report_of(
        *grid(scenarios=SCENARIOS),
        row(sigma=None, epsilon=1 / 3, **null),
        analyses={"transfer": [{"epsilon": 0.1}], "subsets": []},
        recommendation=recommendation(),
    )
    (tmp_path / "report.json").write_text(report.to_json(), encoding="utf-8")
    loaded = AuditReport.load(tmp_path)
    assert loaded == report
    assert loaded.folder == tmp_path
    assert report.folder is None
    assert loaded.to_json() == report.to_json()
    assert AuditReport.load(str(tmp_path)) == report


def test_the_document_starts_with_its_schema_and_keeps_names_as_they_are():
    text = report_of(row(), dataset=DatasetInfo('ü "\\', "x", 1, "")).to_json()
    assert text.startswith('{\n  "schema": "symaudit.report/2",\n')
    assert text.endswith("}\n")
    assert "ü" in text
    assert list(json.loads(text)) == [
        *(
            "schema",
            "dataset",
            "settings",
            "results",
            "skipped",
            "skipped_unnamed",
            "skipped_count",
            "skipped_reasons",
            "warnings",
            "analyses",
            "answers",
            "recommendation",
            "left_out",
        )
    ]


def test_a_report_of_before_has_neither_analyses_nor_a_recommendation():
    document = report_of(row()).to_dict()
    del document["analyses"], document["recommendation"]
    report = AuditReport.from_dict(document)
    assert (report.analyses, report.recommendation) == ({}, None)


def test_rows_hide_what_they_do_not_have():
    sample, dataset, adaptive = (row(scenario=scenario).to_dict() for scenario in SCENARIOS)
    everything = {item.name for item in fields(ResultRow)}
    assert SAMPLE.items() <= sample.items()
    assert ADAPTIVE.items() <= adaptive.items()
    relative = {f"relative_{name}" for name in ("random", "held_out", "held_out_strict", "held_out_gain")}
    relative |= {"relative_null_se", "relative_random_se", "relative_held_out_se"}
    relative |= {"relative_held_out_gain_low", "relative_held_out_gain_high"}
    everything -= set(PIXEL_FIELDS)  # of a quick look alone
    assert set(sample) == everything - set(ADAPTIVE) - relative
    assert set(dataset) == everything - set(SAMPLE) - set(ADAPTIVE) - relative
    assert set(adaptive) == everything - set(SAMPLE)
    errors = {"mean_response_pixel_se": 0.0, "epsilon_pixel_se": 0.1, "relative_epsilon_pixel_se": None}
    assert set(row(**errors).to_dict()) >= set(PIXEL_FIELDS) == set(errors)
    assert row(reasons={"p_value": "few images"}).to_dict()["reasons"] == {"p_value": "few images"}


@pytest.mark.parametrize(("epsilon", "null", "expected"), [(0.2, 0.1, True), (0.19, 0.1, False), (0.2, None, None)])
def test_a_row_stands_out_from_twice_its_null_level(epsilon, null, expected):
    assert row(epsilon=epsilon, null_epsilon=null).distinguishable is expected


# --- fits


def test_a_failed_fit_is_false_in_a_condition():
    assert FIT
    assert not FAILED


def test_fits_have_the_same_columns():
    assert tuple(FIT.to_dict()) == tuple(FAILED.to_dict()) == AFFINE_COLUMNS
    assert FIT.to_dict()["reason"] is None
    missing = {name for name, value in FAILED.to_dict().items() if value is None}
    assert missing == set(AFFINE_COLUMNS) - {*NAMES, "orientation", "coherence", "reason"}


def test_fits_of_a_report_come_as_a_table(tmp_path):
    table = report_of(row(), fits=(FIT, FAILED)).affine
    assert tuple(table.columns) == AFFINE_COLUMNS
    assert table["reason"].isna().tolist() == [True, False]
    assert table["reason"].iloc[1] == "flat"
    assert report_of(row()).affine.empty
    assert tuple(report_of(row()).affine.columns) == AFFINE_COLUMNS
    with pytest.raises(
        ReportError, match=r"^cannot read .*affine\.parquet .*; measure with --scenario dataset_adaptive"
    ):
        _ = report_of(row(), folder=tmp_path).affine


def test_a_damaged_table_of_fits_is_one_line(tmp_path):
    (tmp_path / "affine.parquet").write_bytes(b"PAR1")
    with pytest.raises(ReportError, match=r"^cannot read .*affine\.parquet ") as caught:
        _ = report_of(row(), folder=tmp_path).affine
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_without_nan_and_infinity(value):
    with pytest.raises(ValueError, match="Out of range float values"):
        report_of(row(epsilon=value)).to_json()
    with pytest.raises(ValueError, match="Out of range float values"):
        dump_json({"a": [value]})


def test_values_are_frozen():
    with pytest.raises(AttributeError):
        report_of().dataset = None
    with pytest.raises(AttributeError):
        row().epsilon = 1.0


# --- what load refuses


def test_a_missing_report_names_the_folder_to_give(tmp_path):
    expected = r"cannot read .*report\.json: No such file or directory; give the folder that `symaudit measure` wrote"
    with pytest.raises(ReportError, match=expected):
        AuditReport.load(tmp_path)
    (tmp_path / "report.json").mkdir()
    with pytest.raises(ReportError, match="Is a directory"):
        AuditReport.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"schema": }'])
def test_a_report_that_is_not_json(tmp_path, content):
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(ReportError, match=r"report\.json is not valid JSON; measure again with --force"):
        AuditReport.load(tmp_path)


@pytest.mark.parametrize(
    "document", [{}, [], 1, None, {"schema": "symaudit.bounds/1"}, {"schema": "symaudit.report/0"}, {"schema": None}]
)
def test_a_report_of_another_schema(tmp_path, document):
    (tmp_path / "report.json").write_text(json.dumps(document))
    expected = r'report\.json has schema ".*", expected "symaudit.report/2"; measure again with --force'
    with pytest.raises(ReportError, match=expected):
        AuditReport.load(tmp_path)
    with pytest.raises(ReportError, match="the report has schema"):
        AuditReport.from_dict(document)


@pytest.mark.parametrize("number", ["3", "10"])
def test_a_report_of_a_newer_schema(number):
    expected = (
        f'the report has schema "symaudit.report/{number}", which this version does not know: it was written by a newer'
    )
    with pytest.raises(ReportError, match=expected):
        AuditReport.from_dict({"schema": f"symaudit.report/{number}"})


def test_a_field_of_a_newer_version_is_no_damage(tmp_path):
    document = report_of(row()).to_dict()
    document["results"][0]["colour"] = "red"
    (tmp_path / "report.json").write_text(json.dumps(document))
    expected = (
        r'report\.json has a field "results\[0\]\.colour" that this version does not know: it was written by a newer '
        "symaudit; update symaudit$"
    )
    with pytest.raises(ReportError, match=expected):
        AuditReport.load(tmp_path)


DAMAGE = {
    **{f"no {name}": lambda d, name=name: d.pop(name) for name in ("dataset", "settings", "results")},
    "dataset a list": lambda d: d.update(dataset=[1]),
    "results null": lambda d: d.update(results=None),
    "rows numbers": lambda d: d.update(results=[1]),
    "epsilon text": lambda d: d["results"][0].update(epsilon="0.1"),
    "images a fraction": lambda d: d["results"][0].update(images=4.5),
    "tested a number": lambda d: d["results"][0].update(tested=1),
    "field gone": lambda d: d["results"][0].pop("epsilon"),
    "skipped strings": lambda d: d.update(skipped=["a.png"]),
    "warnings null": lambda d: d.update(warnings=None),
    "reasons a list": lambda d: d["results"][0].update(reasons=["flat"]),
    "analyses a list": lambda d: d.update(analyses=[1]),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_report(tmp_path, case):
    document = report_of(row()).to_dict()
    assert AuditReport.from_dict(document) == report_of(row())
    DAMAGE[case](document)
    (tmp_path / "report.json").write_text(json.dumps(document))
    with pytest.raises(ReportError, match=r"report\.json is damaged \(.+\); measure again with --force") as caught:
        AuditReport.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [[1], {}, "p4"])
def test_a_damaged_recommendation(damage):
    document = report_of(row()).to_dict() | {"recommendation": damage}
    with pytest.raises(ReportError, match=r"^the report is damaged \(recommendation.+\); measure again with --force$"):
        AuditReport.from_dict(document)


# --- tables


def test_to_pandas_has_every_field_of_every_row():
    rows = grid()
    table = report_of(*rows).to_pandas()
    assert list(table.columns) == [item.name for item in fields(ResultRow)]
    assert len(table) == 4
    for number, item in enumerate(rows):
        assert table.loc[number, "epsilon"] == item.epsilon
        assert table.loc[number, "regularizer"] == item.regularizer
        assert table.loc[number, "tested"] == item.tested
    assert table["median"].isna().tolist() == [False, False, True, True]


def test_to_pandas_of_no_rows_has_the_columns():
    table = report_of().to_pandas()
    assert table.empty
    assert list(table.columns) == [item.name for item in fields(ResultRow)]


def test_table1_has_scenarios_down_and_regularizers_across():
    table = report_of(*grid()).table1()
    assert list(table.columns) == ["TV", "Sobel"]
    assert list(table.index) == ["sample_strict", "dataset_strict"]
    assert table.to_numpy().tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert table.index.name == "scenario"


def test_table1_keeps_the_order_of_the_run_not_the_alphabet():
    rows = grid(scenarios=SCENARIOS)
    table = report_of(*rows).table1()
    assert list(table.index) == ["sample_strict", "dataset_strict", "dataset_adaptive"]
    assert list(table.columns) == ["TV", "Sobel"]
    assert sorted(table.columns) != list(table.columns)


@pytest.mark.parametrize("value", ["relative_epsilon", "relative_ci_high", "mean_response", "images", "q75"])
def test_table1_of_any_other_number(value):
    rows = [replace(item, **{value: 10 + number}) for number, item in enumerate(grid())]
    assert report_of(*rows).table1(value).to_numpy().tolist() == [[10, 11], [12, 13]]


def test_table1_of_nulls():
    rows = [replace(item, relative_epsilon=None) if item.regularizer == "tv" else item for item in grid()]
    table = report_of(*rows).table1("relative_epsilon")
    assert table["TV"].isna().all()
    assert table["Sobel"].tolist() == [0.05, 0.05]


@pytest.mark.parametrize(
    ("sigmas", "downscales", "names"),
    [
        ((2.0, 1.0), (1,), ["sigma", "scenario"]),
        ((1.5,), (1, 2), ["downscale", "scenario"]),
        ((None,), (1, 2), ["downscale", "scenario"]),
        ((2.0, 1.0), (1, 2), ["sigma", "downscale", "scenario"]),
    ],
)
def test_table1_of_a_sweep(sigmas, downscales, names):
    rows = grid(sigmas, downscales)
    table = report_of(*rows).table1()
    assert isinstance(table.index, pd.MultiIndex)
    assert list(table.index.names) == names
    expected = [tuple(getattr(item, name) for name in names) for item in rows[::2]]
    assert list(table.index) == expected
    assert table.to_numpy().ravel().tolist() == [item.epsilon for item in rows]


def test_every_scenario_has_a_title():
    assert SCENARIOS == ("sample_strict", "dataset_strict", "dataset_adaptive")
    assert all(Scenario.named(name).title for name in SCENARIOS)
