"""Pictures inside a page: small, few bytes, the same ones for the same pixels."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from math import cos, pi, sin, sqrt
from typing import NamedTuple

import numpy as np

from symmetry_audit.reports._reduced import Rows, reduced

__all__ = ["Ellipse", "Picture", "Pictures", "Shown", "ellipse_path", "shown"]

SIDES = (240, 180, 120, 80)  # px of the longer side: the first at which all pictures together fit
QUALITY = 60
MOST = 270_000  # bytes of all pictures, before base64 makes a third more of them
ELLIPSE = 0.3  # radius of the circle that an ellipse deforms, of the shorter side


class Picture(NamedTuple):
    """An image as it was measured, or smaller: ``values`` (H, W), drawn from black to white over ``span``."""

    values: np.ndarray
    span: tuple[float, float]

    @classmethod
    def of(cls, values: Rows, span: tuple[float, float]) -> Picture:
        """A picture that keeps no more pixels than a page needs: two dozen large images would fill the memory."""
        return cls(reduced(values, 2 * SIDES[0]), span)


# reads those of the images named that are still there
Pictures = Callable[[Sequence[str]], Mapping[str, Picture]]


class Ellipse(NamedTuple):
    """The deformation of one image: ``alpha`` of the long axis in radians, and the axis ratio."""

    alpha: float
    ratio: float


class Shown(NamedTuple):
    """A picture as a data URI, and its size in px."""

    uri: str
    width: int
    height: int


def shown(pictures: Mapping[str, Picture]) -> dict[str, Shown]:
    """The pictures by name, as WebP, together in at most about MOST bytes."""
    encoded = {}
    for side in SIDES:
        encoded = {name: _webp(picture, side) for name, picture in pictures.items()}
        if sum(len(data) for data, _, _ in encoded.values()) <= MOST:
            break
    return {
        name: Shown(f"data:image/webp;base64,{base64.b64encode(data).decode()}", width, height)
        for name, (data, width, height) in encoded.items()
    }


def _webp(picture: Picture, side: int) -> tuple[bytes, int, int]:
    from PIL import Image

    low, high = picture.span
    levels = np.clip((picture.values - low) * (255 / (high - low)), 0, 255).round().astype(np.uint8)
    image = Image.fromarray(levels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    image.save(target, "WEBP", quality=QUALITY, method=4)
    return target.getvalue(), *image.size


def ellipse_path(ellipse: Ellipse, width: int, height: int) -> str:
    """D of a circle about the middle, with its long axis, as an SVG path; x right, y down."""
    radius = ELLIPSE * min(width, height)
    long, short = radius * sqrt(ellipse.ratio), radius / sqrt(ellipse.ratio)
    x, y = long * cos(ellipse.alpha), -long * sin(ellipse.alpha)
    ends = [f"{width / 2 + sign * x:.1f} {height / 2 + sign * y:.1f}" for sign in (-1, 1)]
    turn = -ellipse.alpha * 180 / pi
    arcs = " ".join(f"A{long:.1f} {short:.1f} {turn:.1f} 0 1 {end}" for end in (ends[1], ends[0]))
    return f"M{ends[0]} {arcs} L{ends[1]}"
