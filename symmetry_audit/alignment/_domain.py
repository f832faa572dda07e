"""The part of an image that is rotated and compared: a disc, or the ellipse that a deformed group maps to itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from symmetry_audit.actions import move
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.groups import IDENTITY, Affine, Group, as_group
from symmetry_audit.nets import smallest_side
from symmetry_audit.tasks import Item

__all__ = ["DEFAULT_CROP", "Domain", "centred_square", "checked_group", "checked_square", "resampled", "squared"]

DEFAULT_CROP = 256  # px of the input
SPLINE_ORDER = 5  # the same splines as for rotation
MARGIN = 16.0  # px of the degraded image, at most an eighth of the side


def centred_square(image: np.ndarray, crop: int | None) -> Tensor:
    """``image`` (h, w, C) to its centred square (C, side, side) float64, side = min(h, w, ``crop``)."""
    rows, columns = _square(image.shape, crop)
    return torch.from_numpy(image[rows, columns].transpose(2, 0, 1).astype(np.float64))


def squared(item: Item, crop: int | None) -> Item:
    """``item`` with the centred square of its input, and of its clean image, which may be several times finer."""
    rows, columns = _square(item.input.shape, crop)
    scale = item.clean.shape[0] // item.input.shape[0]
    finer = tuple(slice(scale * one.start, scale * one.stop) for one in (rows, columns))
    return replace(item, input=item.input[rows, columns], clean=item.clean[finer])


def _square(shape: tuple[int, ...], crop: int | None) -> tuple[slice, slice]:
    """The rows and the columns of the centred square of an image of ``shape``."""
    side = min(*shape[:2], crop or max(shape[:2]))
    rows, columns = (slice((size - side) // 2, (size - side) // 2 + side) for size in shape[:2])
    return rows, columns


def checked_group(group: Group | str, crop: int | None, margin: float | None) -> Group:
    """The group to measure. Raises SettingError for one of one element, and for a ``crop`` or ``margin`` too small."""
    group = as_group(group)
    if group.order < 2:
        raise SettingError(f"{group} contains only the identity; measure p2 or a larger group")
    for name, value, least in (("crop", crop, 1), ("margin", margin, 0)):
        if value is not None and value < least:
            raise SettingError(f"{name} must be {least} px or more, got {value}")
    return group


def checked_square(key: str, square: Tensor, network: nn.Module) -> Tensor:
    """``square`` of the image ``key``. Raises DataError if ``network`` would have to pad it, which is not symmetric."""
    side, least = square.shape[-1], smallest_side(network)
    if side < least:
        raise DataError(
            f"{key} has {side} px a side, but the network needs {least}; give larger images, or a larger --crop"
        )
    return square


def resampled(images: Tensor, matrix: np.ndarray, side: int) -> Tensor:
    """``images`` (C, H, W) rotated and rotated back, then shifted right and down by half a pixel, by splines.

    Half a pixel of a grid of ``side`` pixels a side: for an output of twice the side that is one pixel of its own.
    """
    there = move(move(images, matrix), np.linalg.inv(matrix)).numpy()
    by = 0.5 * images.shape[-1] / side
    return torch.from_numpy(np.stack([ndimage.shift(plane, by, order=SPLINE_ORDER) for plane in there]))


@dataclass(frozen=True)
class Domain:
    """The points x = D u, |u| <= rho, about the centre of a square of ``side`` pixels, which D A D^-1 maps to itself.

    For w = identity it is the inscribed disc, otherwise the largest ellipse with the ratio and orientation of D that
    fits into the square. ``margin`` is the width in px of the rim that is not compared: by default 16, or an eighth of
    the side if that is less.
    """

    side: int
    w: Affine = IDENTITY
    margin: float | None = None

    @property
    def border(self) -> float:
        """The margin in px of the degraded image."""
        return min(MARGIN, self.side / 8) if self.margin is None else self.margin

    def faded(self, image: Tensor) -> Tensor:
        """``image`` (C, side, side) with its surroundings faded to the mean of each channel over the domain.

        The compared pixels and half a margin around them are unchanged; the outer half of the margin fades. Rotation
        moves black corners into the image and content out of it, and a network that sees the whole image must not
        notice that. The faded rim rotates too.
        """
        depth = self._depth(self.side)
        share = (2 * depth / self.border).clamp(0, 1) if self.border else (depth >= 0).double()
        mean = image[:, depth >= 0].mean(1)[:, None, None]
        return mean + torch.sin(share * torch.pi / 2).square() * (image - mean)

    def compared(self, side: int) -> Tensor:
        """The pixels to compare of an output (or feature map) of ``side`` x ``side`` pixels, bool.

        Their distance to the edge is at least the margin. The output's own pixel grid may be finer or coarser than that
        of the degraded image. Raises DataError if no pixel is left.
        """
        inside = self._depth(side) >= self.border
        if not inside.any():
            raise DataError(
                f"a margin of {self.border:g} px leaves nothing of {self.side} x {self.side} px to compare; "
                "give larger images, or a smaller margin"
            )
        return inside

    def _depth(self, side: int) -> Tensor:
        """Lower bound on the depth of every pixel of a ``side`` x ``side`` grid inside the domain, in px of the input.

        Measured in the coordinate u, where the domain is a disc; D shortens no distance by more than sqrt(ratio).
        """
        axis = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * (self.side / side)
        back = torch.from_numpy(np.linalg.inv(self.w.matrix))
        x, y = axis, axis[:, None]
        away = torch.hypot(back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y)
        short = self.w.ratio**-0.5
        return (short * (self.side - 1) / 2 - away) * short
