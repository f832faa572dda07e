"""Candidates for a network: what is tested, what was measured of them, and that nobody is told a wrong symmetry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw, ImageFont

from symmetry_audit import measure, recommend, reports
from symmetry_audit.findings._candidates import MIRROR_CONTRAST, spectral_classes
from symmetry_audit.groups import Group
from symmetry_audit.kernels import DEFAULT_REGULARIZERS, STENCILS, GaussianKernel
from symmetry_audit.results import AuditReport, Candidate
from symmetry_audit.synth import SynthSettings, write_dataset
from tests.conftest import save_photos
from tests.oracles import affine as oracle
from tests.oracles import statistics as slow
from tests.oracles import symmetry

STRICT = "sample_strict,dataset_strict"
FIVE = ",".join(DEFAULT_REGULARIZERS)
IMAGES = 12  # of adaptive runs: enough for a recommendation
RELATIVE = {"ci_low": "relative_ci_low", "ci_high": "relative_ci_high"}
RELATIVE |= {"null_epsilon": "relative_null", "floor": "relative_floor"}
CONSONANTS, VOWELS = "bcdfghklmnpqrstv", "aeiou"


@pytest.fixture(scope="module", autouse=True)
def undrawn() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reports, "render", lambda folder: ())
        yield


# --- pictures without the symmetry that they might be taken for

MIRRORED = {"text": (), "faces": ("p1m",)}  # a face is nearly its own mirror image


def rendered_text(folder: Path, count: int = 24, size: int = 96) -> Path:
    """Lines of random words, dark on light: neither half turns nor mirrors leave writing alone."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(20)
    for number in range(count):
        image = Image.new("L", (size, size), int(rng.integers(215, 256)))
        height, ink, y = int(rng.integers(9, 19)), int(rng.integers(0, 60)), int(rng.integers(-4, 4))
        while y < size:
            syllables = [rng.choice(list(CONSONANTS)) + rng.choice(list(VOWELS)) for _ in range(24)]
            line = "".join(syllable + " " * int(rng.random() < 0.4) for syllable in syllables)
            place = int(rng.integers(-6, 3)), y
            ImageDraw.Draw(image).text(place, line, fill=ink, font=ImageFont.load_default(height))
            y += round(1.35 * height)
        image.save(folder / f"{number:02}.png")
    return folder


