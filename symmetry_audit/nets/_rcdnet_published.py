"""RCDNet as published, and the variants of [SA] with equivariant background networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from symmetry_audit.layers import EquivariantConv2d, FreeDeformation, HyperNetwork, SampleAdaptive
from symmetry_audit.nets._blocks import Residual, residual_block
from symmetry_audit.nets._plan import Plan
from symmetry_audit.nets._published import plain_conv
from symmetry_audit.nets._streaks import streaks
from symmetry_audit.nets._unfolding import Stages, Unfolding

__all__ = ["MapNet", "PublishedRCDNet", "ThresholdUnfolding", "background_net"]

COPIES = 16  # copies of the rain kernels, of which one is read
GENTLE = 0.01  # factor of a hypernetwork's output


class ThresholdUnfolding(Unfolding):
    """As published, the first maps are made from what is brighter than the background by a trained threshold.

    It starts at 1 grey level.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.threshold = nn.Parameter(torch.ones(1))

    def excess(self, residual: Tensor) -> Tensor:
        return (residual - self.threshold).relu()


class PublishedRCDNet(ThresholdUnfolding):
    """RCDNet with the parameters of the published code; (N, 3, H, W) to the same, 0..255 without scaling.

    With ``stages=True`` to ``Stages``, whose last background comes from one more background network after the
    stages. Quirks: every network has its own w. Under SA, w is 0.01 times the output of a small hypernetwork of its own
    on the background and the hidden channels. Mnet is plain. Unused parameters (``unused_*``: a whole Mnet, a step
    size, 15 copies of the rain kernels) are kept, frozen, for the parameter count. Rain kernels start from
    ``streaks``. Only cnn, fconv, bconv and sa are published; the other methods are built in the same way and width.
    """

    def __init__(self, plan: Plan) -> None:
        size, stages = plan.size, plan.size.stages
        first, *nets, last = (background_net(plan, 3 + size.hidden) for _ in range(stages + 2))
        super().__init__(first, nets, [MapNet(size.maps, size.blocks) for _ in range(stages)])
        self.last = last
        self.to_hidden = nn.Parameter(torch.full((size.hidden, 3, 3, 3), 1 / 9))
        self.first_kernels, self.kernels = (nn.Parameter(streaks(size.maps)) for _ in range(2))
        self.unused_kernels = nn.Parameter(streaks(size.maps).repeat(COPIES - 1, 1, 1, 1, 1), requires_grad=False)
        self.unused_eta = nn.Parameter(torch.ones(1), requires_grad=False)
        self.unused_net = MapNet(size.maps, size.blocks).requires_grad_(False)

    def forward(self, x: Tensor, stages: bool = False) -> Tensor | Stages:
        state = self.first(torch.cat([x, torch.conv2d(x, self.to_hidden, padding=1)], 1))
        found = self.unfold(x, state, self.first_kernels, self.kernels)
        restored = self.last(found.state)[:, :3]
        return Stages(state[:, :3], (*found.backgrounds, restored), found.rains) if stages else restored


def background_net(plan: Plan, channels: int) -> nn.Module:
    """Xnet: plain blocks for cnn; for the other methods an equivariant network with a skip connection."""
    if plan.method == "cnn":
        return nn.Sequential(*(NormalisedBlock(channels) for _ in range(plan.size.blocks)))
    layers, features = plan.layers, plan.features
    inner = Residual(
        layers.lifting(channels, features),
        *(residual_block(plan, scale=0.1) for _ in range(plan.size.blocks)),
        layers.projection(features, channels),
        scale=0.1,
    )
    body = nn.Sequential(inner, nn.ReLU())
    return _adaptive(body, channels) if plan.method == "sa" else body


class NormalisedBlock(nn.Module):
    """ReLU(x + two 3 x 3 convolutions with batch normalization)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = Residual(
            *(plain_conv(channels, channels), nn.BatchNorm2d(channels), nn.ReLU()),
            *(plain_conv(channels, channels), nn.BatchNorm2d(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).relu()


class MapNet(nn.Module):
    """Mnet: plain blocks, then the part above a threshold for each map."""

    def __init__(self, maps: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(NormalisedBlock(maps) for _ in range(blocks)))
        self.threshold = nn.Parameter(torch.full((maps, 1, 1), 0.5))

    def forward(self, maps: Tensor) -> Tensor:
        return (self.blocks(maps) - self.threshold).relu()


class OffsetOnly(FreeDeformation):
    """w = (0, 1, 1) plus the hypernetwork's offset, without trained parameters."""

    def __init__(self) -> None:
        super().__init__()
        start = self.values.detach()
        del self.values
        self.register_buffer("values", start, persistent=False)


class GentleHyperNetwork(HyperNetwork):
    """The small published hypernetwork on many channels, with an output a hundred times smaller."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels, depth=4, normalized=False)

    def forward(self, x: Tensor) -> Tensor:
        return GENTLE * super().forward(x)


def _adaptive(body: nn.Module, channels: int) -> SampleAdaptive:
    """``body`` with one w for its layers, which a hypernetwork of its own sets."""
    shared = OffsetOnly()
    for layer in body.modules():
        if isinstance(layer, EquivariantConv2d):
            layer.deformation = shared
    return SampleAdaptive(body, GentleHyperNetwork(channels))
