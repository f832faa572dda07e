"""The pages of alignments, comparisons, pilots and fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symmetry_audit.alignment import compare_with_data, with_verdict
from symmetry_audit.reports.pages import alignment_page, comparison_page, fits_page, pilot_page
from symmetry_audit.results import (
    AffineFits,
    Comparison,
    FailedFit,
    RestorationScores,
    SkippedImage,
    SquareScore,
)
from tests.alignment.findings import alignment, audit
from tests.reports.networks.test_evaluation_report import CNN, evaluation
from tests.reports.pages.examples import HOSTILE, Read, fit, noise
from tests.results.test_pilot_result import CLEAR


def measured(**options):
    return with_verdict(alignment("p4", [0, 0.25, 0.1, 0.25], [0, 0.1, 0, 0.1], **options))


def test_an_alignment_begins_with_its_verdict():
    found = measured()
    html = alignment_page(found)
    said = Read(html).sections
    assert list(said) == ["verdict", "sure", "images", "numbers", "made"]
    assert found.verdict[0] in said["verdict"]
    assert "turned by 90°: 25 %; floor 10 %" in said["sure"]
    assert "turned by 180°" in said["sure"] and "10 %; exact: no floor" in said["sure"]
    # the two images have half and three halves of the mean square 12.5^2
    assert "1.5.png 1.5.png: 15.3 grey levels RMS; floor 6.12" in said["images"]
    assert "0.5.png 0.5.png: 8.84 grey levels RMS; floor 3.54" in said["images"]
    assert html == alignment_page(found)


def test_an_alignment_has_the_data_beside_it():
    found = compare_with_data(measured(), *audit("p4", {"tv": (10.0, 9.0, 10.0, 9.0)}, floor=0.1))
    said = Read(alignment_page(found)).sections["sure"]
    # |10 - 9| / 9.5
    assert "25 %; floor 10 %; data 11 %" in said and "dashed upright: the data" in said


def test_a_comparison_has_a_row_for_each_network():
    found = Comparison((evaluation(), evaluation(CNN, ((33.0, 0.91), (34.0, 0.95)))))
    said = Read(comparison_page(found)).sections
    assert "runs/f_p8 (p8) restores best: 34.06 dB, 0.56 dB ahead of runs/cnn (p1)" in said["verdict"]
    assert "on 2 of 2 images." in said["verdict"]
    assert "F-Conv p8" in said["networks"] and "CNN p1" in said["networks"]
    assert "34.06 dB, +4.06 dB over the input" in said["sure"]


def test_a_comparison_of_equal_images_and_of_one_network():
    perfect = evaluation(scores=((np.inf, 1.0), (np.inf, 1.0)))
    assert "equals the clean one" in Read(comparison_page(Comparison((perfect,)))).sections["verdict"]
    assert "runs/f_p8 (p8) reaches 34.06 dB." in Read(comparison_page(Comparison((evaluation(),)))).sections["verdict"]


def test_a_pilot_begins_with_its_sentence():
    said = Read(pilot_page(CLEAR)).sections
    assert CLEAR.sentence in said["verdict"]
    assert "-1.48 dB (-1.70 to -1.20)" in said["sure"]
    assert "plain" in said["numbers"] and "31" not in said["numbers"]


SETTINGS = {"group": "p8", "kernel": "gaussian"}


def fits(names):
    made = tuple(fit(name, 1.2 + 0.1 * at, 0.3) for at, name in enumerate(names))
    wave = np.cos(np.arange(8) * np.pi / 2)
    profiles = {one.image: (one, 1 + 0.1 * (at + 1) * wave, 1 + 0.02 * wave) for at, one in enumerate(made)}
    return AffineFits(made, "photos/", SETTINGS, (SkippedImage("broken.png", "damaged"),)), profiles


@pytest.mark.parametrize("names", [["a.png"], ["a.png", "b.png", "c.png"]])
def test_fits_say_what_a_stretch_gains(tmp_path, names):
    found, profiles = fits(names)
    said = Read(fits_page(tmp_path, found, profiles, noise)).sections
    assert list(said) == ["verdict", "idea", "images", "directions", "numbers", "made"]
    middle = 1.2 + 0.1 * ((len(names) - 1) // 2)
    assert f"by 20 %; after a stretch by {middle:.2f}" in said["verdict"] and "by 10 %." in said["verdict"]
    assert "broken.png damaged" in said["made"]


def test_fits_of_nothing(tmp_path):
    failed = FailedFit(
        image=HOSTILE, regularizer="tv", sigma=1.5, downscale=1, orientation=0, coherence=0, reason="flat"
    )
    html = fits_page(tmp_path, AffineFits((failed,), HOSTILE, SETTINGS), {}, noise)
    assert "No image was fitted." in Read(html).sections["verdict"] and "<script>alert" not in html


def test_hostile_names_of_networks():
    found = measured()
    html = alignment_page(replace(found, model=replace(found.model, name=HOSTILE)))
    assert "<script>alert" not in html and "\u202e" not in html


def test_an_alignment_says_how_well_the_network_restores():
    squares = (SquareScore(image="a", psnr=28.0, input_psnr=20.0), SquareScore(image="b", psnr=29.0, input_psnr=20.5))
    scores = RestorationScores(protocol="rgb", protocol_text="all channels", images=squares)
    said = Read(alignment_page(replace(measured(), restoration=scores))).sections
    assert "PSNR of the input 20.25 dB, of the output 28.50 dB." in said["verdict"]
    assert "PSNR" not in Read(alignment_page(measured())).sections["verdict"]
