"""RCDNet: rain removal as an unrolled optimization (Wang et al., "A Model-driven Deep Neural Network", CVPR 2020).

A rainy image is O = B + R, with rain R = C * M: maps M convolved with rain kernels C. Minimizing
|O - B - C * M|^2 / 2 + priors by proximal gradient steps, and putting a network in place of each proximal
operator, gives one stage:

    M <- Mnet(M - eta_M C^T (C * M - (O - B)))
    B <- Xnet(B - eta_B (B + C * M - O))

where Xnet also updates hidden channels Z beside B.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Stages", "Unfolding"]


class Stages(NamedTuple):
    """The results of all stages, each (N, 3, H, W) in 0..255; ``backgrounds[-1]`` is the restored image."""

    initial: Tensor
    backgrounds: tuple[Tensor, ...]
    rains: tuple[Tensor, ...]


class Unfolding(nn.Module):
    """The stages of both variants, independent of the unit: networks and step sizes.

    ``first`` makes the first background, with hidden channels; every stage has one background and one map network.
    Step sizes are trained; they start at 0.5 for M and at 1 for B, which gives B = O - C * M.
    """

    def __init__(self, first: nn.Module, background_nets: list[nn.Module], map_nets: list[nn.Module]) -> None:
        super().__init__()
        self.first = first
        self.background_nets, self.map_nets = nn.ModuleList(background_nets), nn.ModuleList(map_nets)
        stages = len(background_nets)
        self.eta_maps = nn.Parameter(torch.full((stages - 1,), 0.5))
        self.eta_backgrounds = nn.Parameter(torch.full((stages,), 1.0))

    def unfold(
        self, degraded: Tensor, state: Tensor, first_kernels: Tensor, kernels: Tensor
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The last background with its hidden channels, and the backgrounds and rain layers of all stages.

        ``state`` (N, 3 + hidden, H, W) holds the first background. M starts at 0, so a first step of size 1 gives
        C^T (O - B), computed with ``first_kernels`` from the part of O - B that ``excess`` keeps.
        """
        padding = kernels.shape[-1] // 2
        maps = torch.conv_transpose2d(self.excess(degraded - state[:, :3]), first_kernels, padding=padding)
        backgrounds, rains = [], []
        for index, (background_net, map_net) in enumerate(zip(self.background_nets, self.map_nets, strict=True)):
            background, hidden = state[:, :3], state[:, 3:]
            if index:
                misfit = rains[-1] + background - degraded
                back = torch.conv_transpose2d(misfit, kernels, padding=padding)
                maps = maps - self.eta_maps[index - 1] * back
            maps = map_net(maps)
            rains.append(torch.conv2d(maps, kernels, padding=padding))
            background = background - self.eta_backgrounds[index] * (rains[-1] + background - degraded)
            state = background_net(torch.cat([background, hidden], 1))
            backgrounds.append(state[:, :3])
        return state, backgrounds, rains

    def excess(self, residual: Tensor) -> Tensor:
        """The part of the first residual that counts as rain: all of it."""
        return residual
