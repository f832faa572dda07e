"""RCDNet in its clean variant, and its builder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from symmetry_audit.nets._blocks import HALF, SMALL, Residual, residual_block, shrink
from symmetry_audit.nets._plan import Network, Plan
from symmetry_audit.nets._published import plain_conv
from symmetry_audit.nets._rcdnet_published import PublishedRCDNet
from symmetry_audit.nets._streaks import streaks
from symmetry_audit.nets._unfolding import Stages, Unfolding

__all__ = ["NETWORK", "RCDNet", "rcdnet"]

WINDOW = 9  # of rain kernels and of the first background, in pixels


@dataclass(frozen=True)
class Size:
    """Width in channels and residual blocks of every proximal network; number of stages and of rain maps.

    ``hidden`` channels are passed from stage to stage together with the background.
    """

    channels: int
    blocks: int
    stages: int
    maps: int
    hidden: int


def rcdnet(plan: Plan[Size]) -> nn.Module:
    """RCDNet with equivariant background networks; the clean variant has one w and one hypernetwork for all of them."""
    return PublishedRCDNet(plan) if plan.paper else plan.layers.network(RCDNet(plan))


class RCDNet(Unfolding):
    """The clean variant: images in about unit range, networks without batch normalization, no unused parameters.

    (N, 3, H, W) to (N, 3, H, W), 0..255 and unclipped; with ``stages=True`` to ``Stages``. Before training the
    background networks change little, and the rain layer, a few grey levels, is what the kernels find in the bright
    details of the image. The path of the background is equivariant. Rain kernels have fixed directions, since rain
    falls downwards, so the network is not equivariant where there is rain.
    """

    def __init__(self, plan: Plan[Size]) -> None:
        size, stages = plan.size, plan.size.stages
        first, *nets = (background_net(plan) for _ in range(stages + 1))
        super().__init__(first, nets, [MapNet(size.maps, size.blocks) for _ in range(stages)])
        self.hidden, self.kernels = size.hidden, nn.Parameter(streaks(size.maps))

    def forward(self, x: Tensor, stages: bool = False) -> Tensor | Stages:
        degraded = (x - HALF) / HALF
        empty = degraded.new_zeros(len(x), self.hidden, *x.shape[2:])
        state = self.first(torch.cat([degraded, empty], 1)) - torch.cat([_detail(degraded), empty], 1)
        found = self.unfold(degraded, state, self.kernels, self.kernels)
        if not stages:
            return _in_grey_levels(found.backgrounds[-1])
        return Stages(
            _in_grey_levels(state[:, :3]),
            tuple(map(_in_grey_levels, found.backgrounds)),
            tuple(HALF * rain for rain in found.rains),
        )


def background_net(plan: Plan[Size]) -> nn.Module:
    """Xnet: from the background and hidden channels to the same channels, through features over the group."""
    layers, features, channels = plan.layers, plan.features, 3 + plan.size.hidden
    return Residual(
        layers.lifting(channels, features),
        nn.ReLU(),
        *(residual_block(plan) for _ in range(plan.size.blocks)),
        shrink(layers.projection(features, channels), slice(3)),
    )


class MapNet(nn.Module):
    """Mnet: plain residual blocks on the maps, which change little at first, and then a ReLU.

    The last biases are the thresholds of the maps.
    """

    def __init__(self, maps: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_map_block(maps) for _ in range(blocks)))

    def forward(self, maps: Tensor) -> Tensor:
        return self.blocks(maps).relu()


@torch.no_grad()
def _map_block(maps: int) -> Residual:
    first, last = plain_conv(maps, maps), plain_conv(maps, maps)
    assert last.bias is not None
    last.weight.mul_(SMALL)
    last.bias.zero_()
    return Residual(first, nn.ReLU(), last)


def _detail(image: Tensor) -> Tensor:
    """``image`` less its local mean. Without this first estimate, there would be no rain to learn from."""
    return image - nn.functional.avg_pool2d(image, WINDOW, 1, WINDOW // 2, count_include_pad=False)


def _in_grey_levels(background: Tensor) -> Tensor:
    return HALF * background + HALF


NETWORK = Network(
    rcdnet,
    {
        "paper": Size(40, blocks=4, stages=17, maps=32, hidden=32),
        "small": Size(32, blocks=2, stages=8, maps=32, hidden=32),
        "tiny": Size(32, blocks=1, stages=4, maps=16, hidden=13),
    },
    published_basis="fourier",
)
