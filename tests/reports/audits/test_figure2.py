"""Figure 2: what its bars and curves show, and that nothing in it overlaps."""

import functools
import itertools
import re
import warnings
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from symmetry_audit.reports import mean_profiles
from symmetry_audit.reports._style import plain_defaults, saved
from symmetry_audit.reports.audits import _figure2
from symmetry_audit.reports.audits._checked import checked
from symmetry_audit.results import SCENARIOS, Scenario

ALL = SCENARIOS
OWN = {"a": "A very long $title$ that never ends", "b": r"Mine \frac{", "c": "ε", "d": "Averylongsinglewordindeed"}


def drawn(run, regularizer="tv", layout=False):
    """The figure, on demand with its layout done, and its two axes."""
    profiles = mean_profiles(run.folder, run.report)
    with matplotlib.style.context("default"), matplotlib.rc_context(_figure2.STYLE):
        figure = _figure2._drawn(checked(run.report), profiles, regularizer)
        if layout:
            figure.draw_without_rendering()
    return figure, *figure.axes


def bars_of(axes):
    """{(scenario, place): value} of the bars drawn."""
    scenarios = {colour: name for name, colour in _figure2.COLORS.items()}
    bars = {}
    for patch in axes.patches:
        middle = patch.get_x() + patch.get_width() / 2
        key = scenarios[to_hex(patch.get_facecolor()).upper()], round(middle)
        assert key not in bars
        bars[key] = patch.get_y() + patch.get_height()
    return bars


@pytest.mark.parametrize("scenarios", [ALL[:2], ALL, ALL[1:2]])
def test_bars_are_the_epsilons_of_the_report(write_run, scenarios):
    run = write_run(scenarios=scenarios, group="p32")
    _, axes, _ = drawn(run)
    names = list(checked(run.report).regularizers)
    expected = {(row.scenario, names.index(row.regularizer)): row.epsilon for row in run.report.results}
    assert bars_of(axes) == pytest.approx(expected, rel=1e-12)
    assert axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    assert low < min(expected.values()) / 1.5
    assert high > max(expected.values())
    labels = [label.get_text().replace("\n", " ") for label in axes.get_xticklabels()]
    assert labels == ["TV", "Second-order TV", "Sobel", "Laplacian", "Prewitt"]


def test_values_on_the_bars(write_run):
    run = write_run(scenarios=ALL)
    rows = [replace(row, epsilon=0.04 * (1 + number)) for number, row in enumerate(run.report.results)]
    with matplotlib.rc_context(_figure2.STYLE):
        axes = _figure2.Figure().subplots()
        _figure2._draw_bars(axes, checked(replace(run.report, results=tuple(rows))))
    assert sorted(text.get_text() for text in axes.texts) == sorted(f"{0.04 * (1 + n):#.2g}" for n in range(15))
    assert [_figure2._digits(value) for value in (0, 0.04, 0.9, 5, 33.3, 218.4, 1e-7)] == [
        *("0", "0.040", "0.90", "5.0", "33", "218", "1.0e-07")
    ]


def test_similar_bars_stand_on_a_linear_axis_from_zero(write_run):
    run = write_run(titles={"tv2": "x", "laplacian": "y"}, scenarios=ALL[:1])
    _, axes, _ = drawn(run, "tv2")
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] == 0
    assert {patch.get_y() for patch in axes.patches} == {0}


def test_rounding_noise_does_not_stretch_the_log_axis(write_run):
    run = write_run()
    results = (replace(run.report.results[0], epsilon=1e-15), *run.report.results[1:])
    axes = _figure2.Figure().subplots()
    _figure2._draw_bars(axes, checked(replace(run.report, results=results)))
    assert axes.get_ylim()[0] == 0.01
    assert "1.0e-15" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("group", ["p1", "p2", "p8", "p32", "p8m", "p32m"])
