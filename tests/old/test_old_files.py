"""The files that symaudit 0.1 wrote are read, drawn and worked with as on the day they were written."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from symmetry_audit import measure, recommend, verify
from symmetry_audit.audit import AuditSettings, given_fits
from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.errors import ReportError
from symmetry_audit.inference import restore_image
from symmetry_audit.reports import (
    RESPONSES_FILE,
    alignment_text,
    bounds_text,
    load_report,
    mean_profiles,
    recommendation_text,
    render,
)
from symmetry_audit.results import (
    AFFINE_COLUMNS,
    AFFINE_FILE,
    Alignment,
    AuditReport,
    Comparison,
    Evaluation,
    Origin,
    Recommendation,
    RunBounds,
)
from symmetry_audit.results._documents import check_agreement
from symmetry_audit.training import TrainSettings, start_from_report
from symmetry_audit.verbs._advice import stored_advice
from tests.old.kinds import OLD, old
from tests.oracles import statistics as slow


@pytest.fixture
def report(tmp_path):
    """A copy of the old report's folder."""
    return shutil.copytree(OLD / "report", tmp_path / "report")


@pytest.fixture
def loaded():
    return AuditReport.load(OLD / "report")


def kept(document, value):
    """Everything in ``document`` is in ``value``, which may have got more fields since."""
    check_agreement(document, json.loads(json.dumps(value.to_dict())), Origin("the old file", "mend its reader"))


# --- the report


def test_the_report(loaded):
    """All of it but relative numbers and the recommendation, whose definitions changed."""
    document = old("report/report.json")
    del document["schema"], document["recommendation"]
    for row in document["results"]:
        row["identity_response"] = row.pop("mean_response")
        del row["relative_epsilon"], row["reasons"]
    for entries in document["analyses"].values():
        for entry in entries:
            entry.pop("relative_epsilon", None)
    kept(document, loaded)
    assert (len(loaded.results), loaded.dataset.images, loaded.skipped[0].image) == (6, 12, "broken.png")
    assert len(mean_profiles(OLD / "report", loaded)) == 6
    assert str(AuditSettings.from_dict(loaded.settings).group) == "p8"


def profiles_of(row):
    """The old responses (N, T) behind a row, and the images they are of."""
    table = pd.read_parquet(OLD / "report" / RESPONSES_FILE)
    table = table[(table.regularizer == row.regularizer) & (table.scenario == row.scenario)]
    return np.stack(table.response.tolist()), table.image.tolist()


def test_relative_numbers_come_from_the_responses(loaded):
    """Whose intervals are those of the run's own resamples, whose null level that of its own draws."""
    found = load_report(OLD / "report")
    for old_row, row in zip(loaded.results, found.results, strict=True):
        table, _ = profiles_of(row)
        single = row.scenario == "sample_strict"
        expected = slow.relative_of_single_images(table) if single else slow.relative(table.mean(0))
        assert row.relative_epsilon == pytest.approx(expected, rel=1e-12)
        assert (row.mean_response, row.identity_response) == pytest.approx(
            (table.mean(), table[:, 0].mean()), rel=1e-12
        )
        assert 0 < row.relative_ci_low < row.relative_ci_high
        assert (row.relative_null is None) == (row.scenario != "dataset_strict")
        assert (row.relative_floor, row.epsilon, row.ci_low) == (None, old_row.epsilon, old_row.ci_low)
        nulls = {name for name, value in row.to_dict().items() if value is None}
        assert nulls == set(row.reasons)
        assert "its responses do not hold it; measure again" in row.reasons["relative_floor"]
    assert found.recommendation is None  # that of the file followed another rule


def test_they_are_those_of_measuring_again(tmp_path):
    again = measure(OLD / "photos", reg="tv,sobel", group="p8", scenario="sample_strict,dataset_strict", workers=1)
    found = {(row.scenario, row.regularizer): row for row in load_report(OLD / "report").results}
    for row in again.results:
        then = found[row.scenario, row.regularizer]
        for name in ("relative_epsilon", "relative_ci_low", "relative_ci_high", "relative_null", "mean_response"):
            value = getattr(row, name)
            # responses are right to 2e-5, and relative numbers are shares of these
            assert getattr(then, name) == (value and pytest.approx(value, rel=1e-4, abs=2e-5))


