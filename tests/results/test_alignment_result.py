"""Alignments to and from JSON: means, roots, what is null, and damage."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf, sqrt

import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.results import (
    ALIGNMENT_SCHEMA,
    Alignment,
    DataCurve,
    DataSymmetry,
    GroupAlignment,
    LayerAlignment,
    MeanAlignment,
    RestorationScores,
    SkippedImage,
    SquareScore,
    Symmetrization,
    SymmetrizedScore,
)
from tests.alignment.findings import alignment

LAYER = LayerAlignment(
    layer="head",
    kind="features",
    group="p2",
    channels=4,
    error=(0.0, None, 9.0, None),
    floor=(0.0, None, 1.0, None),
    contrast=(36.0, None, 36.0, None),
)
CURVE = DataCurve(
    scenario="dataset_strict",
    regularizer="tv",
    title="TV",
    deviation=(0.0, 0.1, 0.0, 0.1),
    floor=0.01,
    null=0.02,
    correlation=None,
)
GROUP = GroupAlignment(
    scenario="dataset_strict",
    group="p4",
    model=0.2,
    model_floor=0.1,
    model_excess=0.1,
    data=0.1,
    data_floor=0.03,
    regularizer="tv",
    relation="as",
)


SCORES = RestorationScores(
    protocol="rgb",
    protocol_text="all channels",
    images=(
        SquareScore(image="0.5.png", psnr=30.0, input_psnr=20.0),
        SquareScore(image="1.5.png", psnr=28.0, input_psnr=22.0),
    ),
    symmetrization=Symmetrization(
        group="p4",
        verdict="undecided",
        sentence="Undecided.",
        interval=(-1.0, 2.0),
        images=(
            SymmetrizedScore(image="0.5.png", psnr=30.0, average_psnr=30.5, deviation=2.0),
            SymmetrizedScore(image="1.5.png", psnr=28.0, average_psnr=28.5, deviation=3.0),
        ),
    ),
)


def whole():
    """One with everything in it."""
    found = alignment("p4", [0, 0.2, 0.1, 0.2], [0, 0.1, 0, 0.1])
    scenario = replace(found.scenarios[0], layers=(LAYER,))
    symmetry = DataSymmetry(
        name="Photos", group="p4", indices=(0, 1, 2, 3), same_images=True, curves=(CURVE,), groups=(GROUP,)
    )
    more = {"symmetry": symmetry, "restoration": SCORES, "answer": "no", "verdict": ("So.",)}
    return replace(found, scenarios=(scenario,), skipped=(SkippedImage("x", "y"),), **more)


def reloaded(found, folder):
    (folder / "a.json").write_text(found.to_json(), encoding="utf-8")
    return Alignment.load(folder / "a.json")


def test_means_and_roots():
    mean = alignment("p4", [0, 0.2, 0.1, 0.2], [0, 0.1, 0, 0.1]).scenarios[0].elements[1]
    assert mean.error == pytest.approx(100.0) and mean.floor == pytest.approx(25.0) and mean.contrast == 2500.0
    assert mean.relative == pytest.approx(0.2) and mean.relative_floor == pytest.approx(0.1)
    assert mean.excess == pytest.approx(0.2 - 1.25 * 0.1)
    assert MeanAlignment(error=1.0, floor=1.0, contrast=4.0).excess == 0.0
    assert MeanAlignment(error=1e-9, floor=0.0, contrast=1e-7).relative is None
    document = mean.to_dict()
    assert document["error_rms"] == pytest.approx(10.0) and document["floor_rms"] == pytest.approx(5.0)


def test_what_exceeds_the_floor_by_most():
    found = alignment("p4", [0, 0.2, 0.1, 0.2], [0, 0.1, 0, 0.1], scenarios=("dataset_strict", "dataset_adaptive"))
    assert found.excess == pytest.approx(0.1)  # 0.2 - 1.25 * 0.1 is less
    assert alignment("p2", [0, 0.1], contrast=0.0).excess is None


def test_images_weigh_by_their_squares():
    """The relative error is that of all pixels together, not the mean of the images' own."""
    found = alignment("p2", [0, 0.3]).scenarios[0]
    first, second = found.images
    images = (first, replace(second, contrast=(0.0, 0.0), error=(0.0, 0.0)))
    assert replace(found, images=images).elements[1].relative == pytest.approx(sqrt(first.error[1] / 2500.0))


def test_the_root_of_the_restoration_error_needs_every_image():
    """sqrt((9 + 16) / 2) grey levels."""
    found = alignment("p2", [0, 0.3]).scenarios[0]
    assert found.restoration_rms is None
    first, second = found.images
    known = replace(first, restoration_error=9.0), replace(second, restoration_error=16.0)
    assert replace(found, images=known).restoration_rms == pytest.approx(sqrt(12.5))
    assert replace(found, images=(known[0], second)).restoration_rms is None


def test_scores_of_the_squares(tmp_path):
    document = whole().to_dict()["restoration"]
    assert (document["psnr"], document["input_psnr"]) == (29.0, 21.0)
    assert document["symmetrization"]["difference"] == 0.5
    same = replace(SCORES, images=(replace(SCORES.images[0], psnr=inf), SCORES.images[1]))
    found = replace(whole(), restoration=same)
    document = found.to_dict()
    assert document["restoration"]["psnr"] is document["restoration"]["images"][0]["psnr"] is None
    why = "infinite: an image is equal to its clean image"
    assert document["reasons"] == {"restoration.psnr": why, "restoration.images.0.5.png.psnr": why}
    assert reloaded(found, tmp_path) == found


