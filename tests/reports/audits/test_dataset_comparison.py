"""The text, LaTeX, CSV and figure of a comparison whose numbers are constructed."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.reports import (
    dataset_comparison_csv,
    dataset_comparison_figure,
    dataset_comparison_tex,
    dataset_comparison_text,
)
from symmetry_audit.results import ComparedRow
from tests.comparison.test_compare_audits import cell, compared, degradation, one, profiles


def test_the_first_sentence_answers_whether_the_network_restores() -> None:
    text = dataset_comparison_text(degradation(0.1, 0.04, 0.07))
    assert text.splitlines()[:4] == [
        "In part: the symmetry error of restored goes back towards that of clean (p8, strict): 50 % (tv) of",
        "the change that degraded shows is undone.",
        "Mean responses, of those of clean: 100 % in degraded, 100 % in restored.",
        "Paired: all 12 images are in every set.",
    ]
    restored = next(line.split() for line in text.splitlines() if line.strip().startswith("restored"))
    assert " ".join(restored) == "restored 14.0 (14.0 to 14.0) 100 -6.0 (-6.0 to -6.0) 50 (50 to 50) partly restored"
    assert max(map(len, text.splitlines())) <= 104


@pytest.mark.parametrize(
    ("restored", "head"),
    [
        (0.1, "Yes: the symmetry error of restored is that of clean again (p8, strict): 100 % (tv) of the"),
        (0.03, "No: the symmetry error of restored does not go back to that of clean (p8, strict): -17 % (tv)"),
    ],
)
def test_other_answers(restored: float, head: str) -> None:
    assert dataset_comparison_text(degradation(0.1, 0.04, restored)).startswith(head)


def test_without_roles_every_set_is_set_beside_the_first() -> None:
    sets = one("a", profiles(0.1)), one("b", profiles(0.04)), one("c", profiles(0.1))
    assert dataset_comparison_text(compared(*sets)).splitlines()[:3] == [
        "b differs in symmetry from a (p8, strict): in 1 of 1 regularizer, most in tv, by -12.0 (-12.0 to",
        "-12.0) points.",
        "c does not differ in symmetry from a by more than 2 points (p8, strict): most in tv, by +0.0 (+0.0",
    ]


@pytest.mark.parametrize(
    ("images", "key", "said"),
    [
        (12, "none", "Unpaired: the sets are drawn independently of each other."),
        (11, "stem", "Paired in part: in a too are 11 of 11 images of b. The others are drawn by themselves."),
    ],
)
def test_how_images_were_paired_is_said(images: int, key: str, said: str) -> None:
    found = compared(one("a", profiles(0.1)), one("b", profiles(0.1, images)), key=key)
    assert said in dataset_comparison_text(found).splitlines()


def test_all_groups_are_in_the_long_text_alone() -> None:
    found = compared(one("a", profiles(0.1)), one("b", profiles(0.1)), cells=(cell("p4"), cell("p8")))
    titles = ["tv, p4, strict", "tv, p8, strict"]
    text, long = (dataset_comparison_text(found, verbose=verbose).splitlines() for verbose in (False, True))
    assert [title for title in titles if title in text] == titles[1:]
    assert [title for title in titles if title in long] == titles


def test_the_table_in_latex_escapes_names() -> None:
    found = compared(one("a_1", profiles(0.1)), one("b & 50 %", profiles(0.04)))
    text = dataset_comparison_tex(found)
    assert r"\caption{a\_1, b \& 50 \% under p8, strict}" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    row = next(line for line in text.splitlines() if line.startswith(r"b \& 50 \%"))
    assert row.count(" & ") == 3


def test_the_csv_has_every_number() -> None:
    found = degradation(0.1, 0.04, 0.07)
    rows = list(csv.DictReader(io.StringIO(dataset_comparison_csv(found))))
    assert [row["dataset"] for row in rows] == ["clean", "degraded", "restored"]
    assert float(rows[2]["undone"]) == found.rows[2].undone
    assert (rows[0]["difference"], rows[1]["verdict"]) == ("", "differs")
    assert set(rows[0]) == set(ComparedRow.__dataclass_fields__) - {"reasons"}


def test_hostile_names_stay_on_their_lines() -> None:
    found = compared(one("a\n\x1b[31m", profiles(0.1)), one("b", profiles(0.04)))
    assert "\x1b" not in dataset_comparison_text(found)
    assert "a  [31m" in dataset_comparison_text(found)


def test_the_figure_is_the_same_twice_and_shows_every_set(tmp_path: Path) -> None:
    found = degradation(0.1, 0.04, 0.07)
    first, second = (dataset_comparison_figure(found) for _ in range(2))
    assert first == second
    (tmp_path / "figure.png").write_bytes(first["png"])
    pixels = np.asarray(Image.open(tmp_path / "figure.png").convert("RGB")).reshape(-1, 3)
    for color in ((0, 0, 0), (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):  # black, blue, vermilion
        assert (pixels == color).all(1).sum() > 20


def test_a_figure_of_flat_images_is_drawn() -> None:
    found = compared(one("a", np.zeros((12, 1, 8))), one("b", profiles(0.1)))
    assert dataset_comparison_figure(found)["svg"].startswith(b"<?xml")
