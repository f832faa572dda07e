"""Parts that the equivariant networks share: residual blocks, the up-sampler, and the frame around a body."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_audit.layers import EquivariantConv2d, GroupPixelShuffle
from symmetry_audit.nets._plan import Plan

__all__ = ["HALF", "SMALL", "Frame", "Residual", "residual_block", "shrink", "steps_of"]

HALF = 127.5  # half the range of the images, and its middle
SMALL = 0.01  # factor by which the last layer's initial coefficients are smaller


class Residual(nn.Sequential):
    """Layers with a skip connection: x + ``scale`` * layers(x)."""

    def __init__(self, *layers: nn.Module, scale: float = 1.0) -> None:
        super().__init__(*layers)
        self.scale = scale

    def forward(self, input: Tensor) -> Tensor:
        return torch.add(input, super().forward(input), alpha=self.scale)


def residual_block(plan: Plan, scale: float = 1.0) -> Residual:
    """Convolution, ReLU and convolution with a skip connection."""
    features, layers = plan.features, plan.layers
    convolutions = layers.group_conv(features, features), layers.group_conv(features, features)
    return Residual(convolutions[0], nn.ReLU(), convolutions[1], scale=scale)


def steps_of(scale: int) -> list[int]:
    """The factors of the up-sampling steps: x4 takes two steps, x1 none."""
    return {1: [], 4: [2, 2]}.get(scale, [scale])


@torch.no_grad()
def shrink(layer: EquivariantConv2d, channels: slice = slice(None)) -> EquivariantConv2d:
    """``layer`` with small coefficients for some output features, so that it changes little at first."""
    layer.weight[channels] *= SMALL
    return layer


class Frame(nn.Module):
    """The frame of all networks but RCDNet and the published ones: equivariant from end to end.

    (N, 3, H, W) to (N, 3, s H, s W), both 0..255 and unclipped. The parts are a lifting layer; ``body``, from features
    over the group to features over the group, and one more convolution, with a skip connection around both; up-sampling
    by group convolutions and ``GroupPixelShuffle``; and a projection. Its output is added to the image enlarged by
    bicubic interpolation (a = -1/2, as in MATLAB; for s = 1 the image itself). The projection starts with small
    coefficients, so the network starts close to interpolation.
    """

    def __init__(self, plan: Plan, body: nn.Module) -> None:
        super().__init__()
        layers, features, self.scale = plan.layers, plan.features, plan.scale
        self.head = layers.lifting(3, features)
        self.body = Residual(body, layers.group_conv(features, features))
        upsampler = [
            (layers.group_conv(features, features * step**2), GroupPixelShuffle(layers.group, step))
            for step in steps_of(plan.scale)
        ]
        self.upsampler = nn.Sequential(*(part for step in upsampler for part in step))
        self.tail = shrink(layers.projection(features, 3))

    def forward(self, x: Tensor) -> Tensor:
        features = self.upsampler(self.body(self.head((x - HALF) / HALF)))
        return self._enlarged(x) + HALF * self.tail(features)

    def _enlarged(self, x: Tensor) -> Tensor:
        if self.scale == 1:
            return x
        # without antialias torch has a = -3/4; otherwise antialias changes nothing when enlarging
        return nn.functional.interpolate(x, scale_factor=self.scale, mode="bicubic", antialias=True)
