"""Initial kernels of rain streaks and of metal artefacts."""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor

__all__ = ["artefact_streaks", "streaks"]

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
    index = torch.arange(maps)
    angle = torch.deg2rad(STEEPEST * (2 * (index % ANGLES) / (ANGLES - 1) - 1))
    kernels = _gaussians(angle, index // ANGLES, -(-maps // ANGLES), size) / sqrt(3 * maps)
    return kernels.expand(3, -1, -1, -1).to(torch.get_default_dtype()).clone()


def artefact_streaks(features: int, rotations: int, size: int = 9) -> Tensor:
    """Kernels (``features``, size, size), float64, of the streaks that metal leaves in a CT image.

    With the rotated copies of each, by 1 / ``rotations`` of a turn, their directions are spaced evenly. They come in
    pairs of opposite sign, since artefacts are bright and dark, while maps are not negative. Later pairs are shorter,
    as in ``streaks``. Every kernel sums to 1 / sqrt(features rotations) or its negative, so the operator has norm 1.
    """
    index = torch.arange(features, device="cpu")
    pairs, pair = -(-features // 2), index // 2
    # half a turn changes no streak
    sector = 2 * pi / rotations if rotations % 2 == 0 and rotations > 1 else pi
    kernels = _gaussians(sector * pair / pairs, pair, pairs, size)
    return (1 - 2 * (index % 2))[:, None, None] * kernels / sqrt(features * rotations)


def _gaussians(angle: Tensor, step: Tensor, steps: int, size: int) -> Tensor:
    """Streaks of sum 1, (n, size, size) float64, each ``angle`` off the vertical and shorter with every ``step``."""
    axis = torch.arange(size, dtype=torch.float64, device=angle.device) - (size - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    angle = angle[:, None, None]
    length = (LONGEST + (THINNEST - LONGEST) * step / steps)[:, None, None]
    along, across = x * angle.sin() + y * angle.cos(), x * angle.cos() - y * angle.sin()
    kernels = torch.exp(-((along / length) ** 2 + (across / THINNEST) ** 2) / 2)
    return kernels / kernels.sum((1, 2), keepdim=True)
