"""The flat-detector fan beam in which metal artefacts are simulated (SPEC 12)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from symmetry_audit.errors import SettingError

__all__ = ["FanBeam"]

SYMMETRIES = 8  # of the square: quarter turns and mirrors map the views onto each other
DISTANCE = 1075 / 416  # from the source to the centre, in sides of the field
MAGNIFICATION = 2.0  # the detector is as far behind the centre as the source is in front of it


@dataclass(frozen=True)
class FanBeam:
    """A source on a circle, opposite a flat detector, around a square image; the default is that of SynDeepLesion.

    Parameters
    ----------
    side : int
        Pixels along a side of the image.
    views : int
        Positions of the source over the whole circle, a multiple of 8.
    detectors : int
        Elements of the detector.
    field : float
        Side of the image in cm. Source and detector scale with it.

    Raises SettingError for values out of range.

    >>> FanBeam().pixel
    0.03692307692307692
    >>> FanBeam(side=64, views=96, detectors=99).shape
    (96, 99)
    """

    side: int = 416
    views: int = 640
    detectors: int = 641
    field: float = 512 * 0.03

    def __post_init__(self) -> None:
        if self.views < SYMMETRIES or self.views % SYMMETRIES:
            raise SettingError(f"the views of a fan beam must be a multiple of {SYMMETRIES}, got {self.views}")
        if self.side < 2 or self.detectors < 2:
            raise SettingError(
                f"a fan beam needs at least 2 pixels and 2 detector elements, got {self.side} and {self.detectors}"
            )
        if not (self.field > 0 and math.isfinite(self.field)):
            raise SettingError(f"the field of a fan beam must be a positive number of cm, got {self.field}")

    @property
    def shape(self) -> tuple[int, int]:
        """(views, detectors), the shape of a sinogram."""
        return self.views, self.detectors

    @property
    def pixel(self) -> float:
        """Side of a pixel in cm."""
        return self.field / self.side

    @property
    def distance(self) -> float:
        """From the source to the centre of the image, in cm."""
        return DISTANCE * self.field

    @property
    def angles(self) -> np.ndarray:
        """The angle beta of every view in radians, (views,); the source is at distance (sin beta, -cos beta)."""
        return (np.arange(self.views) + 0.5) * (2 * math.pi / self.views)

    @property
    def elements(self) -> np.ndarray:
        """The position u in cm of every detector element, (detectors,).

        Element u of view beta is at -source + u (cos beta, sin beta).
        """
        width = MAGNIFICATION * math.sqrt(2) * self.field / self.detectors
        return (np.arange(self.detectors) - (self.detectors - 1) / 2) * width

    @property
    def centres(self) -> np.ndarray:
        """The coordinate of every row, and of every column, in cm: pixel [r, c] is at (x, y) = centres[[r, c]]."""
        return (np.arange(self.side) - (self.side - 1) / 2) * self.pixel
