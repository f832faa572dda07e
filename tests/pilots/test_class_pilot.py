"""The linear pilot of classification on images whose classes are known, and its regression against its definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.pilots import class_pilot
from symmetry_audit.pilots._class_features import MOVES, SIDE, drawn_filters, group_mean, moved_features, squared
from symmetry_audit.pilots._class_ridge import PENALTIES, predicted, ridge
from symmetry_audit.results import LinearPilot
from symmetry_audit.tasks import make_task, open_pairs

EXACT = ("p1m", "updown", "p2", "p4", "p4m")


def noise(rng: np.random.Generator, stretch: int, turned: bool) -> np.ndarray:
    """A random texture, ``stretch`` times as long along rows as across, or along columns if ``turned``."""
    fine = rng.normal(128, 45, (SIDE, SIDE // stretch)).repeat(stretch, 1)
    fine = (fine.T if turned else fine)[..., None] + rng.normal(0, 6, (SIDE, SIDE, 1))
    return np.clip(np.broadcast_to(fine, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


def save(folder: Path, classes: dict[str, list[np.ndarray]]) -> Path:
    for name, images in classes.items():
        (folder / name).mkdir(parents=True)
        for at, image in enumerate(images):
            Image.fromarray(image).save(folder / name / f"{at:02}.png")
    return folder


def piloted(folder: Path, **options) -> LinearPilot:
    pairs = open_pairs(str(folder), make_task("classify"))
    return class_pilot(pairs, make_task("classify").fitted(pairs), **options)


def test_classes_that_are_directions_speak_against_quarter_turns_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    across = {name: [noise(rng, 8, turned) for _ in range(14)] for name, turned in (("rows", False), ("columns", True))}
    found = piloted(save(tmp_path, across), groups=("p2", "p4"))
    assert found.accuracy == 1.0
    p2, p4 = found.gain("p2"), found.gain("p4")
    assert (p2.gain_db, p2.verdict, p2.unit) == (0.0, "safe", "points")
    assert p4.gain_db < -25 and p4.verdict == "suspect"
    assert LinearPilot.from_dict(found.to_dict()) == found
    assert piloted(tmp_path, groups=("p2", "p4"), workers=2) == found


def test_classes_in_every_direction_gain_by_quarter_turns(tmp_path: Path) -> None:
    """Fine and coarse stripes along rows to learn from mostly, along columns to recognize as well."""
    rng = np.random.default_rng(1)
    classes = {
        name: [noise(rng, stretch, turned=at % 7 == 0) for at in range(21)]
        for name, stretch in (("fine", 4), ("coarse", 16))
    }
    found = piloted(save(tmp_path, classes), groups=("p4",))
    assert found.gain("p4").gain_db >= 0
    assert found.gain("p4").verdict != "suspect"


def test_means_over_a_group_are_the_same_for_all_images_that_it_moves_to_each_other() -> None:
    rng = np.random.default_rng(2)
    image = rng.uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32)
    filters = drawn_filters([image], seed=0)
    features = moved_features([move(image) for move in MOVES], filters)
    members = {"p1": [0], "p1m": [0, 4], "updown": [0, 6], "p2": [0, 2], "p4": [0, 1, 2, 3], "p4m": list(range(8))}
    for group, moves in members.items():
        means = group_mean(features, group)
        for at in range(8):
            same = np.allclose(means[at], means[0], rtol=0, atol=2e-4)
            assert same == (at in moves), (group, at)
    assert np.array_equal(MOVES[4](image), image[:, ::-1]) and np.array_equal(MOVES[6](image), image[::-1])


def test_the_central_square_is_used() -> None:
    pixels = np.zeros((SIDE, 3 * SIDE, 3), np.uint8)
    pixels[:, SIDE : 2 * SIDE] = 200
    assert np.array_equal(squared(pixels), np.full((SIDE, SIDE, 3), 200, np.float32))
    assert squared(np.zeros((10, 30, 3), np.uint8)).shape == (SIDE, SIDE, 3)


def test_ridge_and_its_penalty_by_their_definitions() -> None:
    """Every image is left out in turn, and the equations are solved anew, for each penalty."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((14, 5))
    y = x @ rng.standard_normal((5, 2)) + 0.8 * rng.standard_normal((14, 2))

    def solved(x: np.ndarray, y: np.ndarray, amount: float) -> np.ndarray:
        stacked = np.vstack([x, np.sqrt(amount) * np.eye(5)])
        return np.linalg.lstsq(stacked, np.vstack([y, np.zeros((5, 2))]), rcond=None)[0]

    errors = []
    for penalty in PENALTIES:
        rest = [np.delete(np.arange(14), at) for at in range(14)]
        errors.append(
            sum(np.sum((y[at] - x[at] @ solved(x[rows], y[rows], 14 * penalty)) ** 2) for at, rows in enumerate(rest))
        )
    best = PENALTIES[int(np.argmin(errors))]
    assert best not in (PENALTIES[0], PENALTIES[-1])
    assert ridge(x, y) == pytest.approx(solved(x, y, 14 * best), abs=1e-9)


def test_predictions_do_not_depend_on_the_unit_of_a_feature() -> None:
    rng = np.random.default_rng(4)
    x, labels = rng.standard_normal((30, 6)), rng.integers(0, 3, 30)
    x[np.arange(30), labels] += 2
    scaled = x * np.array([1, 50, 1e-3, 1, 7, 1]) + 3
    assert np.array_equal(predicted(x[:20], labels[:20], x[20:]), predicted(scaled[:20], labels[:20], scaled[20:]))
    constant = np.column_stack([x, np.ones(30)])
    assert np.array_equal(predicted(x[:20], labels[:20], x[20:]), predicted(constant[:20], labels[:20], constant[20:]))


def test_what_cannot_be_piloted(tmp_path: Path) -> None:
    folder = save(tmp_path, {"a": [np.zeros((8, 8, 3), np.uint8)] * 3, "b": [np.ones((8, 8, 3), np.uint8)]})
    with pytest.raises(SettingError, match='the pilot of classification takes p1m, updown, p2, p4, p4m, got "p8"'):
        piloted(folder, groups=("p8",))
    with pytest.raises(DataError, match="needs two images of each class or more"):
        piloted(folder)
