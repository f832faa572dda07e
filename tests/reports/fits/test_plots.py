"""The picture of one image with its fits: ellipses, responses, and that nothing overlaps; the names of files."""

import itertools

import matplotlib
import numpy as np
import pytest
from PIL import Image

from symmetry_audit.groups import Affine, Group
from symmetry_audit.reports import affine_figure, plot_name
from symmetry_audit.reports._style import STYLE, plain_defaults
from symmetry_audit.reports.fits import _ellipses
from tests.reports.fits.test_fits import fit

NAMES = ("tv", "tv2", "sobel", "prewitt", "joint", "a_regularizer_with_a_long_name", "last")


def fitted(ratio, degrees, regularizer="tv"):
    alpha = float(np.radians(degrees))
    affine = Affine.from_axes(alpha, ratio)
    return fit(
        **{"regularizer": regularizer, "a": affine.a, "b": affine.b, "alpha": alpha, "alpha_deg": float(degrees)},
        **{"ratio": ratio, "s_x": ratio**0.5, "s_y": ratio**-0.5},
    )


def panels_of(group, count, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    for name in NAMES[:count]:
        before, after = 1 + rng.normal(0, [[0.1], [0.01]], (2, group.order))
        found.append((fitted(rng.uniform(1, 2), rng.uniform(0, 180), name), before, after))
    return found


def drawn(group="p8", count=5, shape=(60, 90), image="folder/a.png"):
    group = Group.parse(group)
    luminance = np.random.default_rng(1).uniform(0, 255, shape)
    with plain_defaults(), matplotlib.rc_context(STYLE):
        figure = _ellipses._drawn(image, luminance, group, panels_of(group, count), (0, 255))
        figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize(("ratio", "degrees"), [(1.0, 0), (1.5, 0), (1.5, 90), (2.0, 30), (1.2, 135)])
def test_the_ellipse_is_the_circle_under_the_deformation(ratio, degrees):
    """D itself, from another module, maps the unit circle onto the same curve and its axes onto the same lines."""
    outline, long, short = _ellipses._ellipse(fitted(ratio, degrees))
    matrix = Affine.from_axes(float(np.radians(degrees)), ratio).matrix
    back = np.linalg.inv(matrix) @ outline
    np.testing.assert_allclose(np.hypot(*back), 1, rtol=1e-12)
    for ends, angle, length in ((long, degrees, ratio**0.5), (short, degrees - 90, ratio**-0.5)):
        # x right, y down: a positive angle turns the right end up
        direction = np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))])
        np.testing.assert_allclose(ends, np.stack([-length * direction, length * direction], 1), atol=1e-12)


def test_ellipses_stand_in_the_middle_of_the_photograph():
    figure = drawn(shape=(60, 90))
    photograph = figure.axes[0]
    assert photograph.get_images()[0].get_extent() == [0, 90, 60, 0]
    assert len(photograph.lines) == 3 * 5
    for line in photograph.lines:
        x, y = line.get_data()
        assert (min(x) + max(x)) / 2 == pytest.approx(45, abs=1e-6)
        assert (min(y) + max(y)) / 2 == pytest.approx(30, abs=1e-6)
        assert max(x) < 90 and max(y) < 60
    widths = [line.get_linewidth() for line in photograph.lines[::3]]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 5


@pytest.mark.parametrize("group", ["p4", "p32", "p8m"])
def test_polar_plots_show_the_responses_before_and_after(group):
    figure, parsed = drawn(group, count=2), Group.parse(group)
    for axes, (fit_, before, after) in zip(figure.axes[1:], panels_of(parsed, 2), strict=True):
        halves = 2 if parsed.mirrored else 1
        assert len(axes.lines) == 2 * halves
        expected = [*before.reshape(halves, -1), *after.reshape(halves, -1)]
        for line, values, dashes in zip(axes.lines, expected, ["-", "--"][:halves] * 2, strict=True):
            np.testing.assert_allclose(
                line.get_xdata(), np.radians(np.arange(parsed.rotations + 1) * 360 / parsed.rotations)
            )
            np.testing.assert_array_equal(line.get_ydata(), [*values, values[0]])
            assert line.get_linestyle() == dashes
        assert (
            axes.lines[0].get_color()
            != axes.lines[-1].get_color()
            == figure.axes[0].lines[3 * figure.axes[1:].index(axes)].get_color()
        )
        assert axes.get_title() == f"{fit_.regularizer}\nratio {fit_.ratio:.2f}, α {fit_.alpha_deg:.0f}°"
        low, high = axes.get_rmin(), axes.get_rmax()
        assert 0 <= low < min(before.min(), after.min())
        assert high > max(before.max(), after.max())
    assert ("mirrored" in [text.get_text() for text in figure.legends[0].get_texts()]) == parsed.mirrored


