"""RDN (Zhang et al., "Residual Dense Network for Image Super-Resolution", CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from symmetry_audit.nets._blocks import Frame
from symmetry_audit.nets._plan import Network, Plan, shared
from symmetry_audit.nets._published import MeanShift, plain_conv, plain_upsampler

__all__ = ["NETWORK", "PublishedRDN", "rdn"]


@dataclass(frozen=True)
class Size:
    """Width in channels and dense blocks; in each of them ``convs`` convolutions of ``growth`` channels."""

    channels: int
    blocks: int
    convs: int
    growth: int


def rdn(plan: Plan[Size]) -> nn.Module:
    """RDN as published, or in the frame of the clean networks."""
    return plan.layers.network(PublishedRDN(plan) if plan.paper else Frame(plan, DenseBody(plan)))


class DenseBlock(nn.Module):
    """Convolutions on the features of all earlier ones, fused pixel by pixel: x + ``scale`` * fused."""

    def __init__(self, plan: Plan[Size], scale: float, fusion_size: int = 1) -> None:
        super().__init__()
        features, growth, layers = plan.features, _growth(plan), plan.layers
        widths = [features + index * growth for index in range(plan.size.convs + 1)]
        self.convs = nn.ModuleList(layers.group_conv(width, growth) for width in widths[:-1])
        self.fusion = layers.group_conv(widths[-1], features, kernel_size=fusion_size)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for conv in self.convs:
            seen = torch.cat([seen, conv(seen).relu()], 1)
        return torch.add(x, self.fusion(seen), alpha=self.scale)


class DenseBody(nn.Module):
    """Dense blocks in a row, whose outputs are fused pixel by pixel."""

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(DenseBlock(plan, scale=1.0) for _ in range(plan.size.blocks))
        self.fusion = plan.layers.pointwise(plan.size.blocks * plan.features, plan.features)

    def forward(self, x: Tensor) -> Tensor:
        return self.fusion(torch.cat(_outputs(self.blocks, x), 1))


class PublishedRDN(nn.Module):
    """RDN with the parameter counts of Table 2 of [SA]; (N, 3, H, W) to (N, 3, s H, s W), 0..255 without scaling.

    Quirks: everything from the global fusion on is plain; the up-sampler of G-CNN and PDO-eConv is narrower than that
    of the others by the order of the group; E2-CNN fuses with 5 x 5 filters and has a mean shift that is never applied;
    all methods but CNN scale their dense blocks by 0.1.
    """

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__()
        layers, channels, method = plan.layers, plan.size.channels, plan.method
        self.shallow, self.head = layers.lifting(3, plan.features), layers.group_conv(plan.features, plan.features)
        scale, fusion_size = 1.0 if method == "cnn" else 0.1, 5 if method == "e2cnn" else 1
        self.blocks = nn.ModuleList(DenseBlock(plan, scale, fusion_size) for _ in range(plan.size.blocks))
        self.fusion = nn.Sequential(
            plain_conv(plan.size.blocks * channels, channels, 1), plain_conv(channels, channels)
        )
        inner = _growth(plan) if method in ("gcnn", "pdoe") else plan.size.growth
        upsampler = plain_upsampler(channels, plan.scale, inner)
        self.tail = nn.Sequential(*upsampler, plain_conv(inner if upsampler else channels, 3))
        if method == "e2cnn":
            self.unused = MeanShift(-1)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.shallow(x)
        dense = torch.cat(_outputs(self.blocks, self.head(shallow)), 1)
        return self.tail(shallow + self.fusion(dense))


def _growth(plan: Plan[Size]) -> int:
    """The number of features over the group in a dense block's growth."""
    return shared(plan.size.growth, plan.layers.group)


def _outputs(blocks: nn.ModuleList, x: Tensor) -> list[Tensor]:
    """The output of every block, each from the output of the one before."""
    found = []
    for block in blocks:
        x = block(x)
        found.append(x)
    return found


NETWORK = Network(
    rdn,
    {
        "paper": Size(64, blocks=16, convs=8, growth=64),
        "small": Size(64, blocks=4, convs=4, growth=32),
        "tiny": Size(32, blocks=2, convs=3, growth=16),
    },
)
