"""What pages draw, against closed forms: axes, roses, ellipses, sectors, pictures."""

from __future__ import annotations

import base64
import io
import re
from math import cos, hypot, pi, sin

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.groups import Group
from symmetry_audit.reports.pages._blocks import Directions, Idea, Strip
from symmetry_audit.reports.pages._idea import idea
from symmetry_audit.reports.pages._images import ImageNumbers
from symmetry_audit.reports.pages._parts import directions
from symmetry_audit.reports.pages._pictures import MOST, Ellipse, Picture, ellipse_path, shown
from symmetry_audit.reports.pages._questions import strips_over
from symmetry_audit.reports.pages._words import interval, listed, percent, sentence


def numbers_in(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 16, (0, 5, 10, 15, 20)),
        (0.5, 29, (0, 10, 20, 30)),
        (-0.3, 0.12, (-0.3, -0.2, -0.1, 0, 0.1, 0.2)),
        (0, 0, (0, 0.2, 0.4, 0.6, 0.8, 1.0)[:2]),
        (2, 3, (0, 1, 2, 3)),
    ],
)
def test_an_axis_has_round_ticks_around_all_numbers(low, high, ticks):
    found = strips_over("", [Strip("a", (low + high) / 2, "", low, high)], ())
    assert found.ticks == pytest.approx(ticks)
    assert found.place(found.start) == "0.00%" and found.place(found.end) == "100.00%"
    assert float(found.place(high)[:-1]) == pytest.approx(100 * (high - ticks[0]) / (ticks[-1] - ticks[0]), abs=0.01)


def one_image(profile, adapted=None):
    """The numbers of a single image."""
    before = np.array([profile], float)
    return ImageNumbers(
        title="TV",
        group=Group(len(profile), False),
        names=("a.png",),
        before=np.ptp(before, axis=1) / before.mean(1),
        profiles=before,
        adapted=None if adapted is None else np.array([adapted], float),
        ellipses=(Ellipse(0.3, 1.5),),
        at_limit=0,
    )


def test_a_rose_has_the_largest_change_at_the_rim():
    (shown_idea, _) = idea(one_image([2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0]), {})
    assert isinstance(shown_idea, Idea)
    points = np.reshape(numbers_in(shown_idea.before), (-1, 2))
    angles = np.arange(8) * pi / 4
    radii = np.where(np.arange(8) % 2, 40.0, 100.0)  # the mean is at 70, a third above it at 100
    expected = np.stack([radii * np.cos(angles), -radii * np.sin(angles)], 1)
    assert points == pytest.approx(expected, abs=0.06)
    assert shown_idea.after == ""
    assert shown_idea.rings[1][1] == "+33 %"
    assert [dot[:3] for dot in shown_idea.dots][:3] == [(0.0, 100.0, -0.0), (45.0, 28.3, -28.3), (90.0, 0.0, -100.0)]


def test_a_flat_response_is_a_circle():
    (shown_idea, _) = idea(one_image([3.0] * 8, adapted=[5.0] * 8), {})
    assert isinstance(shown_idea, Idea)
    for path in (shown_idea.before, shown_idea.after):
        assert [hypot(*point) for point in np.reshape(numbers_in(path), (-1, 2))] == pytest.approx([70] * 8, abs=0.1)


@pytest.mark.parametrize("alpha", [0.0, 0.7, pi / 2, 3.0])
def test_an_ellipse_is_d_of_a_circle(alpha):
    path = ellipse_path(Ellipse(alpha, 4.0), 300, 200)
    start = numbers_in(path)[:2]
    long, short, turn = numbers_in(path)[2:5]
    assert (long, short) == (120.0, 30.0)  # 0.3 of 200, times and over the root of 4
    assert start == pytest.approx([150 - 120 * cos(alpha), 100 + 120 * sin(alpha)], abs=0.06)
    assert turn == pytest.approx(-np.rad2deg(alpha), abs=0.06)


def test_sectors_count_images_by_area():
    found = one_image([2.0, 1.0] * 4)
    ellipses = (*[Ellipse(0.1, 1.05)] * 4, Ellipse(pi / 2 + 0.1, 2.0))
    many = ImageNumbers(
        **{name: getattr(found, name) for name in ("title", "group", "before", "profiles", "adapted")},
        names=tuple("abcde"),
        ellipses=ellipses,
        at_limit=1,
    )
    (block,) = directions(many, ("R² is 0.1.",))
    assert isinstance(block, Directions)
    radii = {name: round(hypot(*numbers_in(path)[2:4])) for path, name in block.wedges}
    assert radii == {"0 to 15°: 4 images": 100, "90 to 105°: 1 image": 50}
    assert [height for height, _ in block.bars] == [1, *[0] * 8, 0.25]
    assert block.lines[2:] == ("1 image of 5 at the largest ratio, 2.", "R² is 0.1.")


def test_pictures_are_small_and_in_their_window():
    values = np.full((300, 600), -1000.0)
    values[:, 300:] = 200
    assert Picture.of(np.tile(values, (8, 8)), (0, 1)).values.shape == (240, 480)
    found = shown({"a": Picture.of(values, (-1000, 1000))})["a"]
    assert (found.width, found.height) == (240, 120)
    data = base64.b64decode(found.uri.removeprefix("data:image/webp;base64,"))
    levels = np.asarray(Image.open(io.BytesIO(data)).convert("L"), int)
    assert abs(levels[:, :100]).max() <= 3 and abs(levels[:, -100:] - 153).max() <= 3


def test_many_hard_pictures_shrink_until_they_fit(rng):
    pictures = {str(at): Picture(rng.uniform(0, 255, (240, 240)), (0, 255)) for at in range(25)}
    found = shown(pictures)
    assert len({picture.width for picture in found.values()}) == 1 and found["0"].width < 240
    assert sum(len(picture.uri) for picture in found.values()) <= MOST * 4 / 3 + 25 * 40


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0934, "9.3 %"), (0.162, "16 %"), (1.234, "123 %"), (0.00003, "below 0.01 %"), (0.0, "0 %"), (None, "")],
)
def test_percentages(value, text):
    assert percent(value) == text


def test_words():
    assert interval(0.026, 0.162) == "2.6 to 16 %" and interval(None, 0.1) == ""
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c" and listed([]) == ""
    assert sentence("so it is") == "So it is." and sentence("") == "" and sentence("Why?") == "Why?"
