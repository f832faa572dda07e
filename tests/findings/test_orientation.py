"""Relative numbers are the same whichever way the images lie; absolute ones need not be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit import measure
from symmetry_audit.audit._fit_rows import FLAT
from symmetry_audit.groups import Group
from symmetry_audit.results import RELATIVE_FIELDS, AuditReport
from symmetry_audit.synth import gaussian_field

IMAGES = 12
EXACT = 1e-6  # of the mean response, which is float32; quarter turns move pixels onto pixels
# held-out halves are bands of rows, which turn into columns
TURNED = [name for name in RELATIVE_FIELDS if "held_out" not in name]
STRICT = "sample_strict,dataset_strict"

pytestmark = pytest.mark.usefixtures("undrawn")


def pictures() -> list[np.ndarray]:
    """Fields that are all stretched along one direction, in two sub-folders, not square."""
    rng = np.random.default_rng(31)
    fields = [128 + 30 * gaussian_field((72, 144), rng=rng)[:, ::2] for _ in range(IMAGES)]
    return [field.clip(0, 255).round().astype(np.uint8) for field in fields]


def saved(folder: Path, images: list[np.ndarray], quarters: int) -> Path:
    for number, image in enumerate(images):
        place = folder / ("a" if number % 3 else "b")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rot90(image, quarters)).save(place / f"{number:02}.png")
    return folder


def turned_and_not(folder: Path, images: list[np.ndarray], **asked: object) -> Iterator[AuditReport]:
    for quarters in (0, 1, 2, 3):
        yield measure(saved(folder / str(quarters), images, quarters), **asked)


def same(found: float | None, other: float | None) -> bool:
    return found == other if found is None or other is None else abs(found - other) <= EXACT


def relative_numbers(report: AuditReport) -> dict[tuple, float | None]:
    """Every relative number of the rows, of the analyses and of the candidates that a quarter turn belongs to."""
    found = {(row.scenario, row.regularizer, name): getattr(row, name) for row in report.results for name in TURNED}
    for entry in report.analyses["folders"]:
        found[entry["folder"], entry["scenario"], entry["regularizer"]] = entry["relative_epsilon"]
    for item in report.recommendation.candidates:
        for value in item.values * (Group.parse(item.group).rotations % 4 == 0):
            for name in ("relative_epsilon", "ci_low", "ci_high", "null_epsilon", "floor"):
                found[item.group, item.scenario, value.regularizer, name] = getattr(value, name)
    return found


def check_turned(reports: Iterator[AuditReport]) -> None:
    first, *others = reports
    numbers = relative_numbers(first)
    for other in others:
        again = relative_numbers(other)
        assert again.keys() == numbers.keys()
        assert {key: (again[key], numbers[key]) for key in numbers if not same(again[key], numbers[key])} == {}


def test_a_quarter_turn_changes_no_relative_number_of_strict_rows(tmp_path):
    reports = list(turned_and_not(tmp_path, pictures(), reg="tv,sobel,laplacian,chiral", group="p8", scenario=STRICT))
    check_turned(iter(reports))
    upright, turned = ([row for row in report.results if row.regularizer == "tv"] for report in reports[:2])
    for row, other in zip(upright, turned, strict=True):
        assert row.relative_epsilon > 0.1  # there is something to measure
        assert abs(row.epsilon / row.identity_response - other.epsilon / other.identity_response) > 0.02


def test_mirrors_change_it_neither_but_for_the_draws(tmp_path):
    """Random shifts by mirrors come from the other side, so the null level is another mean of as many draws."""
    first, second, *_ = turned_and_not(tmp_path, pictures(), reg="tv,chiral", group="p4m", scenario=STRICT)
    numbers, again = relative_numbers(first), relative_numbers(second)
    for key, value in numbers.items():
        if key[-1] in ("relative_null", "null_epsilon") and value is not None:
            assert again[key] == pytest.approx(value, rel=0.15, abs=1e-9)
        else:
            assert same(again[key], value), key


def test_a_quarter_turn_changes_no_relative_number_of_adaptive_rows_that_turn_with_the_images(tmp_path):
    """Images, deformations and stencil all turn: the Laplacian is its own quarter turn, and (a, b) becomes (-a, -b)."""
    found = []
    for quarters in (0, 1):
        folder, sign = saved(tmp_path / str(quarters), pictures(), quarters), (-1) ** quarters
        lines = [
            f"{path.relative_to(folder).as_posix()},{sign * 0.02 * n},{sign * 0.3}"
            for n, path in enumerate(sorted(folder.rglob("*.png")))
        ]
        fits = tmp_path / f"{quarters}.csv"
        fits.write_text("\n".join(["image,a,b", *lines, ""]), encoding="utf-8")
        found.append(measure(folder, reg="tv,laplacian", group="p8", affine=fits, controls=False))
    rows = [[row for row in report.results if row.regularizer == "laplacian"] for report in found]
    for row, other in zip(*rows, strict=True):
        assert {name for name in TURNED if not same(getattr(row, name), getattr(other, name))} == set(), row.scenario
    assert rows[0][2].relative_epsilon > 1000 * EXACT


def stripes() -> list[np.ndarray]:
    """Every row constant: a difference along it responds to nothing, exactly."""
    rng = np.random.default_rng(32)
    return [np.repeat(rng.integers(0, 256, (64, 1), dtype=np.uint8), 64, axis=1) for _ in range(IMAGES)]


def test_stripes_are_measured_whichever_way_they_lie(tmp_path):
    reports = list(turned_and_not(tmp_path, stripes(), reg="tv,sobel", group="p8", scenario=STRICT))
    check_turned(iter(reports))
    for report, quarters in zip(reports, range(4), strict=True):
        assert not any("zero response" in warning for warning in report.warnings)
        for row in report.results:
            assert (row.identity_response == 0) is (quarters % 2 == 0)
            assert 1.5 < row.relative_ci_low < row.relative_epsilon < row.relative_ci_high < 8
            assert row.normalized_epsilon > 1
            assert 0 < row.relative_floor < 1e-4
            if row.scenario == "dataset_strict":
                assert row.p_value == 0.001
                assert 0.1 < row.relative_null < row.relative_epsilon / 2


def test_stripes_have_adaptive_rows(tmp_path):
    report = measure(saved(tmp_path / "stripes", stripes()[:3], 0), reg="tv", group="p8", controls=False)
    row = report.results[-1]
    assert row.scenario == "dataset_adaptive"
    assert 0 < row.relative_ci_low <= row.relative_epsilon <= row.relative_ci_high <= 8
    # no deformation of finite ratio levels them, so none is fitted, and they are measured under strict rotations
    assert {fit.reason for fit in report.fits} == {FLAT}
    strict = next(other for other in report.results if other.scenario == "dataset_strict")
    assert same(row.relative_epsilon, strict.relative_epsilon)
    given = tmp_path / "given.csv"
    given.write_text("image,a,b\n" + "".join(f"{fit.image},0,0\n" for fit in report.fits[::2]), encoding="utf-8")
    found = measure(tmp_path / "stripes", reg="tv", group="p8", controls=False, affine=given)
    assert len(found.fits) == 6
    assert all(fit and 1.5 < fit.relative_epsilon_before <= 8 for fit in found.fits)