@pytest.mark.parametrize("regularizer", ["tv", "laplacian"])
def test_curves_are_the_profiles_over_their_own_mean(write_run, group, regularizer):
    run = write_run(group=group, scenarios=ALL)
    _, _, axes = drawn(run, regularizer)
    curves = axes.lines[1:]  # after the line at 1
    turns = checked(run.report).group.rotations
    expected = []
    for scenario in ALL:
        values = run.responses[scenario, regularizer, 1.5, 1]
        profile = values[0] if scenario == "sample_strict" else values.mean(axis=0)
        for number, part in enumerate(np.split(profile / profile.mean(), len(profile) // turns)):
            expected.append((_figure2.COLORS[scenario], "--" if number else "-", [*part, part[0]]))
    assert len(curves) == len(expected)
    for curve, (colour, style, values) in zip(curves, expected, strict=True):
        assert (curve.get_color(), curve.get_linestyle()) == (colour, style)
        np.testing.assert_allclose(curve.get_ydata(), values, rtol=1e-12)
        np.testing.assert_allclose(curve.get_xdata(), np.linspace(0, 360, turns + 1))
        assert (curve.get_marker() != "None") == (turns <= 8)
    assert ("dashed" in axes.get_xlabel()) == group.endswith("m")
    assert axes.get_ylabel() == "response / mean over the group"


def test_flat_curves_are_not_blown_up(write_run):
    _, _, axes = drawn(write_run(scale=1e-9))
    low, high = axes.get_ylim()
    assert high - low == pytest.approx(0.01)
    assert low < 1 < high


def test_a_zero_response_is_left_out_and_said(write_run):
    run = write_run(titles={"tv": "TV"})
    profiles = {key: np.zeros(8) for key in mean_profiles(run.folder, run.report)}
    figure = _figure2._drawn(checked(run.report), profiles, "tv")
    assert len(figure.axes[1].lines) == 1
    assert [text.get_text() for text in figure.axes[1].texts] == ["no response"]
    assert set(_figure2.figure2(run.report, profiles, "tv")) == {"png", "svg", "pdf"}


def test_no_response_at_the_identity_alone_is_drawn(write_run):
    run = write_run(titles={"tv": "TV"}, scenarios=ALL[1:2])
    stripes = np.array([0.0, 1.0, 2.0, 1.0] * 2)
    profiles = {key: stripes for key in mean_profiles(run.folder, run.report)}
    _, curve = _figure2._drawn(checked(run.report), profiles, "tv").axes[1].lines
    np.testing.assert_array_equal(curve.get_ydata(), [*stripes, 0.0])  # their mean is 1


def test_a_sweep_shows_its_first_scales_and_says_so(write_run):
    run = write_run(sigma=(1.0, 2.0), downscale=(1, 2))
    figure, bars, curves = drawn(run)
    assert figure.get_suptitle() == (
        "DIV2K  ·  6 images  ·  p8  ·  Gaussian kernel, σ = 1 px (first of 1, 2)  ·  downscale 1 (first of 1, 2)"
    )
    first = {row.epsilon for row in run.report.results if (row.sigma, row.downscale) == (1.0, 1)}
    assert sorted(bars_of(bars).values()) == pytest.approx(sorted(first), rel=1e-12)
    values = run.responses["dataset_strict", "tv", 1.0, 1].mean(axis=0)
    np.testing.assert_allclose(curves.lines[2].get_ydata()[:-1], values / values.mean(), rtol=1e-12)


def test_titles_name_the_run_the_regularizer_and_the_sample(write_run):
    figure, bars, curves = drawn(write_run(sigma=(None,), response="energy"), "sobel")
    assert figure.get_suptitle() == "DIV2K  ·  6 images  ·  p8  ·  bicubic kernel"
    assert curves.get_title("left") == "(b) Sobel"
    assert curves.get_title("right") == "sample: 0000.png"
    assert bars.get_ylabel() == "ε (squared grey levels of 0–255)"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [Scenario.named(name).title for name in ALL[:2]]


def test_long_names_of_samples_are_cut_to_their_end(write_run):
    row = replace(write_run().report.results[0], selected_image="a/b/a-name-of-some-length-0801.png")
    assert _figure2._sample(row, 12) == "sample: …th-0801.png"
    assert len(_figure2._sample(row, 12)) == len("sample: ") + 12
    assert _figure2._sample(row, 40) == "sample: a-name-of-some-length-0801.png"


def intervals_of(axes):
    """{place: (low, high)} of the thin lines over the bars."""
    lines = [segment for item in axes.collections for segment in item.get_segments()]
    assert all(segment[0, 0] == segment[1, 0] for segment in lines)
    return {segment[0, 0]: tuple(segment[:, 1]) for segment in lines}


def test_intervals_stand_on_the_middle_of_their_bars(write_run):
    run = write_run(scenarios=ALL, full=True)
    _, axes, _ = drawn(run)
    found = intervals_of(axes)
    names = list(checked(run.report).regularizers)
    assert len(found) == len(run.report.results) == 15
    for row in run.report.results:
        place = names.index(row.regularizer) + (ALL.index(row.scenario) - 1) * 0.8 / 3
        near = min(found, key=lambda x: abs(x - place))
        assert near == pytest.approx(place)
        assert found[near] == pytest.approx((row.ci_low, row.ci_high))
    assert axes.get_ylim()[1] > max(row.ci_high for row in run.report.results)
    assert axes.get_title("right") == "single sample: mean over images; lines: 95 %"


def test_values_stand_above_the_intervals(write_run):
    run = write_run(scenarios=ALL, full=True)
    _, axes, _ = drawn(run)
    ends = sorted(high for _, high in intervals_of(axes).values())
    assert sorted(text.xy[1] for text in axes.texts) == pytest.approx(ends)


def test_intervals_below_the_axis_are_cut_and_missing_ones_left_out(write_run):
    run = write_run(scenarios=ALL[1:2], row={"ci_low": 0.0, "ci_high": 5.0})
    rows = (replace(run.report.results[0], ci_high=None), *run.report.results[1:])
    with matplotlib.rc_context(_figure2.STYLE):
        axes = _figure2.Figure().subplots()
        _figure2._draw_bars(axes, checked(replace(run.report, results=rows)))
    bottom = axes.get_ylim()[0]
    assert bottom > 0
    assert list(intervals_of(axes).values()) == [(bottom, 5.0)] * 4
    assert axes.get_title("right") == "lines: 95 %"


def test_an_interval_moves_no_linear_axis_to_a_log_one(write_run):
    run = write_run(titles={"tv2": "x", "laplacian": "y"}, scenarios=ALL[:1], row={"ci_low": 0.1, "ci_high": 99.0})
    _, axes, _ = drawn(run, "tv2")
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[1] > 99


def test_bars_not_distinguishable_from_symmetric_carry_a_tilde(write_run):
    run = write_run(scenarios=ALL[1:], full=True)
    weak = {"tv", "prewitt"}
    rows = [
        replace(row, null_epsilon=0.9 * row.epsilon) if row.regularizer in weak else row for row in run.report.results
    ]
    run = replace(run, report=replace(run.report, results=tuple(rows)))
    figure, axes, _ = drawn(run)
    assert sum(text.get_text().endswith("~") for text in axes.texts) == 4
    assert figure.get_suptitle().endswith("  ·  ~ not distinguishable")


@pytest.mark.parametrize("row", [{"tested": False}, {"visible_elements": 0}])
def test_untested_bars_carry_a_dagger(write_run, row):
    figure, axes, _ = drawn(write_run(group="p2", row=row))
    assert len(axes.texts) == 10
    assert all(text.get_text().endswith("†") for text in axes.texts)
    assert figure.get_suptitle().endswith("† not tested")


CASES = {
    "two": {"group": "p32"},
    "three": {"group": "p32", "scenarios": ALL},
    "small values": {"scenarios": ALL[:2], "scale": 1e-3},
    "large values": {"scenarios": ALL, "scale": 1e3},
    "mirrors": {"group": "p8m", "scenarios": ALL},
    "sweep": {"sigma": (1.0, 1.5, 2.0, 4.0), "downscale": (1, 2)},
    "one regularizer": {"titles": {"tv": "Second-order TV of my own making"}, "images": 1},
    "own regularizers": {"scenarios": ALL, "titles": {"tv": "TV", "tv2": "Second-order TV", "sobel": "Sobel", **OWN}},
    "long names": {
        "name": "a dataset with a very long name, indeed a sentence",
        "titles": {"tv": "A regularizer " * 9},
    },
    "untested": {"group": "p2", "scale": 0.0, "row": {"tested": False}},
    "statistics": {"group": "p32", "scenarios": ALL, "full": True},
    "wide intervals": {"group": "p32", "scenarios": ALL, "row": {"ci_low": 0.0, "ci_high": 90.0, "null_epsilon": 50.0}},
    "two with intervals": {"full": True, "titles": {"tv": "TV", "sobel": "Sobel"}},
    "marks and a long name": {"full": True, "row": {"null_epsilon": 9.0}, "name": "a" * 50, "images": 1000},
}


@pytest.mark.parametrize("case", CASES)
def test_no_text_overlaps_or_leaves_the_figure(write_run, case):
    figure, bars, curves = drawn(write_run(**CASES[case]), layout=True)
    renderer = figure.canvas.get_renderer()
    texts = [*figure.legends[0].get_texts(), figure._suptitle]
    for axes in (bars, curves):
        texts += [axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title, axes._right_title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    slanted = {text for text in texts if text.get_rotation() not in (0.0, 90.0)}  # their boxes overlap, they do not
    boxes = [(text, text.get_window_extent(renderer)) for text in texts if text.get_text() and text.get_visible()]
    assert len(boxes) > 15
    for text, box in boxes:
        assert box.x0 >= -0.5, text
        assert box.y0 >= -0.5, text
        assert box.x1 <= figure.bbox.x1 + 0.5, text
        assert box.y1 <= figure.bbox.y1 + 0.5, text
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        if one in slanted and other in slanted:
            continue
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert min(across, down) <= 0.5, (one.get_text(), other.get_text())


# --- files


@pytest.fixture
def files(write_run):
    hostile = r"$\frac{$"  # as mathematics it would not parse
    run = write_run(group="p32", name=hostile, titles={"tv": hostile, "b": "B"})
    return _figure2.figure2(run.report, mean_profiles(run.folder, run.report), "tv")


def test_png_is_seven_inches_wide_at_150_dpi(files):
    width, height = (int.from_bytes(files["png"][at : at + 4]) for at in (16, 20))
    assert (width, height) == (1050, 435)
    assert files["png"].startswith(b"\x89PNG")


def test_a_figure_is_laid_out_once_and_drawn_once_per_format(monkeypatch):
    calls = {"layout": 0, "draw": 0}

    def counted(owner, name, what):
        plain = getattr(owner, name)

        @functools.wraps(plain)
        def call(*args, **options):
            calls[what] += 1
            return plain(*args, **options)

        monkeypatch.setattr(owner, name, call)

    counted(ConstrainedLayoutEngine, "execute", "layout")
    counted(Axes, "draw", "draw")
    with plain_defaults():
        figure = Figure(layout="constrained")
        figure.subplots().set_title("one panel")
        assert saved(figure).keys() == {"png", "svg", "pdf"}
    assert calls == {"layout": 1, "draw": 3}


def test_files_name_no_date_and_no_version(files):
    assert re.search(rb"tEXt|iTXt|tIME", files["png"]) is None
    assert re.search(rb"dc:date|Matplotlib v|dc:creator", files["svg"]) is None
    assert re.search(rb"CreationDate|ModDate|Producer|Creator", files["pdf"]) is None


def test_pdf_embeds_truetype_outlines(files):
    assert b"/CIDFontType2" in files["pdf"]
    assert b"/Type3" not in files["pdf"]


def test_drawing_leaves_the_users_settings_alone(write_run):
    before = dict(matplotlib.rcParams)
    run = write_run(titles={"tv": "TV"})
    profiles = mean_profiles(run.folder, run.report)
    own = _figure2.figure2(run.report, profiles, "tv")
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "text.usetex": False, "savefig.dpi": 40}):
        assert _figure2.figure2(run.report, profiles, "tv") == own


def test_scripts_that_the_font_lacks_are_no_warning(write_run):
    run = write_run(name="資料集", titles={"tv": "拉普拉斯"})
    profiles = mean_profiles(run.folder, run.report)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(_figure2.figure2(run.report, profiles, "tv")) == 3