def test_layers_leave_out_what_their_group_lacks():
    assert LAYER.relative == 0.5 and LAYER.relative_floor == pytest.approx(1 / 6)
    assert replace(LAYER, contrast=(0.0,) * 4).relative is None


def test_there_and_back(tmp_path):
    for found in (whole(), alignment("p8m", [0.0] + [0.1] * 15)):
        again = reloaded(found, tmp_path)
        assert again == found and again.to_json() == found.to_json()


def test_the_document():
    document = json.loads(whole().to_json(), parse_constant=lambda name: pytest.fail(name))
    assert next(iter(document)) == "schema" and document["schema"] == ALIGNMENT_SCHEMA == "symaudit.alignment/1"
    row = document["scenarios"][0]["elements"][1]
    assert (row["element"], row["angle_deg"], row["mirrored"]) == ("A1", 90.0, False)
    assert row["relative"] == pytest.approx(0.2) and row["error_rms"] == pytest.approx(10.0)
    assert document["scenarios"][0]["layers"][0]["relative"] == 0.5
    assert document["symmetry"]["groups"][0]["relation"] == "as"
    assert document["reasons"] == {}


def test_what_is_null_has_a_reason(tmp_path):
    found = alignment("p2", [0, 0.1], contrast=0.0)
    document = found.to_dict()
    assert document["scenarios"][0]["elements"][1]["relative"] is None
    assert document["reasons"]["dataset_strict.A1.relative"] == "the output is constant"
    assert reloaded(found, tmp_path) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "symaudit.report/1"}, 'has schema "symaudit.report/1", expected "symaudit.alignment/1"'),
        ({"angles_deg": [0.0, 90.0, 180.0]}, "is damaged"),
        ({"mirrored": [0, 0, 0, 0]}, r"mirrored\[0\] is 0, not true or false"),
        ({"scenarios": None}, "is damaged"),
        ({"scenarios": [{"scenario": "dataset_strict", "images": [], "layers": [], "elements": []}]}, "damaged"),
        ({"model": {"step": 1}}, "is damaged .model.name is missing"),
        ({"symmetry": {"name": "x"}}, "is damaged .symmetry.group is missing"),
        ({"elements": ["A0"]}, "is damaged"),
    ],
)
def test_damage_is_found(change, message):
    with pytest.raises(ReportError, match=message) as caught:
        Alignment.from_dict({**whole().to_dict(), **change}, "a.json")
    assert str(caught.value).startswith("a.json ") and str(caught.value).endswith("; measure again")


@pytest.mark.parametrize("key", ["model", "scenarios", "settings", "data", "seed"])
def test_what_is_missing_is_damage(key):
    document = whole().to_dict()
    del document[key]
    with pytest.raises(ReportError, match="damaged"):
        Alignment.from_dict(document)


def test_what_an_older_version_lacks_takes_its_default():
    document = whole().to_dict()
    for name in ("symmetry", "verdict", "skipped", "reasons", "restoration", "answer"):
        del document[name]
    for image in document["scenarios"][0]["images"]:
        del image["restoration_error"]
    for name in ("layers", "elements", "restoration_rms"):
        del document["scenarios"][0][name]
    scenario = replace(whole().scenarios[0], layers=())
    assert Alignment.from_dict(document) == replace(
        whole(), symmetry=None, verdict=(), skipped=(), scenarios=(scenario,), restoration=None, answer=None
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"extra": 1}, "extra"),
        ({"reasons": {"a": "b"}}, "reasons.a"),
        ({"model": {"name": "a", "title": "x"}}, "model.title"),
    ],
)
def test_what_a_newer_version_added_is_no_damage(change, field):
    expected = (
        f'a.json has a field "{field}" that this version does not know: it was written by a newer symaudit; update'
    )
    with pytest.raises(ReportError, match=expected):
        Alignment.from_dict({**whole().to_dict(), **change}, "a.json")


def test_means_that_are_not_those_of_the_images():
    document = whole().to_dict()
    document["scenarios"][0]["elements"][1]["error"] = 99.0
    with pytest.raises(ReportError, match=r"scenarios\[0\].elements\[1\].error is 99.0, but the other fields give 100"):
        Alignment.from_dict(document)


def test_values_that_are_no_numbers_are_damage():
    for name in ("error", "floor", "contrast"):
        document = whole().to_dict()
        document["scenarios"][0]["images"][0][name][1] = float("nan")
        with pytest.raises(ReportError, match=rf"images\[0\].{name}\[1\] is nan, which is not a finite number"):
            Alignment.from_dict(document)


def test_files_that_are_no_alignment(tmp_path):
    with pytest.raises(ReportError, match=r"cannot read .*none\.json: No such file or directory"):
        Alignment.load(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text(whole().to_json()[:100], encoding="utf-8")
    with pytest.raises(ReportError, match=r"cut\.json is not valid JSON; save what align --json prints"):
        Alignment.load(tmp_path / "cut.json")
    with pytest.raises(ReportError, match='the alignment has schema "None"'):
        Alignment.from_dict([])
