"""Initial rain kernels."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor

__all__ = ["streaks"]

STEEPEST, ANGLES = (
    60.0,
    8,
)  # largest angle in degrees from the vertical, and number of angles from one side to the other
LONGEST, THINNEST = 3.0, 0.6  # standard deviations along and across a streak, in pixels


def streaks(maps: int, size: int = 9) -> Tensor:
    """Kernels (3, ``maps``, size, size) of rain streaks: Gaussians of eight angles and several lengths.

    Angles are spaced evenly from -60 to 60 degrees off the vertical. Each further set of eight kernels is shorter: the
    standard deviation falls from 3 px to 0.6 px, which is also that across the streak. All colors have the same
    kernels, since rain is grey. Every kernel sums to 1 / sqrt(3 maps), so the operator M -> C * M has norm 1 (its
    largest gain is that of constant maps, as no kernel is negative). Then gradient steps on |C * M - R|^2 / 2 shorter
    than 2 are stable.
    """
    axis = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    index = torch.arange(maps)
    angle = torch.deg2rad(STEEPEST * (2 * (index % ANGLES) / (ANGLES - 1) - 1))[:, None, None]
    lengths = -(-maps // ANGLES)
    length = LONGEST + (THINNEST - LONGEST) * (index // ANGLES) / lengths
    along, across = x * angle.sin() + y * angle.cos(), x * angle.cos() - y * angle.sin()
    kernels = torch.exp(-((along / length[:, None, None]) ** 2 + (across / THINNEST) ** 2) / 2)
    kernels /= kernels.sum((1, 2), keepdim=True) * sqrt(3 * maps)
    return kernels.expand(3, -1, -1, -1).to(torch.get_default_dtype()).clone()
