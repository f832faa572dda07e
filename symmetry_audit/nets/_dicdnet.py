"""DICDNet in its clean variant, and its builder (Wang et al., "DICDNet", IEEE Trans. Med. Imaging 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from symmetry_audit.nets._artefacts import Dictionary, adapted, free_dictionary, kernels_of, split
from symmetry_audit.nets._blocks import HALF, Residual, residual_block, shrink
from symmetry_audit.nets._dicdnet_published import PublishedDICDNet
from symmetry_audit.nets._plan import Network, Plan, shared
from symmetry_audit.nets._unfolding import Stages, Unfolding

__all__ = ["NETWORK", "DICDNet", "ImageNet", "MapNet", "Size", "dicdnet", "in_grey_levels"]

STEPS = 0.5, 0.1  # initial steps for maps and image; so a network starts near the interpolated image


@dataclass(frozen=True)
class Size:
    """Width in channels and residual blocks of every proximal network; number of stages and of artefact maps.

    ``hidden`` channels, the duals, are passed from stage to stage together with the image.
    """

    channels: int
    blocks: int
    stages: int
    maps: int
    hidden: int


def dicdnet(plan: Plan[Size]) -> nn.Module:
    """DICDNet as published, or its clean variant, with equivariant proximal networks and dictionary."""
    if plan.paper:
        return PublishedDICDNet(plan)
    return adapted(DICDNet(plan, free_dictionary(plan, plan.size.maps)), plan)


class DICDNet(Unfolding):
    """The clean variant: values in about unit range, networks without batch normalization, no unused parameters.

    (N, 3, H, W), the corrupted image, the interpolated image (LI) and the mask, which is 0 on metal and 1 elsewhere, to
    the restored image (N, 1, H, W); images in 0..255 and unclipped. With ``stages=True`` to ``Stages``. The image is a
    plain channel; duals, maps and dictionary are over the group, so the network is equivariant from end to end (without
    w, which the dictionary does not have). It starts near LI: networks change little, and in every stage a tenth is
    added of what the dictionary leaves of the difference to the corrupted image.
    """

    def __init__(self, plan: Plan[Size], dictionary: Dictionary) -> None:
        stages = plan.size.stages
        nets = [ImageNet(plan, last=index == stages) for index in range(stages + 1)]
        super().__init__(nets[0], nets[1:], [MapNet(plan) for _ in range(stages)], STEPS)
        self.to_duals = plan.layers.lifting(1, shared(plan.size.hidden, plan.layers.group))
        self.dictionary = dictionary

    def forward(self, x: Tensor, stages: bool = False) -> Tensor | Stages:
        corrupted, interpolated, known = split(x)
        corrupted, interpolated = corrupted / HALF, interpolated / HALF  # air, which is 0, stays 0, as beyond the image
        kernels = kernels_of(self.dictionary)
        state = self.first(torch.cat([interpolated, self.to_duals(interpolated)], 1))
        found = self.unfold(corrupted, state, kernels, kernels, known)
        return in_grey_levels(state[:, :1], found.backgrounds, found.rains) if stages else HALF * found.backgrounds[-1]


def in_grey_levels(initial: Tensor, images: Sequence[Tensor], artefacts: Sequence[Tensor]) -> Stages:
    """The stages of a clean network, from unit range to 0..255."""
    return Stages(HALF * initial, tuple(HALF * image for image in images), tuple(HALF * layer for layer in artefacts))


class ImageNet(nn.Module):
    """Xnet: from the image, a plain channel, and duals over the group to the same; the ``last`` one has no duals."""

    def __init__(self, plan: Plan[Size], last: bool) -> None:
        super().__init__()
        layers, features, duals = plan.layers, plan.features, shared(plan.size.hidden, plan.layers.group)
        self.from_image = layers.lifting(1, features)
        self.from_duals = layers.group_conv(duals, features, bias=False)
        self.body = nn.Sequential(nn.ReLU(), *(residual_block(plan) for _ in range(plan.size.blocks)))
        self.to_image = shrink(layers.projection(features, 1))
        self.to_duals = None if last else layers.group_conv(features, duals)

    def forward(self, state: Tensor) -> Tensor:
        image, duals = state[:, :1], state[:, 1:]
        features = self.body(self.from_image(image) + self.from_duals(duals))
        image = image + self.to_image(features)
        return image if self.to_duals is None else torch.cat([image, duals + self.to_duals(features)], 1)


class MapNet(nn.Module):
    """Mnet: residual blocks on the maps, which change little at first, and then a ReLU.

    The last biases are the thresholds of the maps.
    """

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__()
        maps, layers = shared(plan.size.maps, plan.layers.group), plan.layers
        self.blocks = nn.Sequential(
            *(
                Residual(layers.group_conv(maps, maps), nn.ReLU(), shrink(layers.group_conv(maps, maps)))
                for _ in range(plan.size.blocks)
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.blocks(maps).relu()


NETWORK = Network(
    dicdnet,
    {
        "paper": Size(32, blocks=3, stages=10, maps=32, hidden=32),
        "small": Size(32, blocks=2, stages=8, maps=32, hidden=32),
        "tiny": Size(32, blocks=1, stages=3, maps=16, hidden=16),
    },
    published_basis="fourier",
)