def test_without_its_responses_an_old_report_has_reasons(report):
    (report / RESPONSES_FILE).unlink()
    for row in load_report(report).results:
        assert (row.relative_epsilon, row.relative_ci_low, row.mean_response) == (None, None, None)
        assert "responses.parquet, which would hold it, is missing" in row.reasons["relative_epsilon"]
    files = render(report, ("table1", "details"))
    assert files and "responses.parquet, which would hold it, is missing" in files[0].with_suffix(".md").read_text(
        "utf-8"
    )


def test_resamples_of_duplicates_are_not_in_the_responses(report):
    document = json.loads((report / "report.json").read_text(encoding="utf-8"))
    document["settings"]["clusters"] = "duplicates"
    (report / "report.json").write_text(json.dumps(document), encoding="utf-8")
    for row in load_report(report).results:
        assert row.relative_epsilon > 0
        assert row.relative_ci_low is None
        assert "do not hold it" in row.reasons["relative_ci_low"]


def test_images_of_an_old_file_that_are_out_of_order_are_refused(report):
    path = report / RESPONSES_FILE
    table = pq.read_table(path)
    order = [*range(1, len(table)), 0]  # the first row last
    pq.write_table(table.take(order), path)
    with pytest.raises(ReportError, match=r"rows of .* are out of order; measure again with --force"):
        load_report(report)


def test_an_edited_old_report_does_not_hold(report):
    document = json.loads((report / "report.json").read_text(encoding="utf-8"))
    document["results"][2]["null_epsilon"] *= 1.1
    (report / "report.json").write_text(json.dumps(document), encoding="utf-8")
    (found,) = verify(report, source=OLD / "photos", workers=1)
    assert found.startswith("tv, dataset_strict: null_epsilon is ")


def test_the_report_is_drawn(report):
    files = render(report)
    assert {path.suffix for path in files} == {".csv", ".md", ".tex", ".png", ".svg", ".pdf"}
    assert all(path.stat().st_size for path in files)


def test_the_images_are_measured_as_then(report):
    assert verify(report, source=OLD / "photos", workers=1) == ()


def test_the_recommendation_followed_another_rule(loaded):
    assert loaded.recommendation is None
    with pytest.raises(ReportError, match=r'recommendation/1", expected ".*/2"; .* again') as caught:
        Recommendation.from_dict(old("recommendation.json"))
    assert "\n" not in str(caught.value)


def test_advice_comes_from_the_responses(report):
    """The same epsilons as then; the verdicts and what to build are today's."""
    then = {(item["group"], value["regularizer"]): value for item in strict_then() for value in item["values"]}
    found = recommend(report)
    now = {(item.group, value.regularizer): value for item in found.candidates for value in item.values}
    assert now.keys() == then.keys()
    for key, value in now.items():
        assert value.epsilon == pytest.approx(then[key]["epsilon"], rel=1e-9, abs=1e-12)
        assert value.classes == then[key]["classes"]
    assert (found.images, found.unit, found.group) == (12, "grey levels", "p4")
    assert set(found.law) == {"p2", "p4", "p8"}
    assert {item.layer for item in found.directions} == {"images"}
    assert recommendation_text(found, "photos", verbose=True)
    assert stored_advice(AuditReport.load(report), None) == found
    assert recommend(report) == found  # once more, from the file of the first time


def strict_then():
    return [item for item in old("recommendation.json")["candidates"] if item["scenario"] == "dataset_strict"]


def test_advice_needs_the_responses(report):
    (report / "responses.parquet").unlink()
    with pytest.raises(ReportError, match=r"responses\.parquet") as caught:
        recommend(report)
    assert "\n" not in str(caught.value)


