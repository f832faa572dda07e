"""The picture of the idea: one image, its responses against the angle, and the image turned."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, pi, sin

import numpy as np

from symmetry_audit.reports.pages._blocks import Block, Dot, Idea, Text, Turned
from symmetry_audit.reports.pages._images import ImageNumbers
from symmetry_audit.reports.pages._pictures import Shown
from symmetry_audit.reports.pages._ranked import GONE, thumb
from symmetry_audit.reports.pages._words import percent
from symmetry_audit.wording import printable

__all__ = ["idea"]

MEAN, RIM = 70.0, 100.0  # radius of the mean response and of the largest change in a rose
LEAST = 0.02  # a change that reaches the rim at least: smaller ones would look large
TURNS = (0, 45, 90, 135)
DATASET = (
    "ε of the dataset is the same measurement on the mean over all images: where they have different directions, these "
    "cancel."
)


def idea(found: ImageNumbers, pictures: Mapping[str, Shown]) -> list[Block]:
    """The image in the middle of the order, under rotations and under its own group; nothing without images."""
    at = found.median
    if at is None:
        return []
    name, turns = found.names[at], found.group.rotations
    angles = found.group.angles_deg()[:turns]
    strict = found.profiles[at] / found.profiles[at].mean()
    own = None
    if found.adapted is not None and found.ellipses[at] is not None:
        own = (found.adapted[at] / found.adapted[at].mean())[:turns]
    strict = strict[:turns]
    reach = max(float(np.abs(strict - 1).max()), LEAST)
    turned = {float(angle): value for angle, value in zip(angles, strict, strict=True)}
    shown = Idea(
        thumb=thumb(found, name, pictures, "") if name in pictures else None,
        before=_closed(_points(angles, strict, reach)),
        after="" if own is None else _closed(_points(angles, own, reach)),
        rings=((MEAN, "mean"), (RIM, f"+{percent(reach)}")),
        captions=_captions(found, at, strict, own),
        turned=tuple(Turned(angle, f"{angle}°: {_signed(turned[angle])}") for angle in TURNS if angle in turned),
        dots=_dots(angles, strict, own, reach),
    )
    return [shown] if name in pictures else [shown, Text((GONE,))]


def _captions(found: ImageNumbers, at: int, strict: np.ndarray, own: np.ndarray | None) -> tuple[str, str, str]:
    """Of the picture, of the rose, of both."""
    ellipse = found.ellipses[at]
    stretch = f", the ellipse stretches it by {ellipse.ratio:.2f}" if ellipse else ""
    low, high = percent(1 - float(strict.min())), percent(float(strict.max()) - 1)
    after = "" if own is None else "; solid: after the stretch of its ellipse"
    return (
        f"{printable(found.names[at])}: half of the images are more symmetric{stretch}.",
        f"How strongly {found.title} responds as the image turns. Dashed: as it is, from {low} below to {high} above "
        f"its mean{after}. A circle would be perfect symmetry.",
        DATASET,
    )


def _dots(angles: np.ndarray, strict: np.ndarray, own: np.ndarray | None, reach: float) -> tuple[Dot, ...]:
    """Where the slider puts its dots, and what it says."""
    dots = []
    after = None if own is None else _points(angles, own, reach)
    for k, (angle, place) in enumerate(zip(angles.tolist(), _points(angles, strict, reach), strict=True)):
        line = f"turned by {angle:g}°: response {_signed(strict[k])}"
        if own is not None:
            line += f", stretched {_signed(own[k])}"
        dots.append(Dot(angle, *place, *((None, None) if after is None else after[k]), line))
    return tuple(dots)


def _points(angles: np.ndarray, values: np.ndarray, reach: float) -> list[tuple[float, float]]:
    """Where responses stand in a rose, counter-clockwise; a change of ``reach`` above the mean is at the rim."""
    radii = MEAN + (RIM - MEAN) / reach * (values - 1)
    turns = angles * pi / 180
    return [
        (round(float(radius) * cos(turn), 1), round(-float(radius) * sin(turn), 1))
        for radius, turn in zip(radii, turns, strict=True)
    ]


def _closed(points: list[tuple[float, float]]) -> str:
    return f"M{' L'.join(f'{x:g} {y:g}' for x, y in points)} Z"


def _signed(value: float) -> str:
    change = round(100 * (float(value) - 1), 1) or 0.0  # no minus before 0
    return f"{change:+.1f} %"
