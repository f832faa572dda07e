"""ACDNet as published."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_audit.nets._adaptive_unfolding import AdaptiveUnfolding, normalized
from symmetry_audit.nets._artefacts import split
from symmetry_audit.nets._dicdnet_published import GENTLE, STEPS, free_kernels
from symmetry_audit.nets._plan import Plan
from symmetry_audit.nets._published import plain_conv
from symmetry_audit.nets._rcdnet_published import MapNet, ThresholdUnfolding, background_net
from symmetry_audit.nets._unfolding import Stages

__all__ = ["PublishedACDNet"]

WARMUP = 2  # stages with kernels for all images
WEIGHT_STEP, SLOW = 5.0, 50.0  # initial step for the weights, and by how much it is divided


class PublishedACDNet(AdaptiveUnfolding):
    """ACDNet with the parameters of the published code; input and output as in ``DICDNet``, 0..255 without scaling.

    ``Stages`` has the two first ones as its ``warmup``: those of a DICDNet with few kernels, whose maps pass a ReLU and
    two trained matrices, at first the identity. Quirks: kernels act as a tenth of the trained numbers, so do the steps
    of maps and image; a first step of size 1 makes the weights; a last image network follows the stages. Unused
    parameters (``unused_*``: thresholds of the weights, another threshold, a step) are kept, frozen, for the parameter
    count. Kernels start from ``artefact_streaks``. Only cnn is published; under the other methods the image networks
    are those of the RCDNet of [SA], and all else is plain.
    """

    def __init__(self, plan: Plan) -> None:
        size, stages = plan.size, plan.size.stages
        first, *nets, last = (background_net(plan, 1 + size.hidden) for _ in range(1 + WARMUP + stages + 1))
        map_nets = [MapNet(size.maps, size.blocks) for _ in range(WARMUP + stages)]
        weight_nets = [WeightNet(size.maps, size.atoms) for _ in range(stages)]
        steps = (WEIGHT_STEP, *STEPS)
        super().__init__(nets[WARMUP:], map_nets[WARMUP:], weight_nets, steps, GENTLE)
        self.warmup = ThresholdUnfolding(first, nets[:WARMUP], map_nets[:WARMUP], STEPS, GENTLE)
        self.last = last
        self.to_hidden = nn.Parameter(torch.full((size.hidden, 1, 3, 3), 1 / 9))
        self.first_kernels, self.atoms = free_kernels(size.maps), free_kernels(size.atoms)
        self.mixing = nn.Sequential(*(_identity(size.maps) for _ in range(2)))
        self.unused_threshold = nn.Parameter(torch.ones(1), requires_grad=False)
        self.unused_eta = nn.Parameter(torch.full((1,), WEIGHT_STEP), requires_grad=False)

    def forward(self, x: Tensor, stages: bool = False) -> Tensor | Stages:
        corrupted, interpolated, known = split(x)
        hidden = torch.conv2d(interpolated, self.to_hidden, padding=1)
        state = self.warmup.first(torch.cat([interpolated, hidden], 1))
        first = GENTLE * self.first_kernels
        warm = self.warmup.unfold(corrupted, state, first, first, known)
        maps, atoms = self.mixing(warm.maps.relu()), GENTLE * self.atoms
        weights = maps.new_zeros(len(x), maps.shape[1], atoms.shape[1])
        found = self.unfold(corrupted, warm.state, maps, weights, atoms, known)
        restored = self.last(found.state)[:, :1]
        if not stages:
            return restored
        warmup = Stages(state[:, :1], warm.backgrounds, warm.rains)
        return Stages(state[:, :1], (*found.backgrounds, restored), found.rains, warmup)

    def weight_step(self, index: int, maps: Tensor) -> Tensor | float:
        return self.eta_weights[index - 1] / (SLOW * maps[0, 0].numel()) if index else 1.0


class WeightNet(nn.Module):
    """Knet: ReLU(k + two linear layers of k) on all weights (N, n, d) together, then every kernel's with norm 1."""

    def __init__(self, maps: int, atoms: int) -> None:
        super().__init__()
        width = maps * atoms
        self.layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.unused_thresholds = nn.Parameter(torch.full((maps, atoms), 0.1), requires_grad=False)

    def forward(self, weights: Tensor) -> Tensor:
        flat = weights.flatten(1)
        return normalized((flat + self.layers(flat)).relu().view_as(weights))


def _identity(maps: int) -> nn.Conv2d:
    """A 1 x 1 convolution that starts as the identity."""
    layer = plain_conv(maps, maps, 1)
    layer.bias = None
    with torch.no_grad():
        layer.weight.copy_(torch.eye(maps)[..., None, None])
    return layer