def drawn_faces(folder: Path, count: int = 24, size: int = 96) -> Path:
    """Ellipses with eyes, a nose and a mouth: upright, so that half turns are no symmetry."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(21)
    for number in range(count):
        image = Image.new("L", (size, size), int(rng.integers(180, 256)))
        draw = ImageDraw.Draw(image)
        x, y = size / 2 + rng.uniform(-4, 4, 2)
        width, height, eye = rng.uniform(24, 30), rng.uniform(32, 40), rng.uniform(3, 5)
        draw.ellipse(
            (x - width, y - height, x + width, y + height), fill=int(rng.integers(90, 160)), outline=20, width=2
        )
        for side in (-1, 1):
            at, up = x + side * 0.42 * width, y - 0.25 * height
            draw.ellipse((at - eye, up - 0.6 * eye, at + eye, up + 0.6 * eye), fill=240)
            draw.ellipse((at - 2, up - 2, at + 2, up + 2), fill=10)
            draw.line((at - eye, up - 7, at + eye, up - 8), fill=30, width=2)
        draw.line((x, y - 4, x + rng.uniform(1, 4), y + 0.2 * height), fill=40, width=2)
        draw.arc((x - 0.45 * width, y + 0.2 * height, x + 0.45 * width, y + 0.65 * height), 20, 160, fill=30, width=3)
        image.save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pictures")
    return {"text": rendered_text(folder / "text"), "faces": drawn_faces(folder / "faces")}


@pytest.fixture(scope="module")
def text_report(pictures, tmp_path_factory) -> AuditReport:
    """Strict and adaptive rows of text under a group with mirrors."""
    out = tmp_path_factory.mktemp("text") / "run"
    return measure(pictures["text"], reg="tv,chiral", group="p8m", limit=IMAGES, out=out)


def check_nothing_is_claimed(report: AuditReport, *, but: tuple[str, ...] = ()) -> None:
    """Upright asymmetric pictures have no rotation, no half turn and no mirror ``but`` those named."""
    for candidate in report.recommendation.candidates:
        group = Group.parse(candidate.group)
        if candidate.order > 1 and (group.mirrored or group.rotations == 2) and candidate.group not in but:
            assert candidate.verdict != "shown", candidate.name
    assert "shown" not in {group: law for group, law in report.recommendation.law.items() if group not in but}.values()


@pytest.mark.parametrize("kind", ["text", "faces"])
@pytest.mark.parametrize("reg", [FIVE, f"{FIVE},chiral"], ids=["five", "chiral"])
@pytest.mark.parametrize("group", ["p2", "p2m", "p8m"])
def test_writing_and_faces_have_no_strict_symmetry(pictures, kind, reg, group):
    report = measure(pictures[kind], reg=reg, group=group, scenario=STRICT)
    check_nothing_is_claimed(report, but=MIRRORED[kind])
    assert report.recommendation.group == "p4"  # a plain network takes evidence from the task
    if group == "p8m":
        assert report.recommendation.law["p4"] == "refuted"
        assert report.recommendation.build.relax is not None
        assert report.recommendation.directions[0].verdict == "one direction"


def test_writing_has_no_adaptive_symmetry(text_report):
    check_nothing_is_claimed(text_report)
    assert text_report.recommendation.build.adapt is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "faces"])
@pytest.mark.parametrize("reg", [FIVE, f"{FIVE},chiral"], ids=["five", "chiral"])
@pytest.mark.parametrize("group", ["p2", "p8m"])
def test_writing_and_faces_have_no_adaptive_symmetry(pictures, kind, reg, group):
    check_nothing_is_claimed(measure(pictures[kind], reg=reg, group=group), but=MIRRORED[kind])


def test_faces_have_no_adaptive_symmetry(pictures):
    report = measure(pictures["faces"], reg="tv,chiral", group="p8m", limit=IMAGES)
    check_nothing_is_claimed(report, but=MIRRORED["faces"])


def test_stripes_share_one_direction(tmp_path, rng):
    """No difference along the stripes is seen, and the Laplacian alone would allow p8."""
    (tmp_path / "stripes").mkdir()
    for number in range(12):
        stripes = np.repeat(rng.integers(0, 256, (60, 1), dtype=np.uint8), 60, axis=1)
        Image.fromarray(stripes).save(tmp_path / f"stripes/{number:02}.png")
    report = measure(tmp_path / "stripes", reg="tv,laplacian", group="p8", scenario=STRICT)
    tv, laplacian = (row for row in report.results if row.scenario == "dataset_strict")
    assert tv.identity_response == 0
    assert tv.relative_epsilon > 1  # of at most 2
    assert laplacian.relative_epsilon < 0.05
    found = report.recommendation
    assert dict(found.law) == {"p2": "not tested", "p4": "refuted", "p8": "refuted"}
    assert found.directions[0].verdict == "one direction"
    assert "Evidence, common direction: the images share one direction" in found.sentence
    assert found.build.name == "p4, relaxed"
    alone = measure(tmp_path / "stripes", reg="laplacian", group="p8", scenario=STRICT).recommendation
    assert (alone.law["p4"], alone.law["p8"]) == ("not tested", "shown")


# --- fields whose symmetry is known


def test_isotropic_fields_are_told_to_be_isotropic(tmp_path):
    settings = SynthSettings(n=24, size=160, ratio=1.0, slope=0.5)
    write_dataset(tmp_path / "fields", settings)
    report = measure(tmp_path / "fields", reg="tv,sobel,laplacian", group="p16", scenario=STRICT)
    found = report.recommendation
    # so few small images hardly tell what rises from what falls
    assert dict(found.law) == {"p2": "not settled", "p4": "shown", "p8": "shown", "p16": "shown"}
    assert [answer.verdict for answer in report.answers][3:] == ["fits", "fits"]
    assert "The images are symmetric under p16 up to 5 %" in found.sentence
    assert (found.build.name, found.build.adapt) == ("p4", None)


def test_isotropic_fields_need_no_deformation(tmp_path):
    write_dataset(tmp_path / "fields", SynthSettings(n=12, size=128, ratio=1.0, slope=0.5))
    found = measure(tmp_path / "fields", reg="tv", group="p8").recommendation
    assert found.law["p8"] == "shown"
    assert not found.candidate("p8", adaptive=True).gains


def test_fields_with_deformations_of_their_own_have_an_adaptive_symmetry(tmp_path):
    """One direction for all, so that strict rotations are refuted, and ratios of their own."""
    write_dataset(tmp_path / "fields", SynthSettings(n=16, size=224, ratio=(1.4, 1.8), angle=20.0, slope=0.5))
    out = tmp_path / "run"
    found = measure(tmp_path / "fields", reg="tv", group="p8", out=out).recommendation
    assert found.law["p8"] == "refuted"
    adaptive = found.candidate("p8", adaptive=True)
    assert (adaptive.verdict, adaptive.gains) == ("shown", True)
    assert found.build.adapt is None  # on a processor
    assert recommend(out, budget="gpu").build.adapt == "p8"


# --- which elements are tested


@pytest.mark.parametrize("name", DEFAULT_REGULARIZERS)
@pytest.mark.parametrize("group", ["p2", "p8", "p8m", "p3", "p4m"])
def test_regularizers_see_what_the_power_of_their_kernels_shows(name, group):
    labels = spectral_classes(STENCILS[name], Group.parse(group), GaussianKernel())
    matrices = symmetry.group_matrices(group)
    power = [symmetry.transfer_power(kernel, 64) for kernel in oracle.kernel_stack(name, matrices, 1.5, 8)]
    for t, one in enumerate(power):
        for s, other in enumerate(power):
            alike = np.abs(one - other).max() <= 1e-6 * one.max()
            assert bool(labels[t] == labels[s]) is bool(alike), (t, s)


def test_the_five_see_neither_half_turns_nor_mirrors():
    for name in DEFAULT_REGULARIZERS:
        assert set(spectral_classes(STENCILS[name], Group(2), GaussianKernel())) == {0}
        count = {
            group: len(set(spectral_classes(STENCILS[name], Group.parse(group), GaussianKernel()).tolist()))
            for group in ("p8", "p8m", "p32", "p32m")
        }
        assert count["p8"] == count["p8m"]
        assert count["p32"] == count["p32m"]
        if STENCILS[name].directed:
            assert (count["p8"], count["p32"]) == (4, 16)


def test_the_chiral_stencil_tells_mirrors_but_not_half_turns():
    def classes(group):
        return len(set(spectral_classes(STENCILS["chiral"], Group.parse(group), GaussianKernel()).tolist()))

    assert (classes("p2"), classes("p8"), classes("p8m"), classes("p1m")) == (1, 4, 8, 2)


def waves(folder: Path, frequency: tuple[float, float]) -> Path:
    """Plane waves of random phase: what differs most from its mirror image in a power spectrum."""
    folder.mkdir()
    rng = np.random.default_rng(22)
    x, y = np.meshgrid(np.arange(64.0), np.arange(64.0))
    for number in range(12):
        phase = 2 * np.pi * (frequency[0] * x + frequency[1] * y + rng.random())
        Image.fromarray((128 + 60 * np.cos(phase)).round().astype(np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize(("frequency", "contrast"), [((-0.21, -0.13), True), ((0.05, 0.0), False)])
def test_mirrors_count_as_seen_only_where_single_images_differ_from_their_mirror_images(tmp_path, frequency, contrast):
    folder = waves(tmp_path / "waves", frequency)
    asked = {"reg": "tv,chiral", "group": "p4m", "scenario": STRICT, "sigma": 0.7}
    report = measure(folder, **asked, out=tmp_path / "run")
    table = tables(report)["chiral", "dataset_strict"]
    measured = np.mean(np.abs(table[:, 4] - table[:, 0]) / table[:, 0])  # A_0 M stands at 4
    assert bool(measured >= MIRROR_CONTRAST) is contrast
    candidates = {item.group: item for item in report.recommendation.candidates}
    assert candidates["p4"].tested_order == 2
    assert candidates["p4m"].tested_order == (4 if contrast else 2)
    assert candidates["p1m"].tested_order == (2 if contrast else 1)
    # else the response to rising edges decides, here of too few images
    assert candidates["p1m"].verdict == ("refuted" if contrast else "not settled")


# --- what was measured of a candidate


def tables(report: AuditReport) -> dict[tuple[str, str], np.ndarray]:
    rows = pq.read_table(report.folder / "responses.parquet").to_pylist()
    keys = {(row["regularizer"], row["scenario"]) for row in rows}
    return {
        key: np.array([row["response"] for row in rows if (row["regularizer"], row["scenario"]) == key]) for key in keys
    }


def elements_of(group: str, whole: str = "p8m") -> list[int]:
    """Where the elements of a subgroup stand, by their matrices."""
    matrices = symmetry.group_matrices(whole)
    return [int(np.abs(matrices - one).max((1, 2)).argmin()) for one in symmetry.group_matrices(group)]


def test_every_subgroup_is_a_candidate_strict_ones_first(text_report):
    groups = ["p2", "p1m", "p4", "p2m", "p8", "p4m", "p8m"]
    assert [(item.group, item.adaptive) for item in text_report.recommendation.candidates] == [
        ("p1", False),
        *((group, False) for group in groups),
        *((group, True) for group in groups),
    ]
    orders = {item.group: item.order for item in text_report.recommendation.candidates}
    assert orders == {"p1": 1, "p2": 2, "p1m": 2, "p4": 4, "p2m": 4, "p8": 8, "p4m": 8, "p8m": 16}


def test_the_values_of_candidates_are_those_of_their_elements(text_report):
    found = tables(text_report)
    indices = np.random.default_rng(0).integers(0, IMAGES, (1000, IMAGES))
    for candidate in text_report.recommendation.candidates:
        elements = elements_of(candidate.group)
        for value in candidate.values:
            table = found[value.regularizer, candidate.scenario][:, elements]
            assert value.mean_response == pytest.approx(table.mean(), rel=1e-12)
            assert value.epsilon == pytest.approx(
                slow.epsilon(table.mean(0), range(len(elements))), rel=1e-9, abs=1e-12
            )
            assert value.relative_epsilon == pytest.approx(spread(table.mean(0)), rel=1e-9, abs=1e-12)
            draws = np.array([spread(table[drawn].mean(0)) for drawn in indices])
            allowed = 4 * np.sqrt(0.025 * 0.975 * 2 / 1000)
            assert (draws < value.ci_low - 1e-12).mean() == pytest.approx(0.025, abs=allowed)
            assert (draws > value.ci_high + 1e-12).mean() == pytest.approx(0.025, abs=allowed)


def spread(profile: np.ndarray) -> float:
    """Relative epsilon of a mean profile (T,)."""
    return float((max(profile) - min(profile)) / (sum(profile) / len(profile)))


def test_the_null_and_the_test_of_a_strict_candidate_are_those_of_shifts_within_it(text_report):
    found = tables(text_report)
    for candidate in strict_ones(text_report):
        elements = elements_of(candidate.group)
        for value in candidate.values:
            table = found[value.regularizer, "dataset_strict"][:, elements]
            draws = np.array(list(shifted(table, candidate.group, 400)))
            error = np.sqrt(1 / 400 + 1 / 999)
            assert value.null_epsilon == pytest.approx(draws.mean(), abs=4 * draws.std() * error + 1e-12)
            p = np.mean(draws >= value.relative_epsilon - 1e-12)
            assert value.p_value == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p)) * error + 0.004)


def shifted(table: np.ndarray, group: str, number: int) -> Iterator[float]:
    """Relative epsilons of datasets whose images were turned by random elements of the group, by the matrices."""
    matrices = symmetry.group_matrices(group)
    products = np.einsum("aij,bjk->abik", matrices.transpose(0, 2, 1), matrices)
    moved = np.abs(products[:, :, None] - matrices).max((-1, -2)).argmin(-1)  # where B^-1 A stands
    rng = np.random.default_rng(1)
    for _ in range(number):
        turns = rng.integers(0, len(matrices), len(table))
        yield spread(np.mean([row[moved[turn]] for row, turn in zip(table, turns, strict=True)], axis=0))


def test_adaptive_candidates_have_no_test(text_report):
    values = [value for item in text_report.recommendation.candidates if item.adaptive for value in item.values]
    assert values and all(value.p_value is None for value in values)
    assert all(item.images_needed is None for item in text_report.recommendation.candidates if item.adaptive)


def test_the_number_of_images_needed_is_of_the_spread_by_chance(text_report):
    """An upper limit is 2 to 6 times the mean by chance, which falls with the square root of the number of images."""
    for candidate in strict_ones(text_report):
        if candidate.tested_order == 1:
            assert candidate.images_needed is None  # nothing sees it
            continue
        chance = max(value.null_epsilon for value in candidate.seen)
        low, high = (IMAGES * (factor * chance / 0.05) ** 2 for factor in (2, 6))
        assert low < candidate.images_needed < high, candidate.name


def strict_ones(report: AuditReport) -> list[Candidate]:
    return [item for item in report.recommendation.candidates if item.order > 1 and not item.adaptive]


def test_the_whole_group_has_the_values_of_the_rows(text_report):
    rows = {(row.scenario, row.regularizer): row for row in text_report.results}
    for candidate in text_report.recommendation.candidates:
        if candidate.group != "p8m":
            continue
        for value in candidate.values:
            row = rows[candidate.scenario, value.regularizer]
            for name in ("epsilon", "relative_epsilon", "mean_response"):
                assert getattr(value, name) == pytest.approx(getattr(row, name), rel=1e-9)
            relative = {"ci_low": "relative_ci_low", "ci_high": "relative_ci_high", "null_epsilon": "relative_null"}
            for name, of_row in {**relative, "floor": "relative_floor"}.items():
                assert getattr(value, name) == pytest.approx(getattr(row, of_row), rel=1e-9)
            assert value.held_out == candidate.adaptive
            if candidate.adaptive:
                assert value.held_out_epsilon == pytest.approx(row.relative_held_out, rel=1e-9)
                assert value.held_out_strict_epsilon == pytest.approx(row.relative_held_out_strict, rel=1e-9)
                assert value.held_out_gain_low < value.held_out_gain_high


# --- the block in report.json


def test_the_recommendation_survives_json(text_report):
    text = (text_report.folder / "report.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text
    loaded = AuditReport.load(text_report.folder)
    assert loaded == text_report
    assert loaded.to_json() == text
    assert text_report.recommendation.unit == "grey levels"
    assert text_report.recommendation.images == IMAGES


@pytest.mark.parametrize(
    ("scenario", "groups"), [("sample_strict", None), ("dataset_adaptive", {"p1", "p2", "p4", "p8"})]
)
def test_only_dataset_rows_recommend(photos, scenario, groups):
    report = measure(photos, reg="tv", group="p8", scenario=scenario, controls=False)
    found = report.recommendation
    assert (found and {item.group for item in found.candidates}) == groups
    assert AuditReport.from_dict(report.to_dict()) == report


def test_squares_have_their_own_unit(tmp_path, rng):
    photos = save_photos(tmp_path / "photos", rng, count=2)
    asked = {"reg": "tv", "group": "p4", "scenario": "dataset_strict"}
    assert measure(photos, **asked, response="energy").recommendation.unit == "squared grey levels"
