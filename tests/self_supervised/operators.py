"""Linear operators beside a mask, and restorers that are not linear, for the tests of the losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from symmetry_audit.self_supervised import LinearOperator, MaskOperator


class Blur(LinearOperator):
    """The mean over 3 x 3 pixels, around the border; the network sees the blurred image itself."""

    def forward(self, images: Tensor) -> Tensor:
        wrapped = functional.pad(images, (1, 1, 1, 1), mode="circular")
        return functional.avg_pool2d(wrapped, 3, stride=1)

    def pseudo_inverse(self, measurements: Tensor) -> Tensor:
        return measurements


class Reduction(LinearOperator):
    """The mean over blocks of 2 x 2 pixels; its pseudo-inverse repeats every value four times."""

    def forward(self, images: Tensor) -> Tensor:
        return functional.avg_pool2d(images, 2)

    def pseudo_inverse(self, measurements: Tensor) -> Tensor:
        return measurements.repeat_interleave(2, -1).repeat_interleave(2, -2)


def mask(side: int = 6) -> MaskOperator:
    """Three quarters of the pixels, some of them neighbours."""
    kept = torch.ones(side, side, dtype=torch.float64)
    kept.view(-1)[1::4] = 0
    return MaskOperator(kept)


OPERATORS = {"mask": mask(), "blur": Blur(), "reduction": Reduction()}


def gated(image: Tensor) -> Tensor:
    """Not linear, but affine in every single pixel: half the pixel, times a smooth function of its neighbours."""
    around = sum(image.roll(step, axis) for step in (-1, 1) for axis in (-1, -2))
    assert isinstance(around, Tensor)
    return 0.5 * image * torch.sigmoid(3 * around - 4) + 0.2 * torch.sin(around)
