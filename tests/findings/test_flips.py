"""Answers to "may I flip?" from the responses of single images: against sums of signs, closed forms, known sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit import measure
from symmetry_audit.audit._flips import DIRECTIONS, SIGMA, flip_engine, flip_kernels
from symmetry_audit.findings._flips import TAKES, FlipTotals, exchanged
from symmetry_audit.results import AuditReport
from symmetry_audit.statistics import Member, holm
from tests.conftest import smooth_noise
from tests.oracles import symmetry as oracle

FLIPPED = {
    "flip left-right": np.fliplr,
    "flip upside down": np.flipud,
    "half turn": lambda image: np.rot90(image, 2),
}


def responses(image: np.ndarray) -> np.ndarray:
    engine = flip_engine(15)
    assert engine is not None
    return engine.row_means(image, 15, "rectified").mean(0)


def filled(profiles: np.ndarray, labels: list[int] | None = None) -> FlipTotals:
    totals = FlipTotals(0)
    for at, profile in enumerate(profiles):
        totals.add(profile, Member(at, None if labels is None else str(labels[at])))
    return totals


def verdicts(profiles: np.ndarray) -> dict[str, str]:
    return {answer.transformation: answer.verdict for answer in filled(profiles).answers(0.05)}


def test_responses_equal_the_oracle(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 71, 88)
    matrices = oracle.group_matrices("p8")
    theirs = oracle.responses(image, "tv", matrices, sigma=SIGMA, kind="rectified")
    assert np.abs(responses(image) / theirs - 1).max() < 4e-5


@pytest.mark.parametrize("name", TAKES)
def test_flips_take_directions_to_directions(rng: np.random.Generator, name: str) -> None:
    """The responses of the flipped image are those of the image, exchanged: the pixel grid adds nothing."""
    image = smooth_noise(rng, 60, 77)
    expected = responses(image)[TAKES[name](np.arange(8))]
    assert np.abs(responses(FLIPPED[name](image).copy()) / expected - 1).max() < 1e-5
    kernels = flip_kernels()
    for one, other in exchanged(name):
        assert np.abs(FLIPPED[name](kernels[one]) - kernels[other]).max() < 1e-12 * np.abs(kernels).max()


def test_every_direction_that_moves_is_in_one_pair() -> None:
    for name, takes in TAKES.items():
        moved = {t for t in range(DIRECTIONS.order) if takes(t) != t}
        assert sorted(exchanged(name).ravel().tolist()) == sorted(moved)


def test_numbers_equal_sums_of_signs(rng: np.random.Generator) -> None:
    """The invariance test of two elements is a test of random signs; here of sets where most of them count."""
    profiles = rng.gamma(9.0, 1.0, (40, 8))
    profiles[:, 2] *= 1.25
    values = list(filled(profiles)._values("flip upside down"))
    mean = profiles.mean(0)
    signs = rng.choice([-1.0, 1.0], (40_000, 40))
    for value, (one, other) in zip(values, exchanged("flip upside down"), strict=True):
        middle = (mean[one] + mean[other]) / 2
        assert value.relative_epsilon == pytest.approx(abs(mean[one] - mean[other]) / middle, rel=1e-12)
        draws = np.abs(signs @ (profiles[:, one] - profiles[:, other])) / 40 / middle
        expected = (draws >= value.relative_epsilon).mean()
        assert value.p_value == pytest.approx(expected, abs=5 * np.sqrt(expected / 1e4) + 2e-4)
        assert value.null_epsilon == pytest.approx(draws.mean(), rel=0.05)


def test_the_interval_is_a_bootstrap_of_the_pair(rng: np.random.Generator) -> None:
    profiles = rng.gamma(9.0, 1.0, (60, 8))
    profiles[:, 2] *= 1.4
    value = list(filled(profiles)._values("half turn"))[2]  # directions 2 and 6
    picked = profiles[rng.integers(0, 60, (20_000, 60))].mean(1)[:, [2, 6]]
    expected = np.quantile(np.ptp(picked, axis=1) / picked.mean(1), [0.025, 0.975])
    assert (value.ci_low, value.ci_high) == pytest.approx(tuple(expected), rel=0.1)


def test_verdicts_of_known_laws(rng: np.random.Generator) -> None:
    """Light from above for all images; then as often from below, which every image still has one of."""
    base = 1 + 0.02 * rng.standard_normal((120, 8))
    above = base.copy()
    above[:, [1, 2, 3]] *= 1.2
    assert verdicts(base) == dict.fromkeys(TAKES, "fits")
    assert verdicts(above) == {
        "flip left-right": "fits",
        "flip upside down": "does not fit",
        "half turn": "does not fit",
    }
    above[::2] = above[::2][:, TAKES["flip upside down"](np.arange(8))]
    assert set(verdicts(above).values()) == {"fits"}


def test_a_small_difference_that_is_no_chance_does_not_fit_for_sure(rng: np.random.Generator) -> None:
    """As writing from its mirror image: 3 % with an interval below 5 %."""
    profiles = 1 + 0.02 * rng.standard_normal((120, 8))
    profiles[:, [0, 1, 7]] *= 1.03
    across = filled(profiles).answers(0.05)[0]
    assert (across.transformation, across.verdict) == ("flip left-right", "not settled")
    assert across.reason.endswith(": by little, but not by chance") and across.images_needed is None
    assert across.ci_high < 0.05 and across.p_value < 0.01


def test_the_p_value_is_adjusted_for_the_number_of_pairs(rng: np.random.Generator) -> None:
    profiles = rng.gamma(9.0, 1.0, (40, 8))
    totals = filled(profiles)
    values = list(totals._values("half turn"))
    adjusted = holm([value.p_value for value in values])
    found = totals.answers(0.05)[2]
    at = [value.relative_epsilon for value in values].index(found.relative_epsilon)
    assert found.p_value == adjusted[at]


def test_few_images_and_flat_ones() -> None:
    assert set(verdicts(np.ones((9, 8))).values()) == {"not tested"}
    few = filled(np.ones((9, 8))).answers(0.05)[0]
    assert few.reason == "it takes 10 images, and there are 9"
    flat = filled(np.zeros((12, 8))).answers(0.05)
    assert {answer.reason for answer in flat} == {"nothing responds in these images"}


def test_clusters_are_drawn_whole(rng: np.random.Generator) -> None:
    """Twelve copies of five images are five images to the interval."""
    five = rng.gamma(9.0, 1.0, (5, 8))
    labels = [n for n in range(5) for _ in range(12)]
    copies = np.repeat(five, 12, axis=0)
    alone, clustered = (filled(copies, given) for given in (None, labels))
    widths = [
        next(iter(totals._values("half turn"))).ci_high - next(iter(totals._values("half turn"))).ci_low
        for totals in (alone, clustered)
    ]
    assert widths[1] > 2 * widths[0]


def lit(folder: Path, rng: np.random.Generator, count: int = 24) -> Path:
    """Blobs, bright above and dark below, as relief under a lamp."""
    folder.mkdir()
    y, x = np.mgrid[:80, :80]
    for number in range(count):
        image = np.full((80, 80), 128.0)
        for row, column in rng.uniform(10, 70, (30, 2)):
            bump = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 18)
            image -= 60 * np.minimum(np.gradient(bump, axis=0), 0) * 8  # steeper where it darkens downwards
        Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / f"{number:02}.png")
    return folder


def test_an_audit_answers_each_question(tmp_path: Path, rng: np.random.Generator) -> None:
    out = tmp_path / "run"
    report = measure(lit(tmp_path / "lit", rng), reg="tv", group="p8", scenario="dataset_strict", out=out)
    found = {answer.transformation: answer for answer in report.answers}
    assert list(found) == [*TAKES, "quarter turns", "any angle"]
    assert found["flip upside down"].verdict == found["half turn"].verdict == "does not fit"
    assert found["flip left-right"].verdict != "does not fit"
    assert (found["half turn"].regularizer, found["half turn"].response, found["half turn"].floor) == (
        "tv",
        "rectified",
        0.0,
    )
    assert report.recommendation.law["p2"] == "refuted"
    assert report.recommendation.build.augment in ("hflip", "none")
    assert AuditReport.load(out).answers == report.answers


def test_a_margin_too_narrow_for_them_gives_no_answers(photos: Path) -> None:
    asked = {"reg": "tv", "group": "p4", "scenario": "dataset_strict", "sigma": 0.5, "margin": 4, "limit": 2}
    assert measure(photos, **asked).answers == ()


@pytest.mark.data
def test_photographs_may_be_mirrored_and_not_turned_upside_down(shared_data: Path) -> None:
    answers = {
        answer.transformation: answer.verdict
        for answer in measure(shared_data / "BSD100/HR", reg="tv", group="p8", scenario="dataset_strict").answers
    }
    assert answers["flip upside down"] == answers["half turn"] == "does not fit"
    assert answers["flip left-right"] == "not settled"


@pytest.mark.data
def test_aerial_tiles_are_not_refuted(shared_data: Path) -> None:
    found = measure(shared_data / "RSSCN7", reg="tv", group="p8", scenario="dataset_strict").answers
    assert {answer.verdict for answer in found[:2]} <= {"fits", "not settled"}


def test_a_rectified_audit_equals_the_oracle(photos: Path, tmp_path: Path) -> None:
    """All four elements of p4 are seen, the half turn too, and mirrors; under fits as under strict rotations."""
    asked = {"reg": "tv,tv2", "group": "p4m", "response": "rectified", "controls": False}
    report = measure(photos, **asked, out=tmp_path / "run")
    images = [oracle.luminance(path) for path in sorted(photos.glob("*.png"))]
    for name, seen in (("tv", 6), ("tv2", 4)):  # tv has one mirror axis, tv2 two and the half turn
        about = {"kind": "rectified", "margin": report.settings["margin"]}
        profiles = [oracle.responses(one, name, oracle.group_matrices("p4m"), **about) for one in images]
        mean = np.mean(profiles, axis=0)
        (row,) = (row for row in report.results if (row.regularizer, row.scenario) == (name, "dataset_strict"))
        assert row.relative_epsilon == pytest.approx(np.ptp(mean) / mean.mean(), rel=1e-3)
        assert row.epsilon == pytest.approx(np.abs(mean - mean[0]).max(), rel=1e-3)
        assert row.visible_elements == seen
        assert row.relative_floor < 1e-12  # quarter turns and mirrors take kernels to each other
    assert report.unit == "squared grey levels"
    assert {row.fit for row in report.results if row.scenario == "dataset_adaptive"} == {"tv", "tv2"}
