"""The choice of a group as text and figure: what they show, and that nothing in the figure overlaps."""

from __future__ import annotations

import itertools
import re
import warnings
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex

from symmetry_audit.errors import ReportError
from symmetry_audit.reports import _style, recommendation_text, write_recommendation
from symmetry_audit.reports.audits import _tradeoff
from symmetry_audit.theory import recommend
from tests.theory.situations import (
    CHIRAL,
    MIXED,
    SAFE,
    SHARED,
    candidates,
    horizon,
    isotropic,
    linear,
    photo,
    text,
)


def fitted(name, group):
    return 0.25 * photo(name, group)


@pytest.fixture(scope="module")
def photos():
    return recommend(candidates("p32", photo, fitted), images=100)


# --- text


def table(text: str, header: str) -> list[list[str]]:
    """The cells, two spaces apart, of the table whose first line starts with ``header``."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(header))
    rows = itertools.takewhile(str.strip, lines[start:])
    return [re.split(r"\s{2,}", row.strip()) for row in rows]


def test_the_advice_comes_first_then_a_line_for_each_group(photos):
    shown = recommendation_text(photos, "DIV2K")
    flowing = " ".join(shown.partition("\n\n")[0].split("\n"))
    assert flowing == photos.sentence
    assert "\n\nDIV2K, 100 images:\nGroup" in shown
    assert table(shown, "Group") == [
        ["Group", "Law", "Worst", "Relative ε (%)", "Interval", "p"],
        ["p4", "shown", "tv2", "3.20", "2.56 to 3.84", "0.001"],
        ["p8", "refuted", "tv2", "6.40", "5.12 to 7.68", "0.001"],
        ["p16", "refuted", "tv2", "8.00", "6.40 to 9.60", "0.001"],
        ["p32", "refuted", "tv2", "8.00", "6.40 to 9.60", "0.001"],
    ]
    assert len(shown.splitlines()) < 20


def test_the_linear_pilot_stands_beside_the_law():
    found = recommend(
        candidates("p8", horizon),
        images=80,
        directions=(MIXED,),
        linear=linear(p1m=(-0.001, -0.003, 0.001), p4=SAFE),
        task="denoising",
    )
    assert table(recommendation_text(found, "BSD80"), "Group") == [
        ["Group", "Law", "Worst", "Relative ε (%)", "Interval", "p", "Linear pilot (dB)", "Filter"],
        ["p4", "refuted", "tv", "12.00", "9.60 to 14.40", "0.001", "+0.013 (+0.003 to +0.023)", "safe"],
        ["p8", "refuted", "tv", "12.00", "9.60 to 14.40", "0.001", "–", "–"],
        ["p1m", "not tested", "–", "–", "–", "–", "-0.001 (-0.003 to +0.001)", "safe"],
    ]
    assert "\nBSD80, 80 images, denoising:\n" in recommendation_text(found, "BSD80")


def test_many_groups_are_cut_to_a_screen():
    found = recommend(candidates("p32m", photo, means=CHIRAL), images=100)
    assert len(table(recommendation_text(found), "Group")) == 1 + 8 + 1
    assert recommendation_text(found).endswith("\n... and 3 more groups with --verbose\n")
    whole = recommendation_text(found, verbose=True)
    assert [row[0] for row in table(whole, "Group")[1:]] == list(found.law)


def test_verbose_adds_adaptive_candidates_directions_legend_and_kappa(photos):
    found = replace(photos, directions=(SHARED, replace(MIXED, layer="degradation", fourth_amplitude=None)))
    brief, shown = recommendation_text(found), recommendation_text(found, verbose=True)
    assert shown.startswith(brief.rstrip("\n"))
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 110
    flowing = " ".join(lines)
    assert all(note in flowing for note in found.notes)
    assert table(shown, "Candidate      Law") == [
        ["Candidate", "Law", "Worst", "Relative ε (%)", "Interval", "p", "Held-out gain"],
        ["p2, adaptive", "not tested", "–", "–", "–", "–", "–"],
        ["p4, adaptive", "not tested", "–", "–", "–", "–", "1.26 to 2.34"],
        ["p8, adaptive", "shown", "tv2", "1.60", "1.28 to 1.92", "–", "2.52 to 4.68"],
        ["p16, adaptive", "shown", "tv2", "2.00", "1.60 to 2.40", "–", "3.15 to 5.85"],
        ["p32, adaptive", "shown", "tv2", "2.00", "1.60 to 2.40", "–", "3.15 to 5.85"],
    ]
    assert table(shown, "Layer") == [
        ["Layer", "Regularizer", "R²", "Interval", "Amplitude (%)", "Single images (%)", "Fourth (%)", "Verdict"],
        ["images", "tv", "0.80", "0.70 to 0.90", "10.00", "20.00", "8.00", "one direction"],
        ["degradation", "tv", "0.05", "0.00 to 0.20", "10.00", "20.00", "–", "mixed directions"],
    ]
    assert "ends below 5.00 %" in flowing
    assert "loses less than 0.02 dB" in flowing
    assert "Kappa (grey levels) is the cost of" in flowing


def test_kappa_stands_per_regularizer(photos):
    rows = table(recommendation_text(photos, verbose=True), "Candidate             tv")
    assert [row[0] for row in rows] == ["Candidate", "p1", "p32, strict", "p32, adaptive"]
    assert rows[0][1:] == ["tv", "tv2", "sobel", "laplacian", "prewitt"]
    value = photos.candidate("p32", adaptive=True).values[0]
    assert rows[1][1] == f"0 to {value.kappa_low:.3g}"
    assert rows[3][1] == f"{value.kappa_low:.3g} up"
    assert rows[3][4] == "–"  # the laplacian identifies no w


def test_without_anything_tested_there_is_neither_table_nor_kappa():
    shown = recommendation_text(recommend(candidates("p2", photo), images=1), "one", verbose=True)
    assert "Kappa" not in shown
    assert "\n\none, 1 image\n\n" in shown  # no colon before nothing
    assert "Group" not in shown


def test_missing_values_are_dashes():
    few = [
        replace(item, values=tuple(replace(v, ci_low=None, ci_high=None, relative_epsilon=None) for v in item.values))
        for item in candidates("p4", photo, means={"tv": 0.0})
    ]
    rows = table(recommendation_text(recommend(few, images=14)), "Group")
    assert rows[1] == ["p4", "not settled", "tv", "–", "–", "0.001"]


def test_names_cannot_break_a_line():
    found = recommend(
        [
            replace(item, values=tuple(replace(v, regularizer=f"a\n\x1b[{v.regularizer}") for v in item.values))
            for item in candidates("p4", text)
        ],
        images=30,
        task="x\ny",
    )
    shown = recommendation_text(found, "x\ny\x1b", verbose=True)
    assert "\x1b" not in shown
    assert "x y , 30 images, x y:" in shown
    assert len(table(shown, "Group")) == 2


def test_a_group_that_was_not_measured_can_be_advised(tmp_path):
    """A run of half turns alone is advised p4."""
    found = recommend(candidates("p2", photo), images=30)
    assert found.group == "p4" and found.candidate("p4") is None
    assert recommendation_text(found).startswith("Build p4.")
    assert len(write_recommendation(tmp_path, found)) == 3


# --- figure

CASES = {
    "photos": lambda: recommend(candidates("p32", photo, fitted), images=100),
    "mirrors": lambda: recommend(candidates("p8m", photo, fitted, CHIRAL), images=100, tolerance=0.12),
    "refuted": lambda: recommend(candidates("p8", text), images=30),
    "isotropic": lambda: recommend(candidates("p32", isotropic), images=30, kappa=3.0),
    "nothing tested": lambda: recommend(candidates("p2", photo), images=1),
    "no tolerance": lambda: recommend(candidates("p12", lambda name, group: 0.0), images=30, tolerance=0.0),
    "one regularizer": lambda: recommend(candidates("p4", photo, means={"tv": 2.0}), images=30),
    "all mirrors": lambda: recommend(candidates("p32m", photo, None, CHIRAL), images=100),
}


def drawn(found, name="DIV2K"):
    """The figure with its layout done, and its two axes."""
    with matplotlib.style.context("default"), matplotlib.rc_context(_style.STYLE):
        figure = _tradeoff._drawn(found, name)
        figure.canvas.draw()
    return figure, *figure.axes


def test_points_are_the_values_of_the_worst_regularizer(photos):
    _, axes, _ = drawn(photos)
    points = {}
    for line in axes.lines:
        if line.get_marker() in "s^":
            points[line.get_color(), float(line.get_ydata()[0])] = line.get_markerfacecolor()
    shown = [item for item in photos.candidates if item.verdict != "not tested" and item.order > 1]
    expected = {
        (_style.COLORS[item.scenario], 100 * item.worst.relative_epsilon): (
            _style.COLORS[item.scenario] if item.verdict == "shown" else "white"
        )
        for item in shown
    }
    assert points == {**expected, (_style.COLORS["dataset_strict"], 0.0): _style.COLORS["dataset_strict"]}
    intervals = sorted(tuple(item.get_segments()[0][:, 1]) for item in axes.collections)
    ends = sorted((100 * item.worst.ci_low, 100 * item.worst.ci_high) for item in shown)
    np.testing.assert_allclose(intervals, ends)
    assert [item.get_text() for item in axes.texts] == ["p1", *(item.group for item in shown)]


def test_the_one_to_build_is_ringed_and_bold(photos):
    figure, axes, _ = drawn(photos)
    (ring,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert ring.get_ydata()[0] == 100 * photos.candidate("p4").worst.relative_epsilon
    assert [item.get_text() for item in axes.texts if item.get_fontweight() == "bold"] == ["p4"]
    assert figure.get_suptitle() == "DIV2K  ·  100 images  ·  build: p4"
    legend = [item.get_text() for item in figure.legends[0].get_texts()]
    assert legend == ["strict", "adaptive", "counts as symmetric", "not shown", "to build"]


def test_places_are_the_tested_orders_side_by_side_where_equal(photos):
    _, axes, _ = drawn(photos)
    places = {text.get_text() + to_hex(line.get_color()): line.get_xdata()[0] for text, line in points_of(axes)}
    strict, adaptive = (to_hex(_style.COLORS[name]) for name in ("dataset_strict", "dataset_adaptive"))
    assert places["p1" + strict] == 0
    assert places["p4" + strict] == 1
    for power, name in ((2, "p8"), (3, "p16"), (4, "p32")):
        assert power - 0.5 < places[name + strict] < power < places[name + adaptive] < power + 0.5
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "4", "8", "16"]


def points_of(axes):
    return zip(axes.texts, [line for line in axes.lines if line.get_marker() in "s^"], strict=True)


def test_the_band_is_the_tolerance():
    _, axes, _ = drawn(recommend(candidates("p8", photo), images=20, tolerance=0.09))
    (band,) = axes.patches
    assert band.get_height() == pytest.approx(9.0)
    assert axes.get_ylim()[1] > 9.0


def test_bars_are_the_intervals_of_kappa(photos):
    _, _, axes = drawn(photos)
    low, high = axes.get_xlim()
    bars = sorted((round(p.get_y() + 0.35), p.get_x(), p.get_x() + p.get_width()) for p in axes.patches)
    expected = []
    for place in range(5):
        for item in photos.candidates:
            value = item.values[place]
            if value.kappa_low is not None:
                expected.append((place, max(value.kappa_low, low), value.kappa_high or high))
    np.testing.assert_allclose(bars, sorted(expected))
    assert low < min(end for *_, end in expected) / 2
    assert [label.get_text() for label in axes.get_yticklabels()] == ["tv", "tv2", "sobel", "laplacian", "prewitt"]
    assert axes.get_xlabel() == "κ of Eq. (46) (grey levels)"
    assert len(axes.lines) == 0


def test_a_fixed_kappa_is_a_line_on_the_axis():
    _, _, axes = drawn(recommend(candidates("p8", photo), images=30, kappa=700.0))
    assert list(axes.lines[0].get_xdata()) == [700.0, 700.0]
    assert axes.get_xlim()[1] > 700


def test_nothing_tested_is_said():
    _, errors, costs = drawn(CASES["nothing tested"]())
    assert [item.get_text() for item in errors.texts] == ["p1"]
    assert [item.get_text() for item in costs.texts] == ["nothing tested"]


@pytest.mark.parametrize("case", CASES)
def test_no_text_overlaps_or_leaves_the_figure(case):
    figure, errors, costs = drawn(CASES[case](), "a dataset with a very long name, indeed a sentence")
    renderer = figure.canvas.get_renderer()
    texts = [*figure.legends[0].get_texts(), figure._suptitle]
    for axes in (errors, costs):
        texts += [axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title, axes._right_title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    boxes = [(item, item.get_window_extent(renderer)) for item in texts if item.get_text() and item.get_visible()]
    assert len(boxes) > 12
    for item, box in boxes:
        assert box.x0 >= -0.5, item
        assert box.y0 >= -0.5, item
        assert box.x1 <= figure.bbox.x1 + 0.5, item
        assert box.y1 <= figure.bbox.y1 + 0.5, item
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert min(across, down) <= 0.5, (one.get_text(), other.get_text())


# --- files


def test_files_are_whole_and_the_same_bytes_each_time(photos, tmp_path):
    names = ["recommendation.png", "recommendation.svg", "recommendation.pdf"]
    first = write_recommendation(tmp_path / "a", photos, r"$\frac{$")
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True}):
        second = write_recommendation(tmp_path / "b", photos, r"$\frac{$")
    assert [path.name for path in first] == names
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(names)
    png, svg, pdf = (path.read_bytes() for path in first)
    assert [int.from_bytes(png[at : at + 4]) for at in (16, 20)] == [1050, 465]
    assert re.search(rb"tEXt|iTXt|tIME", png) is None
    assert re.search(rb"dc:date|Matplotlib v|dc:creator", svg) is None
    assert re.search(rb"CreationDate|ModDate|Producer|Creator", pdf) is None


def test_a_folder_that_cannot_be_written(photos, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ReportError, match=r"cannot write .*recommendation\.png"):
        write_recommendation(tmp_path / "file", photos)


def test_scripts_that_the_font_lacks_are_no_warning(photos):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(_tradeoff.tradeoff(photos, "資料集")) == 3
