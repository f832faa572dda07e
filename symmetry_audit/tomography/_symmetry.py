"""The eight symmetries of the square: all views of an image are the first eighth of the views of its eight copies.

A quarter turn of the image moves a sinogram by a quarter of the views; a mirror turns the order of views and of
detector elements round. One matrix for an eighth of the views is then enough, and it reads every weight once for all
eight copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from symmetry_audit.tomography._geometry import FanBeam

__all__ = ["fold_image", "fold_sinogram", "unfold_image", "unfold_sinogram"]

QUARTERS = 4


def fold_image(images: Tensor) -> Tensor:
    """The eight copies of ``images`` (B, side, side) as columns: (side^2, 8 B)."""
    turned = [torch.rot90(images, -quarter, (1, 2)) for quarter in range(QUARTERS)]
    copies = torch.stack([*turned, *(copy.flip(1) for copy in turned)])
    return copies.flatten(2).flatten(0, 1).T.contiguous()


def unfold_image(columns: Tensor, side: int) -> Tensor:
    """The adjoint of ``fold_image``: the copies turned back and added, (B, side, side)."""
    copies = columns.T.unflatten(1, (side, side)).unflatten(0, (2 * QUARTERS, -1))
    upright = copies[:QUARTERS] + copies[QUARTERS:].flip(2)
    return torch.stack([torch.rot90(upright[quarter], quarter, (1, 2)) for quarter in range(QUARTERS)]).sum(0)


def unfold_sinogram(columns: Tensor, geometry: FanBeam) -> Tensor:
    """Sinograms (B, views, detectors) from what an eighth of the views sees of the copies, (views/8 detectors, 8 B)."""
    pieces = columns.T.unflatten(1, (-1, geometry.detectors)).unflatten(0, (2, QUARTERS, -1))
    plain, mirrored = pieces[0], pieces[1].flip(2, 3)
    # the mirror of the views [0, 1/8) of a quarter turn is [-1/8, 0): the last eighth of the quarter before
    quarters = torch.stack([plain, mirrored.roll(-1, 0)], 2)
    return quarters.transpose(0, 1).flatten(1, 3)


def fold_sinogram(sinograms: Tensor, geometry: FanBeam) -> Tensor:
    """The adjoint and inverse of ``unfold_sinogram``: (views/8 detectors, 8 B)."""
    quarters = sinograms.unflatten(1, (QUARTERS, 2, -1)).transpose(0, 1)
    plain, mirrored = quarters[:, :, 0], quarters[:, :, 1].roll(1, 0).flip(2, 3)
    return torch.stack([plain, mirrored]).flatten(3).flatten(0, 2).T.contiguous()
