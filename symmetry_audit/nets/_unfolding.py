"""RCDNet: rain removal as an unrolled optimization (Wang et al., "A Model-driven Deep Neural Network", CVPR 2020).

A rainy image is O = B + R, with rain R = C * M: maps M convolved with rain kernels C. Minimizing
|O - B - C * M|^2 / 2 + priors by proximal gradient steps, and putting a network in place of each proximal
operator, gives one stage:

    M <- Mnet(M - eta_M C^T (C * M - (O - B)))
    B <- Xnet(B - eta_B (B + C * M - O))

where Xnet also updates hidden channels Z beside B. DICDNet and OSCNet remove metal artefacts from CT in the same way,
with a mask I, which is 0 on metal, in front of both misfits (Wang et al., TMI 2021 and MICCAI 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Stages", "Unfolded", "Unfolding", "layer_of", "maps_of"]


class Stages(NamedTuple):
    """The results of all stages, each (N, C, H, W) in 0..255; ``backgrounds[-1]`` is the restored image.

    ``rains`` are the layers that were taken away: rain, or the artefacts of metal. ``warmup`` has the stages before
    these, from the same ``initial``, if there are any (ACDNet as published).
    """

    initial: Tensor
    backgrounds: tuple[Tensor, ...]
    rains: tuple[Tensor, ...]
    warmup: Stages | None = None


class Unfolded(NamedTuple):
    """What ``Unfolding`` comes to: the last background with its hidden channels, and the last maps.

    ``backgrounds`` and ``rains`` are those of all stages.
    """

    state: Tensor
    maps: Tensor
    backgrounds: tuple[Tensor, ...]
    rains: tuple[Tensor, ...]


class Unfolding(nn.Module):
    """The stages of all variants, independent of the unit: networks and step sizes.

    ``first`` makes the first background, with hidden channels; every stage has one background and one map network.
    Step sizes are trained; ``steps`` are the initial ones for M and for B, and ``gentle`` times the trained numbers are
    used. Steps of 1 for B give B = O - C * M.
    """

    def __init__(
        self,
        first: nn.Module,
        background_nets: Sequence[nn.Module],
        map_nets: Sequence[nn.Module],
        steps: tuple[float, float] = (0.5, 1.0),
        gentle: float = 1.0,
    ) -> None:
        super().__init__()
        self.first, self.gentle = first, gentle
        self.background_nets, self.map_nets = nn.ModuleList(background_nets), nn.ModuleList(map_nets)
        stages = len(background_nets)
        self.eta_maps = nn.Parameter(torch.full((stages - 1,), steps[0] / gentle))
        self.eta_backgrounds = nn.Parameter(torch.full((stages,), steps[1] / gentle))

    def unfold(
        self, degraded: Tensor, state: Tensor, first_kernels: Tensor, kernels: Tensor, known: Tensor | None = None
    ) -> Unfolded:
        """All stages, from the first background on.

        ``state`` (N, C + hidden, H, W) holds the first background, of as many channels as ``degraded`` (N, C, H, W). M
        starts at 0, so a first step of size 1 gives C^T (O - B), computed with ``first_kernels`` from the part of O - B
        that ``excess`` keeps. Where ``known`` (N, 1, H, W) is 0, O does not count; without it O counts everywhere.
        ``kernels`` are those of all stages, unless they are ``renewed``.
        """
        channels = degraded.shape[1]
        background, hidden = state[:, :channels], state[:, channels:]
        maps = maps_of(self.excess(_where(known, degraded - background)), first_kernels)
        backgrounds, rains = [], []
        for index, (background_net, map_net) in enumerate(zip(self.background_nets, self.map_nets, strict=True)):
            before, kernels = kernels, self.renewed(kernels, background, degraded)
            if index:
                rain = rains[-1] if kernels is before else self.explained(maps, kernels, fresh=True)
                misfit = _where(known, rain + background - degraded)
                maps = maps - self.gentle * self.eta_maps[index - 1] * maps_of(misfit, kernels)
            maps = map_net(maps)
            rains.append(self.explained(maps, kernels, fresh=not index))
            misfit = _where(known, rains[-1] + background - degraded)
            background = background - self.gentle * self.eta_backgrounds[index] * misfit
            state = background_net(torch.cat([background, hidden], 1))
            background, hidden = state[:, :channels], state[:, channels:]
            backgrounds.append(background)
        return Unfolded(state, maps, tuple(backgrounds), tuple(rains))

    def excess(self, residual: Tensor) -> Tensor:
        """The part of the first residual that counts as rain: all of it."""
        return residual

    def renewed(self, kernels: Tensor, background: Tensor, degraded: Tensor) -> Tensor:
        """The kernels of the next stage: the same."""
        return kernels

    def explained(self, maps: Tensor, kernels: Tensor, fresh: bool) -> Tensor:
        """The rain layer of ``maps``, whether or not the kernels are ``fresh``, that is used for the first time."""
        return layer_of(maps, kernels)


def layer_of(maps: Tensor, kernels: Tensor) -> Tensor:
    """C * M, the layer that ``maps`` (N, M, H, W) explain, (N, C, H, W).

    ``kernels`` (C, M, k, k), or (N, C, M, k, k) with those of each image.
    """
    if kernels.dim() == 5:  # image by image, three times as fast on a CPU as grouped convolutions
        return torch.cat([layer_of(one, own) for one, own in zip(maps.split(1), kernels, strict=True)])
    return torch.conv2d(maps, kernels, padding=kernels.shape[-1] // 2)


def maps_of(layer: Tensor, kernels: Tensor) -> Tensor:
    """C^T R: the adjoint of ``layer_of``."""
    if kernels.dim() == 5:
        return torch.cat([maps_of(one, own) for one, own in zip(layer.split(1), kernels, strict=True)])
    return torch.conv_transpose2d(layer, kernels, padding=kernels.shape[-1] // 2)


def _where(known: Tensor | None, residual: Tensor) -> Tensor:
    return residual if known is None else known * residual
