"""The answer of an audit on a terminal: its words, its strips against a count of characters, its width."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from symmetry_audit.reports import answers_sentences, answers_text
from symmetry_audit.results import TRANSFORMATIONS, Answer, AuditReport, DatasetInfo, ResultRow
from symmetry_audit.theory import recommend
from tests.theory.situations import candidates, photo

NAMES = ("tv", "tv2", "sobel", "laplacian", "prewitt")


def answer(name: str, verdict: str, change: float | None = 0.08, **more: object) -> Answer:
    known = {} if change is None else {"relative_epsilon": change, "ci_low": change / 2, "ci_high": 2 * change}
    return Answer(transformation=name, verdict=verdict, reason="because", **known | more)


def row(scenario: str, name: str) -> ResultRow:
    return ResultRow(
        regularizer=name,
        scenario=scenario,
        group="p8",
        sigma=1.5,
        downscale=1,
        epsilon=1.0,
        relative_epsilon=0.1234,
        normalized_epsilon=0.1,
        mean_response=8.0,
        identity_response=8.0,
        worst_element=1,
        worst_angle_deg=45.0,
        tested=True,
        visible_elements=3,
        images=20,
        p_value=0.001,
        relative_ci_low=0.05,
        relative_ci_high=0.25,
        relative_null=0.021,
    )


def report(*answers: Answer, names: tuple[str, ...] = NAMES) -> AuditReport:
    settings = {
        "sigma": [1.5],
        "downscale": [1],
        "regularizers": [{"name": name, "title": name.upper(), "points": []} for name in names],
    }
    scenarios = ("sample_strict", "dataset_strict", "dataset_adaptive")
    return AuditReport(
        dataset=DatasetInfo("photos\x1b[31m", "photos", 20, "0" * 64),
        settings=settings,
        results=tuple(row(scenario, name) for scenario in scenarios for name in names),
        answers=answers,
        recommendation=recommend(candidates("p8", photo), images=20),
    )


def verdicts(*given: str) -> tuple[Answer, ...]:
    return tuple(answer(name, verdict) for name, verdict in zip(TRANSFORMATIONS, given, strict=True))


@pytest.mark.parametrize(
    ("given", "first"),
    [
        (["fits"] * 5, "Flipped left-right, flipped upside down or turned, these images are the same as a set."),
        (
            ["fits", "does not fit", "does not fit", "does not fit", "does not fit"],
            "Flipped left-right, these images are the same as a set. Flipped upside down or turned, these images are "
            "no longer the same as a set.",
        ),
        (
            ["not settled", "not settled", "not settled", "fits", "fits"],
            "Turned by 90 degrees or any angle, these images are the same as a set. Flipped left-right, flipped upside "
            "down or turned by 180 degrees: not settled.",
        ),
        (["not tested"] * 5, ""),
    ],
)
def test_the_answer_in_words(given: list[str], first: str) -> None:
    *told, build = answers_sentences(report(*verdicts(*given)))
    assert " ".join(told) == first
    assert build.startswith("Build p4 (quarter turns) into a network")


def test_a_plain_network_and_mirrors_in_words() -> None:
    found = report(*verdicts(*["fits"] * 5))
    build = replace(found.recommendation.build, group="p1", relax=None, augment="hflip")
    plain = replace(found, recommendation=replace(found.recommendation, build=build))
    assert answers_sentences(plain)[-1] == (
        "Build a plain network, without rotations (p1), and augment with left-right mirrors."
    )
    relaxed = replace(found.recommendation.build, relax=0.1, augment="none")
    told = answers_sentences(replace(found, recommendation=replace(found.recommendation, build=relaxed)))[-1]
    assert told.endswith("into a network, relaxed so that it can leave the symmetry, and do not augment.")


def test_strips_are_drawn_to_scale() -> None:
    """An axis to 20 %, 28 characters long: 8 % stands at 11, 4 % at 6 and 16 % at 22."""
    lines = answers_text(report(answer("flip left-right", "not settled"))).splitlines()
    (strip,) = (line for line in lines if line.startswith("flip left-right"))
    axis = strip[strip.index("[") + 1 : strip.index("]")]
    assert len(axis) == 29
    assert (axis.index("-"), axis.index("o"), axis.rindex("-"), axis.index("|")) == (6, 11, 22, 7)
    assert "   8.0 %" in strip
    assert "0 to 20 %" in " ".join(lines)


def test_the_axis_ends_at_forty_percent() -> None:
    wide = answers_text(report(answer("quarter turns", "does not fit", 1.5, p_value=0.001)))
    (strip,) = (line for line in wide.splitlines() if line.startswith("quarter turns"))
    assert strip.endswith("o]") and " 150 %" in strip


def test_how_many_images_would_settle_it() -> None:
    two = report(
        answer("flip left-right", "not settled", images_needed=120),
        answer("half turn", "not settled", images_needed=4500),
    )
    assert "About 4,500 images would settle all of that, if the images are symmetric." in answers_text(two)
    assert "would settle" not in answers_text(report(answer("half turn", "fits", images_needed=50)))


def test_what_was_not_measured_has_its_reason() -> None:
    text = answers_text(report(answer("any angle", "not tested", None)))
    assert "any angle         not tested    because" in text
    assert "How much responses change" not in text


@pytest.mark.parametrize("names", [NAMES, ("tv",), tuple(f"stencil{n}" for n in range(12))], ids=len)
def test_it_fits_a_terminal(names: tuple[str, ...]) -> None:
    text = answers_text(report(*verdicts(*["not settled"] * 5), names=names))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) <= 30
    table = lines[next(n for n, line in enumerate(lines) if line.startswith("Relative")) :]
    assert len(table) <= 12
    assert "\x1b" not in text
    if len(names) > 5:
        assert re.fullmatch(r"\.\.\. and \d+ more regularizers", lines[-1])


def test_the_table_has_the_numbers_of_the_rows() -> None:
    lines = [line.split() for line in answers_text(report(names=("tv",))).splitlines()]
    assert ["Single", "images", "12"] in lines
    assert ["95", "%", "interval", "5.0", "to", "25"] in lines
    assert ["by", "chance", "2.1"] in lines and ["p", "0.001"] in lines
