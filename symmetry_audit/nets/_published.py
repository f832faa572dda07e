"""Plain parts of the published networks: mean shifts, and the up-samplers, which break their symmetry."""

from __future__ import annotations

import torch
from torch import nn

from symmetry_audit.nets._blocks import steps_of

__all__ = ["MeanShift", "plain_conv", "plain_upsampler"]

MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K, in units of 255


def plain_conv(in_channels: int, out_channels: int, kernel_size: int = 3) -> nn.Conv2d:
    """A plain convolution that keeps the image's size."""
    return nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)


def plain_upsampler(channels: int, scale: int, inner: int | None = None) -> list[nn.Module]:
    """Convolution and pixel shuffle for every step of ``scale``, to ``inner`` channels (by default as many)."""
    inner, made = channels if inner is None else inner, []
    for step in steps_of(scale):
        made += [plain_conv(channels, inner * step**2), nn.PixelShuffle(step)]
        channels = inner
    return made


class MeanShift(nn.Conv2d):
    """Adds ``sign`` times the mean colour of DIV2K; 12 parameters that are never trained, as published."""

    def __init__(self, sign: int) -> None:
        super().__init__(3, 3, 1)
        self.requires_grad_(False)
        assert self.bias is not None
        self.weight.copy_(torch.eye(3).view(3, 3, 1, 1))
        self.bias.copy_(sign * 255 * torch.tensor(MEAN))
