"""A small residual network that classifies images; over a group its logits do not change when the image is rotated."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from symmetry_audit.layers import GroupBatchNorm2d, GroupPool, HalvingPool2d
from symmetry_audit.nets._blocks import HALF
from symmetry_audit.nets._plan import Network, Plan

__all__ = ["NETWORK", "Classifier", "classifier"]


@dataclass(frozen=True)
class Size:
    """Width in channels of the first of two stages, the second being twice as wide, and residual blocks of each."""

    channels: int
    blocks: int


def classifier(plan: Plan[Size]) -> nn.Module:
    """The classifier, with a hypernetwork for the method "sa"."""
    return plan.layers.network(Classifier(plan))


class Classifier(nn.Module):
    """Images (N, 3, H, W) in 0..255 to logits (N, classes).

    A lifting layer; two stages of residual blocks, the second twice as wide, with a ``HalvingPool2d`` before, between
    and after them; a pointwise layer to as many features over the group as the second stage has channels; the largest
    value over the group, the mean over the image, and a linear layer. So the linear layer sees equally many numbers
    whatever the group is. They are invariant under the group as far as the layers are equivariant: exactly under
    quarter turns and mirrors, in images of any size. The plain network has the same head without the largest value.
    Normalization is by batches.
    """

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__()
        layers, features, wide = plan.layers, plan.features, 2 * plan.size.channels
        blocks = plan.size.blocks
        self.stem = nn.Sequential(layers.lifting(3, features), _norm(plan, features), nn.ReLU())
        self.stages = nn.Sequential(
            HalvingPool2d(),
            *(ResidualBlock(plan, features, features) for _ in range(blocks)),
            HalvingPool2d(),
            *(ResidualBlock(plan, features if not at else 2 * features, 2 * features) for at in range(blocks)),
            HalvingPool2d(),
        )
        self.head = nn.Sequential(
            layers.pointwise(2 * features, wide), _norm(plan, wide), nn.ReLU(), layers.gate(), GroupPool(layers.group)
        )
        self.linear = nn.Linear(wide, plan.classes)

    def forward(self, x: Tensor) -> Tensor:
        features = self.stages(self.stem((x - HALF) / HALF))
        return self.linear(self.head(features).mean((2, 3)))


class ResidualBlock(nn.Module):
    """Two normalized convolutions and a skip connection, which has a pointwise one where the width changes.

    (N, in features, H, W) to (N, out features, H, W), over the group. Both ReLUs are followed by the layers' gate.
    """

    def __init__(self, plan: Plan[Size], in_features: int, out_features: int) -> None:
        super().__init__()
        layers = plan.layers
        self.branch = nn.Sequential(
            layers.group_conv(in_features, out_features, bias=False),
            _norm(plan, out_features),
            nn.ReLU(),
            layers.gate(),
            layers.group_conv(out_features, out_features, bias=False),
            _norm(plan, out_features),
        )
        self.skip = nn.Identity()
        if in_features != out_features:
            self.skip = nn.Sequential(
                layers.pointwise(in_features, out_features, bias=False), _norm(plan, out_features)
            )
        self.last = nn.Sequential(nn.ReLU(), layers.gate())

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.skip(x) + self.branch(x))


def _norm(plan: Plan[Size], features: int) -> GroupBatchNorm2d:
    return GroupBatchNorm2d(features, plan.layers.group)


NETWORK = Network(classifier, {"small": Size(64, blocks=2), "tiny": Size(32, blocks=1)})
