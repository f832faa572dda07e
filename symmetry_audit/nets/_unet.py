"""The U-Net of EI and REI (Chen, Tachella & Davies, "Equivariant Imaging", ICCV 2021, "Robust EI", CVPR 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from symmetry_audit.layers import GroupBatchNorm2d
from symmetry_audit.nets._blocks import shrink
from symmetry_audit.nets._plan import Network, Plan

__all__ = ["NETWORK", "UNet", "unet"]

PEAK = 255.0


@dataclass(frozen=True)
class Size:
    """Width in channels of the first level, twice as many in every further one, and the number of levels."""

    channels: int
    levels: int


def unet(plan: Plan[Size]) -> nn.Module:
    """The U-Net, with all parameters that the published code reads; small and tiny are thinner."""
    return plan.layers.network(UNet(plan))


class UNet(nn.Module):
    """(N, 3, H, W) to the same, 0..255 and unclipped: the image plus what the levels add, computed in [0, 1].

    Two convolutions in every level, each with batch normalization and ReLU; 2 x 2 maximum pooling on the way down,
    nearest neighbours and a convolution on the way up, where the features of the way down are joined on. The first
    convolution sees the image as periodic, all others zeros around it. Images are padded to a multiple of
    2^(levels - 1) pixels by their last rows and columns, and cut again. Only quarter turns of images that need no
    padding are exact, as pooling goes. The published code also builds a level that it never runs, which is left out.
    """

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__()
        widths = [plan.features * 2**level for level in range(plan.size.levels)]
        self.multiple = 2 ** (plan.size.levels - 1)
        self.first = First(plan, widths[0])
        self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), *_double(plan, *pair)) for pair in pairwise(widths))
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.Sequential(nn.Upsample(scale_factor=2), *_single(plan, *pair)) for pair in pairs)
        self.joined = nn.ModuleList(nn.Sequential(*_double(plan, *pair)) for pair in pairs)
        last = plan.layers.projection(widths[0], 3, kernel_size=1)
        self.last = last if plan.paper else shrink(last)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        beyond = [-width % self.multiple, -height % self.multiple]
        image = nn.functional.pad(x / PEAK, [0, beyond[0], 0, beyond[1]], mode="replicate")
        features = [self.first(image)]
        for level in self.down:
            features.append(level(features[-1]))
        found = features.pop()
        for up, joined in zip(self.up, self.joined, strict=True):
            found = joined(torch.cat([features.pop(), up(found)], 1))
        return x + PEAK * self.last(found)[..., :height, :width]


class First(nn.Module):
    """The first level, whose first convolution sees the image as periodic."""

    def __init__(self, plan: Plan[Size], features: int) -> None:
        super().__init__()
        self.head = plan.layers.lifting(3, features, padding=0)
        self.border = self.head.kernel_size // 2
        self.rest = nn.Sequential(*_normalized(plan, features), *_single(plan, features, features))

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.head(nn.functional.pad(x, [self.border] * 4, mode="circular")))


def _double(plan: Plan[Size], in_features: int, out_features: int) -> list[nn.Module]:
    return _single(plan, in_features, out_features) + _single(plan, out_features, out_features)


def _single(plan: Plan[Size], in_features: int, out_features: int) -> list[nn.Module]:
    return [plan.layers.group_conv(in_features, out_features), *_normalized(plan, out_features)]


def _normalized(plan: Plan[Size], features: int) -> list[nn.Module]:
    return [GroupBatchNorm2d(features, plan.layers.group), nn.ReLU()]


NETWORK = Network(unet, {"paper": Size(64, levels=4), "small": Size(32, levels=4), "tiny": Size(16, levels=3)})
