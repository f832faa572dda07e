"""Evaluations and comparisons to and from JSON: means, infinities, damage, and what may stand in one table."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from fractions import Fraction
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symmetry_audit.errors import ReportError
from symmetry_audit.results import (
    Comparison,
    DatasetInfo,
    EvaluatedModel,
    Evaluation,
    ImageScore,
    SkippedImage,
    Symmetrization,
    SymmetrizedScore,
)


def image(name, psnr=30.0, ssim=0.9, **more):
    return ImageScore(
        image=name, psnr=psnr, ssim=ssim, **{"input_psnr": 28.0, "input_ssim": 0.8, "seconds": 1.5, **more}
    )


def evaluation(**changes):
    values = {
        "model": EvaluatedModel(
            name="runs/a", method="F-Conv", group="p8", backbone="edsr", preset="tiny", step=7, parameters=42259
        ),
        "task": {"name": "denoise", "scale": 1, "sigma": [5.0, 35.0]},
        "task_text": "denoising",
        "protocol": "rgb",
        "protocol_text": "all channels",
        "data": DatasetInfo("Set5", "data/Set5", 2, "f" * 64),
        "seed": 0,
        "settings": {"self_ensemble": False, "tile": None, "overlap": 32, "device": "cpu"},
        "images": (image("a.png"), image("b.png", 33.1, 0.95, seconds=0.5, input_psnr=27.3)),
        "skipped": (SkippedImage("c.png", "damaged"),),
    }
    return Evaluation(**{**values, **changes})


def symmetrized(*scores, interval=(-0.5, 1.5)):
    images = [
        SymmetrizedScore(image=f"{at}.png", psnr=psnr, average_psnr=average, deviation=0.5 + at)
        for at, (psnr, average) in enumerate(scores)
    ]
    return Symmetrization(
        group="p4", verdict="undecided", sentence="Not known.", interval=interval, images=tuple(images)
    )


def reloaded(found, folder):
    (folder / "e.json").write_text(found.to_json(), encoding="utf-8")
    return Evaluation.load(folder / "e.json")


def test_means_are_those_of_the_images():
    found = evaluation()
    assert found.psnr == statistics.fmean([30.0, 33.1]) and found.ssim == statistics.fmean([0.9, 0.95])
    assert found.input_psnr == statistics.fmean([28.0, 27.3]) and found.input_ssim == 0.8
    assert found.seconds == 1.0
    back = replace(found, images=found.images[::-1])
    assert back.psnr == found.psnr


@given(st.lists(st.tuples(st.floats(-20, 120), st.floats(-1, 1)), min_size=1, max_size=30), st.data())
def test_any_order_gives_the_same_mean(scores, data):
    listed = [image(str(place), psnr, ssim) for place, (psnr, ssim) in enumerate(scores)]
    whole = evaluation(images=tuple(listed))
    shuffled = evaluation(images=tuple(data.draw(st.permutations(listed))))
    assert (shuffled.psnr, shuffled.ssim) == (whole.psnr, whole.ssim)
    assert whole.psnr == pytest.approx(float(sum(Fraction(psnr) for psnr, _ in scores) / len(scores)), rel=1e-15)
    assert whole.ssim == pytest.approx(statistics.fmean(ssim for _, ssim in scores), rel=1e-12, abs=1e-15)


def test_one_perfect_image_makes_the_mean_infinite():
    found = evaluation(images=(image("a.png", 30.0, 0.9), image("b.png", inf, 1.0)))
    assert found.psnr == inf and found.ssim == pytest.approx(0.95)


def test_a_mean_needs_images():
    with pytest.raises(ReportError, match="no image was scored, so there is no mean"):
        evaluation(images=()).to_dict()


def test_the_document():
    document = evaluation().to_dict()
    assert next(iter(document)) == "schema" and document["schema"] == "symaudit.evaluation/1"
    assert document["mean"] == {"psnr": 31.55, "ssim": statistics.fmean([0.9, 0.95])}
    assert document["images"][0] == {
        **{"image": "a.png", "psnr": 30.0, "ssim": 0.9, "input_psnr": 28.0, "input_ssim": 0.8, "seconds": 1.5}
    }
    assert document["parameters"] == 42259 and "parameters" not in document["model"]
    assert document["skipped"] == [{"image": "c.png", "reason": "damaged"}]
    assert document["reasons"] == {}


def test_there_and_back(tmp_path):
    for found in (evaluation(), evaluation(model=EvaluatedModel(name="bicubic"), skipped=())):
        again = reloaded(found, tmp_path)
        assert again == found
        assert again.conditions == found.conditions
        assert again.to_json() == found.to_json()


def test_what_is_null_has_a_reason(tmp_path):
    found = evaluation(
        model=EvaluatedModel(name="identity"), images=(image("a.png", inf, 1.0), image("b.png", input_psnr=inf))
    )
    document = json.loads(found.to_json(), parse_constant=lambda name: pytest.fail(name))
    equal = "infinite: an image is equal to its clean image"
    assert document["reasons"] == {
        "mean.psnr": equal,
        "input.psnr": equal,
        "images.a.png.psnr": equal,
        "images.b.png.input_psnr": equal,
        "parameters": "identity has no parameters",
    }
    assert document["mean"]["psnr"] is None and document["images"][0]["psnr"] is None
    assert reloaded(found, tmp_path) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "symaudit.report/1"}, 'has schema "symaudit.report/1", expected "symaudit.evaluation/1"'),
        ({"mean": {"psnr": 50.0, "ssim": 0.9}}, "mean.psnr is 50.0, but the other fields give 31.55"),
        ({"seed": "0"}, "seed is '0', not a whole number"),
        ({"images": None}, "is damaged"),
        ({"images": [{"image": "a.png"}]}, "is damaged"),
        ({"model": {"step": 1}}, "is damaged .model.name is missing"),
        ({"data": "Set5"}, "is damaged"),
    ],
)
def test_damage_is_found(change, message):
    with pytest.raises(ReportError, match=message) as caught:
        Evaluation.from_dict({**evaluation().to_dict(), **change}, "e.json")
    assert str(caught.value).startswith("e.json ") and str(caught.value).endswith("; evaluate again")


@pytest.mark.parametrize("key", ["model", "images", "settings", "data", "seed"])
def test_what_is_missing_is_damage(key):
    document = evaluation().to_dict()
    del document[key]
    with pytest.raises(ReportError, match="damaged"):
        Evaluation.from_dict(document)


def test_what_an_older_version_lacks_takes_its_default():
    document = json.loads(json.dumps(evaluation().to_dict()))
    for name in ("parameters", "skipped", "mean", "reasons"):
        del document[name]
    del document["model"]["preset"]
    model = replace(evaluation().model, parameters=None, preset=None)
    assert Evaluation.from_dict(document) == evaluation(model=model, skipped=())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"extra": 1}, "extra"),
        ({"model": {"name": "a", "title": "x"}}, "model.title"),
        ({"mean": {"psnr": 31.55, "lpips": 0.1}}, "mean.lpips"),
        ({"reasons": {"mean.lpips": "flat"}}, "reasons.mean.lpips"),
    ],
)
def test_what_a_newer_version_added_is_no_damage(change, field):
    document = {**json.loads(json.dumps(evaluation().to_dict())), **change}
    expected = (
        f'e.json has a field "{field}" that this version does not know: it was written by a newer symaudit; update'
    )
    with pytest.raises(ReportError, match=expected):
        Evaluation.from_dict(document, "e.json")


def test_reasons_may_be_worded_otherwise():
    found = evaluation(images=(image("a.png", inf),))
    document = json.loads(json.dumps(found.to_dict()))
    document["reasons"] = dict.fromkeys(document["reasons"], "equal")
    assert Evaluation.from_dict(document) == found


def test_values_that_are_no_numbers_are_damage():
    for name in ("psnr", "ssim", "seconds"):
        document = json.loads(json.dumps(evaluation().to_dict()))
        document["images"][0][name] = float("nan")
        with pytest.raises(ReportError, match=rf"images\[0\]\.{name} is nan, which is not a finite number"):
            Evaluation.from_dict(document)


@pytest.mark.parametrize("settings", [{}, {"self_ensemble": "x", "device": "cpu"}, {"self_ensemble": True}])
def test_settings_that_tables_show_are_checked(settings):
    with pytest.raises(ReportError, match=r"is damaged \(settings\.\w+ is .*evaluate again"):
        Evaluation.from_dict(evaluation().to_dict() | {"settings": settings})


def test_files_that_are_no_evaluation(tmp_path):
    with pytest.raises(ReportError, match=r"cannot read .*none\.json: No such file or directory"):
        Evaluation.load(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text(evaluation().to_json()[:100], encoding="utf-8")
    with pytest.raises(ReportError, match=r"cut\.json is not valid JSON; save what evaluate --json prints"):
        Evaluation.load(tmp_path / "cut.json")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ReportError, match=r'list\.json has schema "None"'):
        Evaluation.load(tmp_path / "list.json")


def test_a_comparison_has_a_row_for_each():
    first, other = evaluation(), evaluation(model=EvaluatedModel(name="identity"), images=(image("a.png", inf),) * 2)
    document = json.loads(json.dumps(Comparison((first, other)).to_dict()))
    assert document["schema"] == "symaudit.comparison/1"
    assert [row["name"] for row in document["rows"]] == ["runs/a", "identity"]
    assert document["rows"][0]["psnr"] == first.psnr and document["rows"][0]["parameters"] == 42259
    assert document["rows"][1]["psnr"] is None
    assert set(document["reasons"]) == {"rows.identity.psnr", "rows.identity.parameters"}


def test_an_infinite_input_has_a_reason_too():
    found = Comparison((evaluation(images=(image("a.png", input_psnr=inf),)),)).to_dict()
    assert found["input"]["psnr"] is None and "input.psnr" in found["reasons"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": "sr-y"}, "protocol rgb versus protocol sr-y"),
        ({"seed": 3}, "seed 0 versus seed 3"),
        (
            {"data": DatasetInfo("Set14", "x", 14, "0" * 64)},
            r"Set5 \(2 images, ffffffff\) versus Set14 \(14 images, 00000000\)",
        ),
        ({"task": {"name": "denoise", "scale": 1, "sigma": 50.0}, "task_text": "other"}, "denoising versus other"),
    ],
)
def test_unlike_evaluations_are_not_compared(change, message):
    named = {"model": EvaluatedModel(name="runs/b"), **change}
    with pytest.raises(ReportError, match=f"runs/a and runs/b cannot be compared: {message}; evaluate both"):
        Comparison((evaluation(), evaluation(), evaluation(**named)))


def test_what_may_differ():
    other = evaluation(
        data=DatasetInfo("HR", "elsewhere/HR", 2, "f" * 64), task={"name": "denoise", "scale": 1, "sigma": (5.0, 35.0)}
    )
    assert len(Comparison((evaluation(), other)).evaluations) == 2


def test_a_task_of_before_an_option_is_the_task_without_it():
    other = evaluation(task={**evaluation().task, "blur": None})
    assert len(Comparison((evaluation(), other)).evaluations) == 2


def test_nothing_is_no_comparison():
    with pytest.raises(ReportError, match="there is nothing to compare; give two runs or more"):
        Comparison(())


def test_a_network_beside_its_average():
    found = evaluation(symmetrization=symmetrized((30.0, 30.25), (31.0, 31.75)))
    document = json.loads(json.dumps(found.to_dict()))
    assert Evaluation.from_dict(document) == found
    assert document["symmetrization"] == {
        **{"group": "p4", "verdict": "undecided", "sentence": "Not known.", "psnr": 30.5, "average_psnr": 31.0},
        **{"difference": 0.5, "standard_error": 0.25, "interval": [-0.5, 1.5], "deviation": 1.5},
        "images": [
            {"image": "0.png", "psnr": 30.0, "average_psnr": 30.25, "deviation": 0.5, "difference": 0.25},
            {"image": "1.png", "psnr": 31.0, "average_psnr": 31.75, "deviation": 1.5, "difference": 0.75},
        ],
    }
    assert document["reasons"] == {}


def test_one_image_has_neither_error_nor_interval(tmp_path):
    found = evaluation(symmetrization=symmetrized((30.0, 30.25), interval=None))
    document = found.to_dict()
    assert document["symmetrization"]["standard_error"] is None and document["symmetrization"]["interval"] is None
    assert document["reasons"] == {
        f"symmetrization.{name}": "one image has no standard error" for name in ("standard_error", "interval")
    }
    assert reloaded(found, tmp_path) == found


def test_an_infinite_difference_has_no_mean(tmp_path):
    found = evaluation(symmetrization=symmetrized((inf, inf), (30.0, inf), (inf, 30.0), interval=None))
    assert [item.difference for item in found.symmetrization.images] == [0.0, inf, -inf]
    document = json.loads(found.to_json(), parse_constant=lambda name: pytest.fail(name))
    part = document["symmetrization"]
    assert [part[name] for name in ("psnr", "average_psnr", "difference", "standard_error", "interval")] == [None] * 5
    assert [item["difference"] for item in part["images"]] == [0.0, None, None]
    assert len(document["reasons"]) == 5 + 2 * 2 + 2  # means, PSNRs and differences of the images
    assert reloaded(found, tmp_path) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"difference": 2.0}, "symmetrization.difference is 2.0, but the other fields give 0.5"),
        ({"interval": [1.0]}, "symmetrization.interval has 1 values, not 2"),
        ({"images": []}, "no image was scored"),
        ({"group": None}, "symmetrization.group is None, not text"),
        ({"ssim": 0.5}, 'has a field "symmetrization.ssim" that this version does not know: .* update'),
    ],
)
def test_damage_in_the_comparison_with_the_average(change, message):
    document = json.loads(json.dumps(evaluation(symmetrization=symmetrized((30.0, 30.25), (31.0, 31.75))).to_dict()))
    document["symmetrization"] |= change
    with pytest.raises(ReportError, match=message):
        Evaluation.from_dict(document)


def test_a_document_without_the_comparison_is_as_before():
    assert "symmetrization" not in evaluation().to_dict()
    assert Evaluation.from_dict(json.loads(json.dumps(evaluation().to_dict()))).symmetrization is None
