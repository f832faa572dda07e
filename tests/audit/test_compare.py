"""Two audits compared: rounding passes, every other change of a number is named."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from symmetry_audit import measure
from symmetry_audit.audit import differences, response_differences
from symmetry_audit.reports import RESPONSES_FILE, mean_profiles
from symmetry_audit.results import AuditReport, ResultRow, SkippedImage
from tests.conftest import save_photos

KEYS = ("scenario", "regularizer", "sigma", "downscale")
TEXTS = ("group", "selected_image")
UNCHECKED = ("reason",)


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> AuditReport:
    folder = tmp_path_factory.mktemp("compare")
    save_photos(folder / "photos", np.random.default_rng(11), count=3)
    return measure(folder / "photos", reg="sobel,chiral", group="p8", out=folder / "run")


@pytest.fixture(scope="module")
def profiles(report):
    return mean_profiles(report.folder, report)


def edited(report: AuditReport, at: int, **changes: object) -> AuditReport:
    rows = list(report.results)
    rows[at] = replace(rows[at], **changes)
    return replace(report, results=tuple(rows))


def test_a_report_agrees_with_itself(report, profiles):
    assert differences(report, report, profiles) == ()


@pytest.mark.parametrize("at", [0, 3], ids=["sample", "dataset"])
@pytest.mark.parametrize("name", [item.name for item in fields(ResultRow) if item.name not in (*KEYS, *UNCHECKED)])
def test_every_field_of_a_row_is_checked(report, profiles, name, at):
    row = report.results[at]
    value = getattr(row, name)
    if value is None:  # the sample fields of a dataset row
        changed = "photo_0.png" if name in TEXTS else 0.5
    elif name in TEXTS:
        changed = value + "x"
    else:
        changed = not value if isinstance(value, bool) else value + 1
    found = differences(edited(report, at, **{name: changed}), report, profiles)
    assert found == (f"{row.regularizer}, {row.scenario}: {name} is {changed}, recomputed {value}",)


@pytest.mark.parametrize("name", ["epsilon", "mean_response", "median", "q25", "q75", "epsilon_selected"])
def test_a_ten_thousandth_of_the_mean_response_passes_and_no_more(report, profiles, name):
    row = report.results[0]
    for share, holds in ((0.9e-4, True), (-0.9e-4, True), (1.1e-4, False), (float("nan"), False)):
        changed = getattr(row, name) + share * row.mean_response
        assert (differences(edited(report, 0, **{name: changed}), report, profiles) == ()) is holds


@pytest.mark.parametrize("value", ["0.1", None, [1]])
def test_values_of_another_type_differ(report, profiles, value):
    (found,) = differences(edited(report, 0, normalized_epsilon=value), report, profiles)
    assert "normalized_epsilon" in found


def test_another_worst_element_passes_in_a_tie_alone(report, profiles):
    row = report.results[0]
    key = tuple(getattr(row, name) for name in KEYS)
    tie = profiles[key].copy()
    other = (row.worst_element + 1) % 8 or 1
    tie[other] = tie[0] + abs(tie[row.worst_element] - tie[0]) - 0.5e-4 * row.mean_response
    swapped = edited(report, 0, worst_element=other, worst_angle_deg=45.0 * other)
    assert differences(swapped, report, {**profiles, key: tie}) == ()
    assert len(differences(swapped, report, profiles)) == 2
    # the angle must be that of the element
    wrong = edited(report, 0, worst_element=other)
    assert differences(wrong, report, {**profiles, key: tie}) != ()


def test_the_images_are_compared(report, profiles):
    old = replace(report, dataset=replace(report.dataset, images=4, fingerprint="0" * 64))
    assert differences(old, report, profiles) == (
        "the report has 4 images, the source now gives 3",
        "the image files are not those of the report: the fingerprint differs",
    )
    moved = replace(report, dataset=replace(report.dataset, name="elsewhere", source="/mnt"))
    assert differences(moved, report, profiles) == ()


def test_images_left_out_are_compared_by_name_since_reasons_come_from_libraries(report, profiles):
    old, new, more = (
        replace(report, skipped=tuple(SkippedImage(*item) for item in items))
        for items in ([("a.png", "broken data stream")], [("a.png", "bad chunk")], [("b.png", "")])
    )
    assert differences(old, new, profiles) == ()
    for other in (more, report):
        (found,) = differences(old, other, profiles)
        assert found.startswith("the images left out are not those of the report")


def test_rows_that_the_settings_do_not_give(report, profiles):
    expected = ("the report's rows are not those that its settings give",)
    for rows in (report.results[1:], (*report.results, report.results[0])):
        assert differences(replace(report, results=rows), report, profiles) == expected


# --- responses.parquet


def rewritten(report, tmp_path, change):
    """responses.parquet with ``change`` applied to its rows, as a file of its own."""
    table = pq.read_table(report.folder / RESPONSES_FILE)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), tmp_path / "edited.parquet", row_group_size=5)
    return response_differences(tmp_path / "edited.parquet", report.folder / RESPONSES_FILE, report)


def test_responses_agree_with_themselves_whatever_the_row_groups(report, tmp_path):
    assert rewritten(report, tmp_path, lambda rows: None) == ()


@pytest.mark.parametrize("element", range(8))
def test_any_single_response_is_checked(report, tmp_path, element):
    def change(rows):
        rows[-1]["response"][element] *= 1.01

    (found,) = rewritten(report, tmp_path, change)
    assert found.endswith("chiral, dataset_strict: the responses of photo_2.png are not those recomputed")


def test_rounding_passes(report, tmp_path):
    def change(rows):
        for row in rows:
            row["response"] = [float(np.float32(value)) for value in row["response"]]

    assert rewritten(report, tmp_path, change) == ()


def test_exchanged_rows_are_found(report, tmp_path):
    def change(rows):
        rows[0], rows[1] = rows[1], rows[0]

    assert len(rewritten(report, tmp_path, change)) == 1
