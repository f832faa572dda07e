"""RCAN (Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks", ECCV 2018).

Without channel attention, as in [SA].
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from symmetry_audit.nets._blocks import Frame, Residual, residual_block
from symmetry_audit.nets._plan import Network, Plan
from symmetry_audit.nets._published import MeanShift, plain_conv, plain_upsampler

__all__ = ["NETWORK", "PublishedRCAN", "rcan"]


@dataclass(frozen=True)
class Size:
    """Width in channels, residual groups, and residual blocks in each of them."""

    channels: int
    groups: int
    blocks: int


def rcan(plan: Plan[Size]) -> nn.Module:
    """RCAN's residual groups, as published or in the frame of the clean networks."""
    if plan.paper:
        return plan.layers.network(PublishedRCAN(plan))
    groups = nn.Sequential(*(residual_group(plan) for _ in range(plan.size.groups)))
    return plan.layers.network(Frame(plan, groups))


def residual_group(plan: Plan[Size], scale: float = 1.0, block_scale: float = 1.0) -> Residual:
    """Residual blocks and a convolution with a skip connection."""
    blocks = (residual_block(plan, block_scale) for _ in range(plan.size.blocks))
    return Residual(*blocks, plan.layers.group_conv(plan.features, plan.features), scale=scale)


class PublishedRCAN(nn.Module):
    """RCAN with the parameter counts of Table 2 of [SA]; (N, 3, H, W) to (N, 3, s H, s W), 0..255.

    Quirks: the up-sampler and the last convolution (5 x 5, but 3 x 3 in CNN and G-CNN) are plain. Only Har-Net,
    F-Conv, B-Conv, TL and SA project features over the group to plain channels before them; the others destroy the
    group axis. Residual groups are scaled by 0.1 except in CNN; in E2-CNN residual blocks are scaled too.
    """

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__()
        layers, features, channels, method = plan.layers, plan.features, plan.size.channels, plan.method
        self.subtract_mean, self.add_mean = MeanShift(-1), MeanShift(1)
        self.head = layers.lifting(3, features)
        scales = {"scale": 1.0 if method == "cnn" else 0.1, "block_scale": 0.1 if method == "e2cnn" else 1.0}
        groups = (residual_group(plan, **scales) for _ in range(plan.size.groups))
        self.body = nn.Sequential(*groups, layers.group_conv(features, features))
        projects = method in ("harnet", "fconv", "bconv", "tl", "sa")
        out = [layers.projection(features, channels)] if projects else []
        last = plain_conv(channels, 3, 3 if method in ("cnn", "gcnn") else 5)
        self.tail = nn.Sequential(*out, *plain_upsampler(channels, plan.scale), last)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(self.subtract_mean(x))
        return self.add_mean(self.tail(shallow + self.body(shallow)))


NETWORK = Network(
    rcan,
    {
        "paper": Size(64, groups=10, blocks=16),
        "small": Size(64, groups=3, blocks=4),
        "tiny": Size(32, groups=2, blocks=2),
    },
    published_basis="fourier",
)
