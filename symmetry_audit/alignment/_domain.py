"""Which part of an image is turned and compared: a disc, or the ellipse that a deformed group leaves in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from symmetry_audit.actions import move
from symmetry_audit.errors import DataError
from symmetry_audit.groups import IDENTITY, Affine

__all__ = ["DEFAULT_CROP", "Domain", "centred_square", "resampled"]

DEFAULT_CROP = 256  # px of the input
SPLINE_ORDER = 5  # as turning has it
MARGIN = 16.0  # px of the input, at most an eighth of the side


def centred_square(image: np.ndarray, crop: int | None) -> Tensor:
    """``image`` (h, w, 3) to its centred square (3, side, side) float64, side = min(h, w, ``crop``)."""
    side = min(*image.shape[:2], crop or max(image.shape[:2]))
    top, left = ((size - side) // 2 for size in image.shape[:2])
    return torch.from_numpy(image[top : top + side, left : left + side].transpose(2, 0, 1).astype(np.float64))


def resampled(images: Tensor, matrix: np.ndarray, side: int) -> Tensor:
    """``images`` (C, H, W) turned there and back, then moved to the right and down by half a pixel, by splines.

    Of a mesh of ``side`` pixels a side: for an output of twice the side that is one pixel of its own.
    """
    there = move(move(images, matrix), np.linalg.inv(matrix)).numpy()
    by = 0.5 * images.shape[-1] / side
    return torch.from_numpy(np.stack([ndimage.shift(plane, by, order=SPLINE_ORDER) for plane in there]))


@dataclass(frozen=True)
class Domain:
    """The points x = D u, |u| <= rho, about the centre of a square of ``side`` pixels: D A D^-1 leaves it in place.

    For w = identity it is the inscribed disc; for others the ellipse of its shape and of D's orientation whose long
    axis fits. ``margin`` in px is what comparison leaves out along its edge: by default 16, or an eighth of the side
    where that is less.
    """

    side: int
    w: Affine = IDENTITY
    margin: float | None = None

    @property
    def border(self) -> float:
        """The margin in px of the input."""
        return min(MARGIN, self.side / 8) if self.margin is None else self.margin

    def faded(self, image: Tensor) -> Tensor:
        """``image`` (C, side, side) as it is on all that is compared and half a margin around it; then it fades.

        Outside is the mean of each channel over the domain. Turning brings in black corners, or takes content out of
        them; a network that looks at the whole image must not notice. The fading, over the outer half of the margin,
        turns as well.
        """
        depth = self._depth(self.side)
        share = (2 * depth / self.border).clamp(0, 1) if self.border else (depth >= 0).double()
        mean = image[:, depth >= 0].mean(1)[:, None, None]
        return mean + torch.sin(share * torch.pi / 2).square() * (image - mean)

    def compared(self, side: int) -> Tensor:
        """The pixels to compare of an output (or feature map) of ``side`` x ``side`` pixels, bool.

        Those whose distance to the edge is at least the margin; on the output's own, finer or coarser, mesh.
        Raises DataError where none is left.
        """
        inside = self._depth(side) >= self.border
        if not inside.any():
            raise DataError(
                f"a margin of {self.border:g} px leaves nothing of {self.side} x {self.side} px to compare; "
                "give larger images, or a smaller margin"
            )
        return inside

    def _depth(self, side: int) -> Tensor:
        """How far every pixel of a mesh of ``side`` x ``side`` lies inside the domain, at least, in px of the input.

        In the deformed coordinate, where the domain is a disc: D lengthens no distance to less than 1 / sqrt(ratio).
        """
        axis = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * (self.side / side)
        back = torch.from_numpy(np.linalg.inv(self.w.matrix))
        x, y = axis, axis[:, None]
        away = torch.hypot(back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y)
        short = self.w.ratio**-0.5
        return (short * (self.side - 1) / 2 - away) * short
