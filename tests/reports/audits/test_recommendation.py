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
from tests.theory.situations import CHIRAL, candidates, isotropic, photo, text


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


def test_every_candidate_with_its_worst_regularizer(photos):
    shown = recommendation_text(photos, "DIV2K")
    assert shown.startswith("Which symmetry group to build in: DIV2K, 100 images.\n\nCandidate")
    assert table(shown, "Candidate      Tested") == [
        ["Candidate", "Tested", "Worst", "Relative ε (%)", "Interval", "Limit", "Held-out gain", "Verdict"],
        ["p1", "1", "–", "–", "–", "–", "–", "admissible"],
        ["p2, strict", "1", "–", "–", "–", "–", "–", "not tested"],
        ["p4, strict", "2", "tv2", "3.20", "2.56 to 3.84", "5.00", "–", "admissible"],
        ["p8, strict", "4", "tv2", "6.40", "5.12 to 7.68", "5.00", "–", "refuted"],
        ["p16, strict", "8", "tv2", "8.00", "6.40 to 9.60", "5.00", "–", "refuted"],
        ["p32, strict", "16", "tv2", "8.00", "6.40 to 9.60", "5.00", "–", "refuted"],
        ["p2, adaptive", "1", "–", "–", "–", "–", "–", "not tested"],
        ["p4, adaptive", "2", "–", "–", "–", "–", "–", "not tested"],
        ["p8, adaptive", "4", "tv2", "1.60", "1.28 to 1.92", "5.00", "2.52 to 4.68", "admissible"],
        ["p16, adaptive", "8", "tv2", "2.00", "1.60 to 2.40", "5.00", "3.15 to 5.85", "admissible"],
        ["p32, adaptive", "16", "tv2", "2.00", "1.60 to 2.40", "5.00", "3.15 to 5.85", "recommended"],
    ]


def test_kappa_stands_per_regularizer(photos):
    rows = table(recommendation_text(photos), "Candidate             tv")
    assert [row[0] for row in rows] == ["Candidate", "p1", "p32, strict", "p32, adaptive"]
    assert rows[0][1:] == ["tv", "tv2", "sobel", "laplacian", "prewitt"]
    value = photos.chosen.values[0]
    assert rows[1][1] == f"0 to {value.kappa_low:.3g}"
    assert rows[3][1] == f"{value.kappa_low:.3g} up"
    assert rows[3][4] == "–"  # the laplacian identifies no w


def test_sentence_notes_and_legend_follow_in_lines_of_a_terminal(photos):
    lines = recommendation_text(photos, "DIV2K").splitlines()
    assert max(map(len, lines)) <= 100
    flowing = " ".join(lines)
    assert photos.sentence in flowing
    assert all(note in flowing for note in photos.notes)
    assert "Adaptive: each image under its own copy of the group" in flowing
    assert "Kappa (grey levels) is the cost of" in flowing
    assert recommendation_text(photos).startswith("Which symmetry group to build in: 100 images.\n")


def test_without_adaptive_candidates_nothing_is_said_of_them():
    shown = recommendation_text(recommend(candidates("p8", text), images=30, tolerance=0.031))
    assert "Held-out" not in shown
    assert "daptive" not in shown
    assert "Limit: 3.10 %" in shown


def test_without_anything_tested_there_is_no_kappa():
    shown = recommendation_text(recommend(candidates("p2", photo), images=1))
    assert "Kappa" not in shown
    assert "1 image.\n" in shown
    assert [row[-1] for row in table(shown, "Candidate")[1:]] == ["recommended", "not tested"]


def test_missing_values_are_dashes():
    few = [
        replace(item, values=tuple(replace(v, ci_low=None, ci_high=None, relative_epsilon=None) for v in item.values))
        for item in candidates("p4", photo, means={"tv": 0.0})
    ]
    row = table(recommendation_text(recommend(few, images=4)), "Candidate")[3]
    assert row == ["p4, strict", "2", "tv", "–", "–", "5.00", "not measured"]


def test_names_cannot_break_a_line():
    found = recommend(
        [
            replace(item, values=tuple(replace(v, regularizer=f"a\n\x1b[{v.regularizer}") for v in item.values))
            for item in candidates("p4", text)
        ],
        images=30,
    )
    shown = recommendation_text(found, "x\ny\x1b")
    assert "\x1b" not in shown
    assert shown.splitlines()[0] == "Which symmetry group to build in: x y , 30 images."
    assert len(table(shown, "Candidate")) == 4


def test_a_choice_that_is_no_candidate_is_refused(photos, tmp_path):
    for show in (recommendation_text, lambda found: write_recommendation(tmp_path, found)):
        with pytest.raises(ReportError, match="p5 is none of its candidates"):
            show(replace(photos, group="p5"))


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
        (_style.COLORS[item.scenario], 100 * item.worst(0.05).relative_epsilon): (
            _style.COLORS[item.scenario] if item.admissible else "white"
        )
        for item in shown
    }
    assert points == {**expected, (_style.COLORS["dataset_strict"], 0.0): _style.COLORS["dataset_strict"]}
    intervals = sorted(tuple(item.get_segments()[0][:, 1]) for item in axes.collections)
    ends = sorted((100 * item.worst(0.05).ci_low, 100 * item.worst(0.05).ci_high) for item in shown)
    np.testing.assert_allclose(intervals, ends)
    assert [item.get_text() for item in axes.texts] == ["p1", *(item.group for item in shown)]


def test_the_recommended_one_is_ringed_and_bold(photos):
    figure, axes, _ = drawn(photos)
    (ring,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert ring.get_ydata()[0] == 100 * photos.chosen.worst(0.05).relative_epsilon
    assert [item.get_text() for item in axes.texts if item.get_fontweight() == "bold"] == ["p32"]
    assert figure.get_suptitle() == "DIV2K  ·  100 images  ·  recommended: p32, adaptive"
    legend = [item.get_text() for item in figure.legends[0].get_texts()]
    assert legend == ["strict", "adaptive", "accepted", "not admissible", "recommended"]


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


def test_the_band_is_the_tolerance_and_more_where_chance_gives_more():
    noisy = [
        replace(item, values=tuple(replace(v, null_epsilon=0.09) for v in item.values)) if item.group == "p4" else item
        for item in candidates("p8", photo)
    ]
    _, axes, _ = drawn(recommend(noisy, images=20))
    heights = sorted(round(patch.get_height(), 9) for patch in axes.patches)
    assert heights == [5.0, 5.0, 9.001]
    assert axes.get_ylim()[1] > 9.001


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
