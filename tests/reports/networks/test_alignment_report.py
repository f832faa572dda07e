"""Alignments as text, LaTeX, CSV and figure."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from symmetry_audit.alignment import compare_with_data, with_verdict
from symmetry_audit.reports import alignment_csv, alignment_figure, alignment_tex, alignment_text
from symmetry_audit.results import (
    DatasetInfo,
    LayerAlignment,
    RestorationScores,
    SkippedImage,
    SquareScore,
    Symmetrization,
    SymmetrizedScore,
)
from tests.alignment.findings import alignment, audit

BOTH = ("dataset_strict", "dataset_adaptive")
P4 = {"tv": (10.0, 9.0, 10.0, 9.0), "sobel": (10.0, 9.5, 10.0, 9.5)}
LAYER = LayerAlignment(
    layer="body.0",
    kind="features",
    group="p4",
    channels=8,
    error=(0.0, 9.0, 9.0, 9.0),
    floor=(0.0,) * 4,
    contrast=(36.0,) * 4,
)


def measured(scenarios=BOTH[:1], **options):
    return with_verdict(alignment("p4", [0, 0.25, 0.1, 0.25], [0, 0.1, 0, 0.1], scenarios=scenarios, **options))


def beside_data(scenarios=BOTH[:1], **options):
    return compare_with_data(measured(scenarios), *audit("p4", P4, scenarios=scenarios, floor=0.1), **options)


def rows_of(text):
    return [line.split() for line in text.splitlines()]


def test_text_of_a_measurement():
    assert alignment_text(measured()) == (
        "No: under strict rotations the output differs by 12.5 grey levels RMS at worst (p4, A1, 90 degrees),\n"
        "25 % of its contrast; the pixel grid alone causes 10 %.\n\n"
        "runs/a under p4 on Set5 (2 images): super-resolution x2; seed 0.\n\n"
        "  Element  Angle  Error RMS  Floor RMS  Relative (%)  Its floor (%)\n"
        "Dataset, strict rotations (2 images)\n"
        "  A1          90      12.50       5.00          25.0           10.0\n"
        "  A2         180       5.00       0.00          10.0            0.0\n"
        "  A3         270      12.50       5.00          25.0           10.0\n\n"
        "Images: centered squares of at most 256 px; compared on the inscribed disc (or ellipse) less 16 px\n"
        "(an eighth of the side, if that is less), on the 2 times finer grid of the output.\n"
        "Error RMS: root of the mean square of Phi(pi_A Y) - pi_A Phi(Y) per pixel and channel, in grey\n"
        "levels of [0, 255]; relative: divided by the contrast of the output on the same pixels. Floor: the\n"
        "error of resampling alone, of a rotation there and back and a shift by half a pixel; 0 for quarter\n"
        "turns and mirrors. m: after the mirror.\n"
    )


def test_text_of_a_restoration():
    """Means in dB, of what was measured; an unfinished document has no verdict."""
    squares = [SquareScore(image=name, psnr=psnr, input_psnr=20.0) for name, psnr in (("a", 28.0), ("b", 29.0))]
    pairs = [
        SymmetrizedScore(image=one.image, psnr=one.psnr, average_psnr=one.psnr + 0.5, deviation=1) for one in squares
    ]
    average = Symmetrization(group="p4", verdict="gain", sentence="Good.", interval=None, images=tuple(pairs))
    scores = RestorationScores(protocol="rgb", protocol_text="all", images=tuple(squares), symmetrization=average)
    text = alignment_text(replace(measured(), restoration=scores, verdict=()))
    assert text.startswith("runs/a under p4")
    assert ["PSNR", "(rgb,", "dB)", "Input", "Network", "Averaged", "over", "p4"] in rows_of(text)
    assert ["mean", "of", "2", "images", "20.00", "28.50", "29.00"] in rows_of(text)
    assert "PSNR: of the whole squares, all." in text
    alone = alignment_text(replace(measured(), restoration=replace(scores, symmetrization=None)))
    assert ["mean", "of", "2", "images", "20.00", "28.50"] in rows_of(alone)
    settings = {**measured().settings, "layers_left_out": {f"body.{at}": "did not run" for at in range(7)}}
    scenario = replace(measured().scenarios[0], layers=(LAYER,))
    text = " ".join(alignment_text(replace(measured(), settings=settings, scenarios=(scenario,))).split())
    assert "Layers left out: body.0 did not run; " in text and "body.4 did not run and 2 more." in text


def test_text_beside_the_data():
    text = alignment_text(beside_data(BOTH, same_images=False))
    assert "Beside Photos: strict rotations" in text and "Beside Photos: adaptive transformations" in text
    rows = [row for row in rows_of(text) if row and row[0] == "p4"]
    assert rows[0] == ["p4", "25.0", "10.0", "10.5", "1.05", "tv", "cannot", "tell"]
    assert ["p2", "10.0", "0.0", "–", "–", "–", "–"] in rows_of(text)
    assert ["Rank", "correlation", "TV", "SOBEL"] in rows_of(text)
    assert "The report is about a different set of images, Photos." in " ".join(text.split())
    assert "another set" not in alignment_text(beside_data())


def test_what_else_a_reader_has_to_know():
    found = measured()
    scenario = replace(found.scenarios[0], layers=(LAYER,))
    found = replace(
        found,
        scenarios=(scenario,),
        skipped=(SkippedImage("a", "b"),),
        data=DatasetInfo("a\nb", "x", 1, ""),
        settings={"crop": None, "margin": 3.5, "scale": 1, "device": "cpu"},
        task_text=None,
    )
    text = alignment_text(found)
    assert "\n\nruns/a under p4 on a b (1 image).\n" in text
    assert ["body.0", "features", "p4", "8", "50.0", "0"] in rows_of(text)
    assert "the largest centered square; compared on the inscribed disc (or ellipse) less 3.5 px." in text
    assert "Skipped: 1 image." in text and "grid of the output" not in text
    mirrored = alignment_text(alignment("p2m", [0, 0.1, 0.1, 0.1]))
    assert ["A1M", "180", "m"] in [row[:3] for row in rows_of(mirrored)]
    constant = alignment_text(alignment("p2", [0, 0.1], contrast=0.0))
    assert ["A1", "180", "0", "0", "–", "–"] in rows_of(constant)


def test_latex_escapes_names():
    found = replace(beside_data(), model=replace(measured().model, name="runs/a_b & c"))
    text = alignment_tex(found)
    assert r"runs/a\_b \& c under p4" in text and r"\label{tab:alignment}" in text
    assert text.count(r"\begin{tabular}") == 3 and text.count("{") == text.count("}")


def test_csv_has_every_image_and_element():
    found = measured(BOTH)
    rows = list(csv.DictReader(io.StringIO(alignment_csv(found))))
    assert len(rows) == 2 * 2 * 4
    row = rows[5]
    assert (row["scenario"], row["image"], row["element"], row["angle_deg"]) == (BOTH[0], "1.5.png", "A1", "90.0")
    assert float(row["error"]) == found.scenarios[0].images[1].error[1]
    assert float(row["floor"]) == found.scenarios[0].images[1].floor[1] and row["pixels"] == "100"


@pytest.mark.parametrize("group", ["p4", "p4m"])
def test_the_figure_has_the_same_bytes_every_time(group):
    order = 4 if group == "p4" else 8
    plain = alignment(group, [0] + [0.1] * (order - 1), [0] + [0.02] * (order - 1), scenarios=BOTH)
    found = compare_with_data(plain, *audit("p4", P4, scenarios=BOTH))
    first, again = alignment_figure(found), alignment_figure(found)
    assert first == again and set(first) == {"png", "svg", "pdf"}
    text = first["svg"].decode()
    for words in (
        *("network's error", "its floor", "data, mean of regularizers", "Adaptive transformations"),
        *("(% of its output's contrast)", "(% of mean response)"),
    ):
        assert words.replace(" ", "") in "".join(text.split()) or words in text
    assert ("after the mirror" in text) == (group == "p4m")


def test_figures_of_little(tmp_path):
    constant = alignment_figure(alignment("p2", [0, 0.1], contrast=0.0))
    assert constant["png"].startswith(b"\x89PNG")
    one = alignment_figure(measured())
    assert one["pdf"].startswith(b"%PDF") and one["png"] != constant["png"]