def test_the_radial_axis_is_named():
    figure = drawn(count=1)
    low, high = figure.axes[1].get_rmin(), figure.axes[1].get_rmax()
    remark = f"response: ring at its mean, center {100 * (low - 1):+.0f} %, rim {100 * (high - 1):+.0f} %"
    assert remark in [text.get_text() for text in figure.texts]


def test_flat_responses_are_not_blown_up_and_strong_ones_stay_positive():
    group = Group.parse("p4")
    flat = [(fitted(1.1, 3), np.ones(4), 1 + 1e-9 * np.arange(4))]
    assert _ellipses._limits(flat)[1] == pytest.approx(1.02)
    assert _ellipses._limits([(fitted(1.1, 3), np.array([0.1, 1.9, 0.1, 1.9]), np.ones(4))])[0] == 0
    assert affine_figure("a", np.zeros((30, 30)), group, flat)


def test_without_fits_the_photograph_stands_alone():
    figure = drawn(count=0)
    assert len(figure.axes) == 1
    assert not figure.axes[0].lines
    assert "no fit" in [text.get_text() for text in figure.texts]


def test_the_png_is_seven_inches_wide_and_the_same_every_time(tmp_path):
    group, rng = Group.parse("p8"), np.random.default_rng(0)
    luminance, panels = rng.uniform(0, 255, (3000, 4000)), panels_of(group, 5)
    first = affine_figure("a.png", luminance, group, panels)
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "image.cmap": "jet"}):
        assert affine_figure("a.png", luminance, group, panels) == first
    (tmp_path / "a.png").write_bytes(first)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width == 1050
        assert not picture.text
    assert len(first) < 600_000
    assert affine_figure("a.png", luminance, group, panels_of(group, 5, seed=1)) != first


@pytest.mark.parametrize(
    ("count", "image"),
    [
        *((count, "a.png") for count in (2, 3, 4, 7)),
        *((count, "a long $name$ in a deep folder/" * 4 + "0001.png") for count in (0, 1, 5)),
        (1, "資料\x1b/ü.png"),
    ],
)
def test_no_text_overlaps_or_leaves_the_figure(count, image):
    figure = drawn("p8m", count, image=image)
    renderer = figure.canvas.get_renderer()
    texts = [*figure.texts, *(text for item in figure.legends for text in item.get_texts())]
    for axes in figure.axes[1:]:
        texts += [axes.title, *axes.get_xticklabels()]
    with plain_defaults():
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]
    assert len(boxes) >= 2
    for text, box in boxes:
        assert box.x0 >= -0.5 and box.y0 >= -0.5, text
        assert box.x1 <= figure.bbox.x1 + 0.5 and box.y1 <= figure.bbox.y1 + 0.5, text
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert min(across, down) <= 0.5, (one, other)


# --- names of files

HARD = [
    *("a.png", "a.jpg", "A.png", "b/a.png", "b\\a.png", "a", ".png", "", "..", "../../etc/passwd", "con", "a b.png"),
    *("zip.zip!/x/1.png", "資料/図.png", "\udcff.png", "a\n\x1b[31m.png", "x" * 400 + ".png", "x" * 401 + ".png"),
    *("dir/", "a.tar.gz", "~root/x.png", "-rf.png", "e\u0301.png", "é.png"),
]


def test_names_are_safe_unique_and_stable():
    names = [plot_name(key) for key in HARD]
    assert len({name.lower() for name in names}) == len(HARD)
    for name in names:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
        assert name.endswith(".png") and name.count(".") == 1
        assert not name.startswith((".", "-"))
        assert len(name) <= 80
    assert names == [plot_name(key) for key in HARD]


def test_what_is_readable_of_a_name_is_kept():
    assert plot_name("deep/folder/img_001.png").startswith("img_001-")
    assert plot_name("noextension").startswith("noextension-")
    assert plot_name("a b (1).jpeg").startswith("a-b-1-")
    assert plot_name("資料.png").startswith("image-")