def test_a_recommendation_of_then_in_the_folder_is_replaced(report):
    shutil.copy(OLD / "recommendation.json", report)
    assert recommend(report).group == "p4"
    assert Recommendation.load(report).group == "p4"


def test_the_bounds(symaudit):
    document = old("bounds.json")
    then = RunBounds.from_dict(document)
    kept(document, then)
    asked = ("--mu", 10, "--loss", 0.01, "--complexity", 4, "--dimension", 9, "--source", OLD / "photos")
    done = symaudit("bounds", OLD / "report", *asked, "--json")
    now = RunBounds.from_dict(json.loads(done.stdout))
    totals = [[bound.total for row in found.rows for bound in row.bounds] for found in (now, then)]
    assert totals[0] == pytest.approx(totals[1], rel=1e-7)  # luminance was float64 then
    assert bounds_text(then)


# --- its table of fits


def test_the_table_of_fits(loaded):
    assert tuple(loaded.affine.columns) == AFFINE_COLUMNS
    settings = AuditSettings.from_dict(loaded.settings)
    binary, text = (given_fits(OLD / "report" / name, settings) for name in (AFFINE_FILE, "affine.csv"))
    assert len(binary) == 12
    assert all((binary[image] == text[image]).all() for image in binary)


@pytest.mark.parametrize("name", [AFFINE_FILE, "affine.csv"])
def test_a_table_of_fits_may_have_fewer_columns_and_others(loaded, tmp_path, name):
    settings = AuditSettings.from_dict(loaded.settings)
    table = loaded.affine[["image", "regularizer", "a", "b"]].assign(camera="a label of its owner")
    table.to_csv(tmp_path / name, index=False) if name.endswith(".csv") else table.to_parquet(tmp_path / name)
    found, then = (given_fits(path, settings) for path in (tmp_path / name, OLD / "report" / AFFINE_FILE))
    assert found.keys() == then.keys()
    assert all((found[image] == then[image]).all() for image in found)


def test_a_report_whose_table_lacks_a_column_or_has_others(report):
    table = pd.read_parquet(report / AFFINE_FILE)
    table.assign(colour="red").to_parquet(report / AFFINE_FILE)
    found = AuditReport.load(report).affine
    assert tuple(found.columns) == (*AFFINE_COLUMNS, "colour")
    assert found[list(table)].equals(table) and found["pixel_sha256"].isna().all()  # which the old file lacks
    table.drop(columns="ratio").to_parquet(report / AFFINE_FILE)
    with pytest.raises(ReportError, match=r'affine.parquet is damaged \(column "ratio" is missing\); measure again'):
        _ = AuditReport.load(report).affine


# --- what was trained


def test_the_checkpoint_restores_as_then():
    checkpoint = load_checkpoint(OLD / "run")
    assert checkpoint.task.text == "denoising, Gaussian noise of sigma 5 to 35"
    assert (checkpoint.card.step, len(checkpoint.training_images)) == (6, 12)
    image = np.asarray(Image.open(OLD / "image.png").convert("RGB"))[:40, :36]
    restored = restore_image(checkpoint.network(), image)
    np.testing.assert_allclose(restored[8:32:3, 8:32:3], np.load(OLD / "restored.npy"), rtol=1e-5)


def test_the_settings_of_training(loaded):
    document = old("run/settings.json")["settings"]
    settings = TrainSettings.model_validate(document)
    assert (settings.hyper_init, settings.architecture["method"], settings.tl_steps) == ("audit", "sa", 2)
    start = start_from_report(loaded, loaded.dataset.fingerprint, method="sa", group="p8")
    assert [start.w.a, start.w.b] == pytest.approx(document["audit"]["w"], rel=1e-6)


def test_the_alignment():
    document = old("alignment.json")
    found = Alignment.from_dict(document)
    kept(document, found)
    assert alignment_text(found)


def test_the_evaluation():
    found = Evaluation.load(OLD / "evaluation.json")
    kept(old("evaluation.json"), found)
    row, then = Comparison((found,)).to_dict()["rows"][0], old("comparison.json")["rows"][0]
    assert {name: row[name] for name in then} == then
