"""ACDNet in its clean variant, and its builder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from symmetry_audit.nets._acdnet_published import PublishedACDNet
from symmetry_audit.nets._adaptive_unfolding import AdaptiveUnfolding, normalized
from symmetry_audit.nets._artefacts import adapted, free_dictionary, kernels_of, split
from symmetry_audit.nets._blocks import HALF, Residual, shrink
from symmetry_audit.nets._dicdnet import STEPS, ImageNet, in_grey_levels
from symmetry_audit.nets._dicdnet import Size as UnrolledSize
from symmetry_audit.nets._plan import Network, Plan, shared
from symmetry_audit.nets._unfolding import Stages

__all__ = ["NETWORK", "ACDNet", "acdnet"]

ROUNDING = 1e-6  # a mean of squares of maps that is as good as 0


@dataclass(frozen=True)
class Size(UnrolledSize):
    """The size of DICDNet, and the number of kernels in the dictionary, its ``atoms``."""

    atoms: int


def acdnet(plan: Plan[Size]) -> nn.Module:
    """ACDNet as published, or its clean variant."""
    return PublishedACDNet(plan) if plan.paper else adapted(ACDNet(plan), plan)


class ACDNet(AdaptiveUnfolding):
    """The clean variant: input, output, unit and start as in ``DICDNet``; equivariant from end to end as it is.

    Maps are plain channels, which rotate in space alone; the dictionary is over the group, so the weights of an image
    move along it when the image is rotated, and the kernels of the image rotate. There are no first stages with other
    kernels: maps start at 0, and weights, which are normalized, at trained numbers. Steps for the weights are in units
    of 1 over the squared norm of the maps, those of the maps start at 1 over their number: both are stable then.
    """

    def __init__(self, plan: Plan[Size]) -> None:
        size, group, stages = plan.size, plan.layers.group, plan.size.stages
        first, *nets = (ImageNet(plan, last=index == stages) for index in range(stages + 1))
        features = shared(size.atoms, group)
        super().__init__(
            nets,
            [MapNet(plan) for _ in range(stages)],
            [WeightNet(plan, size.maps * features) for _ in range(stages)],
            (1.0, 1 / size.maps, STEPS[1]),
        )
        self.first, self.dictionary = first, free_dictionary(plan, size.atoms)
        self.to_duals = plan.layers.lifting(1, shared(size.hidden, group))
        self.start = nn.Parameter(torch.rand(size.maps, features, 1))

    def forward(self, x: Tensor, stages: bool = False) -> Tensor | Stages:
        corrupted, interpolated, known = split(x)
        corrupted, interpolated = corrupted / HALF, interpolated / HALF
        state = self.first(torch.cat([interpolated, self.to_duals(interpolated)], 1))
        maps, atoms = corrupted.new_zeros(len(x), len(self.start), *x.shape[2:]), kernels_of(self.dictionary)
        order = atoms.shape[1] // self.start.shape[1]
        weights = normalized(self.start.expand(-1, -1, order).flatten(1)[None].expand(len(x), -1, -1))
        found = self.unfold(corrupted, state, maps, weights, atoms, known)
        return in_grey_levels(state[:, :1], found.backgrounds, found.rains) if stages else HALF * found.backgrounds[-1]

    def weight_step(self, index: int, maps: Tensor) -> Tensor | float:
        if not index:
            return 0.0  # no maps, no gradient
        squares = maps.square().sum((1, 2, 3)) + ROUNDING * maps[0].numel()
        return self.eta_weights[index - 1] / squares[:, None, None]


class MapNet(nn.Module):
    """Mnet: residual blocks from plain maps through features over the group to plain maps, and then a ReLU."""

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__()
        layers, maps = plan.layers, plan.size.maps
        self.blocks = nn.Sequential(
            *(
                Residual(layers.lifting(maps, plan.features), nn.ReLU(), shrink(layers.projection(plan.features, maps)))
                for _ in range(plan.size.blocks)
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.blocks(maps).relu()


class WeightNet(nn.Module):
    """Knet: a residual block on all weights (N, n, d), features over the group, a ReLU, every kernel's with norm 1."""

    def __init__(self, plan: Plan[Size], features: int) -> None:
        super().__init__()
        layers = plan.layers
        self.block = Residual(
            layers.pointwise(features, features), nn.ReLU(), shrink(layers.pointwise(features, features))
        )

    def forward(self, weights: Tensor) -> Tensor:
        return normalized(self.block(weights.flatten(1)[..., None, None]).relu().view_as(weights))


NETWORK = Network(
    acdnet,
    {
        "paper": Size(32, blocks=3, stages=10, maps=6, atoms=32, hidden=32),
        "small": Size(32, blocks=2, stages=8, maps=6, atoms=32, hidden=32),
        "tiny": Size(32, blocks=1, stages=3, maps=4, atoms=16, hidden=16),
    },
    published_basis="fourier",
)
