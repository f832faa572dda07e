"""EDSR (Lim et al., "Enhanced Deep Residual Networks", CVPRW 2017) and the denoiser, which is EDSR at scale 1."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from symmetry_audit.nets._blocks import Frame, residual_block
from symmetry_audit.nets._plan import Network, Plan
from symmetry_audit.nets._published import MeanShift, plain_conv, plain_upsampler

__all__ = ["NETWORK", "PublishedEDSR", "edsr"]


@dataclass(frozen=True)
class Size:
    """Width in channels and number of residual blocks."""

    channels: int
    blocks: int


def edsr(plan: Plan[Size]) -> nn.Module:
    """EDSR without batch normalization; as published, or in the frame of the clean networks."""
    if plan.paper:
        return plan.layers.network(PublishedEDSR(plan))
    blocks = nn.Sequential(*(residual_block(plan) for _ in range(plan.size.blocks)))
    return plan.layers.network(Frame(plan, blocks))


class PublishedEDSR(nn.Module):
    """EDSR with the parameter counts of Tables 2 and 5 of [SA], and at scale 1 the denoiser of Table 4.

    (N, 3, H, W) to (N, 3, s H, s W), 0..255. Quirks: only CNN and E2-CNN have a convolution after the blocks; the
    up-sampler and the last convolution (5 x 5 in E2-CNN) are plain, so the network is not equivariant; the
    mean shifts are frozen parameters.
    """

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__()
        layers, features, channels = plan.layers, plan.features, plan.size.channels
        self.subtract_mean, self.add_mean = MeanShift(-1), MeanShift(1)
        self.head = layers.lifting(3, features)
        body: list[nn.Module] = [residual_block(plan, scale=0.1) for _ in range(plan.size.blocks)]
        if plan.method in ("cnn", "e2cnn"):
            body.append(layers.group_conv(features, features))
        self.body = nn.Sequential(*body)
        last = plain_conv(channels, 3, 5 if plan.method == "e2cnn" else 3)
        self.tail = nn.Sequential(*plain_upsampler(channels, plan.scale), last)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(self.subtract_mean(x))
        return self.add_mean(self.tail(shallow + self.body(shallow)))


NETWORK = Network(edsr, {"paper": Size(256, 16), "small": Size(64, 8), "tiny": Size(32, 4)})
