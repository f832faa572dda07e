"""DICDNet as published, and what the published OSCNet has in common with it."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from symmetry_audit.nets._artefacts import WINDOW, split
from symmetry_audit.nets._plan import Plan
from symmetry_audit.nets._rcdnet_published import MapNet, ThresholdUnfolding, background_net
from symmetry_audit.nets._streaks import artefact_streaks
from symmetry_audit.nets._unfolding import Stages

__all__ = ["GENTLE", "PublishedDICDNet", "PublishedUnfolding", "free_kernels"]

GENTLE = 0.1  # free kernels and steps are used a tenth as large as they are trained
STEPS = 0.1, 0.5


class PublishedUnfolding(ThresholdUnfolding):
    """The frame of the published networks against metal; input and output as in ``DICDNet``, 0..255 without scaling.

    Quirks: kernels and steps act as a tenth of the trained numbers; the first kernels are others than those of all
    further stages; only what exceeds a trained threshold makes the first maps; the duals start as the interpolated
    image through 3 x 3 filters, at first boxes; a last image network follows the stages. Only cnn is published; under
    the other methods the image networks are those of the RCDNet of [SA], and the networks of the maps are plain.
    """

    def __init__(self, plan: Plan, first_kernels: nn.Parameter) -> None:
        size, stages = plan.size, plan.size.stages
        first, *nets, last = (background_net(plan, 1 + size.hidden) for _ in range(stages + 2))
        super().__init__(first, nets, [MapNet(size.maps, size.blocks) for _ in range(stages)], STEPS, GENTLE)
        self.last = last
        self.to_hidden = nn.Parameter(torch.full((size.hidden, 1, 3, 3), 1 / 9))
        self.first_kernels = first_kernels

    @abstractmethod
    def stage_kernels(self) -> Tensor:
        """The kernels of all stages, (1, maps, k, k)."""

    def forward(self, x: Tensor, stages: bool = False) -> Tensor | Stages:
        corrupted, interpolated, known = split(x)
        hidden = torch.conv2d(interpolated, self.to_hidden, padding=1)
        state = self.first(torch.cat([interpolated, hidden], 1))
        first, kernels = GENTLE * self.first_kernels, self.stage_kernels()
        found = self.unfold(corrupted, state, first, kernels, known)
        restored = self.last(found.state)[:, :1]
        return Stages(state[:, :1], (*found.backgrounds, restored), found.rains) if stages else restored


class PublishedDICDNet(PublishedUnfolding):
    """DICDNet with the parameters of the published code. Both sets of kernels start from ``artefact_streaks``."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, free_kernels(plan.size.maps))
        self.kernels = free_kernels(plan.size.maps)

    def stage_kernels(self) -> Tensor:
        return GENTLE * self.kernels


def free_kernels(maps: int, copies: int = 1) -> nn.Parameter:
    """Kernels (1, ``maps`` ``copies``, k, k), at first streaks of sum 1 or -1, each as often as ``copies`` says."""
    drawn = maps**0.5 * artefact_streaks(maps, 1, WINDOW).repeat_interleave(copies, 0)
    return nn.Parameter(drawn[None].to(torch.get_default_dtype()))
