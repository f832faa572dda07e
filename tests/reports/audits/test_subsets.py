"""The figure of epsilon against the number of images: its lines, bands and points, and that nothing overlaps."""

import itertools
from dataclasses import replace

import matplotlib
import numpy as np
import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.reports._style import COLORS, STYLE
from symmetry_audit.reports.audits import _subsets
from symmetry_audit.reports.audits._checked import checked
from symmetry_audit.results import SCENARIOS, Scenario

ALL = SCENARIOS
TITLES = {"tv": "TV", "laplacian": "Laplacian"}


def drawn(report, layout=False):
    with matplotlib.style.context("default"), matplotlib.rc_context(STYLE):
        figure = _subsets._drawn(checked(report), report.analyses)
        if layout:
            figure.draw_without_rendering()
    return figure


def test_lines_bands_and_points_are_those_of_the_report(write_run):
    report = write_run(scenarios=ALL, titles=TITLES, full=True).report
    figure = drawn(report)
    assert [axes.get_title("left") for axes in figure.axes] == ["TV", "Laplacian"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        *(Scenario.named(name).title for name in ALL[1:]),
        "enough images",
    ]
    for axes, regularizer in zip(figure.axes, TITLES, strict=True):
        items = [item for item in report.analyses["subsets"] if item["regularizer"] == regularizer]
        assert len(axes.lines) == 2 * len(items) == 4
        for item, line, point, band in zip(items, axes.lines[::2], axes.lines[1::2], axes.collections, strict=True):
            assert line.get_color() == point.get_color() == COLORS[item["scenario"]]
            np.testing.assert_array_equal(line.get_xydata(), np.stack([item["sizes"], item["mean"]], 1))
            np.testing.assert_array_equal(point.get_xydata(), [[3, item["mean"][1]]])
            edges = band.get_paths()[0].vertices
            for size, mean, deviation in zip(item["sizes"], item["mean"], item["deviation"], strict=True):
                assert {mean - deviation, mean + deviation} <= set(edges[edges[:, 0] == size, 1])
        assert axes.get_xscale() == "log"
        assert axes.get_ylim()[0] == 0
        assert [label.get_text() for label in axes.get_xticklabels()] == ["2", "3", "6"]


def test_a_band_does_not_reach_below_zero(write_run):
    report = write_run(scenarios=ALL[1:2], titles={"tv": "TV"}, full=True).report
    item = report.analyses["subsets"][0] | {"deviation": [9.0, 9.0, 0.0]}
    (axes,) = drawn(replace(report, analyses={"subsets": [item]})).axes
    assert axes.collections[0].get_paths()[0].vertices[:, 1].min() == 0


def test_a_sweep_shows_its_first_scale_and_says_so(write_run):
    report = write_run(scenarios=ALL[1:2], titles={"tv": "TV"}, full=True, sigma=(1.0, 2.0), downscale=(1, 2)).report
    figure = drawn(report)
    assert len(figure.axes[0].lines) == 2
    assert figure.axes[0].lines[0].get_ydata()[0] == report.analyses["subsets"][0]["mean"][0]
    assert figure.get_suptitle() == "DIV2K  ·  random subsets  ·  p8  ·  σ = 1 px  ·  downscale 1"


def test_without_subsets_the_figure_says_so(write_run):
    report = write_run(titles=TITLES).report
    figure = drawn(report)
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["no subsets"]] * 2
    assert not figure.legends
    assert set(_subsets.subsets_figure(report)) == {"png", "svg", "pdf"}


def test_the_same_bytes_for_the_same_report(write_run):
    report = write_run(titles={"tv": "a $x_b"}, full=True).report
    first = _subsets.subsets_figure(report)
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True}):
        assert _subsets.subsets_figure(report) == first
    changed = [item | {"mean": [3.0, 2.0, 1.0]} for item in report.analyses["subsets"]]
    other = _subsets.subsets_figure(replace(report, analyses={"subsets": changed}))
    assert all(other[suffix] != first[suffix] for suffix in first)


@pytest.mark.parametrize("damage", [{"sizes": None}, {"enough": 4}, {"mean": ["a", "b", "c"]}, {"mean": [1.0]}])
def test_damaged_subsets_are_refused(write_run, damage):
    report = write_run(titles={"tv": "TV"}, full=True).report
    item = report.analyses["subsets"][0] | damage
    with pytest.raises(ReportError, match="unusable analyses"):
        _subsets.subsets_figure(replace(report, analyses={"subsets": [item]}))


OWN = {f"r{number}": f"A regularizer $title$ number {number}" for number in range(7)}
CASES = {
    "paper": {"titles": None},
    "one": {"titles": {"tv": "A regularizer with quite a name of its own, on and on"}},
    "many": {"titles": OWN, "name": "a dataset with a very long name, indeed a sentence", "response": "energy"},
    "none": {"full": False},
}


@pytest.mark.parametrize("case", CASES)
def test_no_text_overlaps_or_leaves_the_figure(write_run, case):
    figure = drawn(write_run(**{"scenarios": ALL, "full": True, **CASES[case]}).report, layout=True)
    renderer = figure.canvas.get_renderer()
    texts = [figure._suptitle, figure._supylabel, *(text for item in figure.legends for text in item.get_texts())]
    for axes in figure.axes:
        texts += [axes._left_title, *axes.texts]
        if axes.axison:
            texts.append(axes.xaxis.label)
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]
    for text, box in boxes:
        assert box.x0 >= -0.5 and box.y0 >= -0.5, text
        assert box.x1 <= figure.bbox.x1 + 0.5 and box.y1 <= figure.bbox.y1 + 0.5, text
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert min(across, down) <= 0.5, (one, other)
