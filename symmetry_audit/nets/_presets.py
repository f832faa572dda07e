"""The sizes of all networks in one table, and what a builder needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers import Layers

__all__ = ["PRESETS", "SIZES", "Plan", "Size"]


@dataclass(frozen=True)
class Size:
    """How large a network is; numbers that a backbone has no use for are 0.

    ``channels`` = features x group order, so that networks of all groups are equally wide. ``blocks`` are
    residual or dense blocks, in each of ``groups`` groups (RCAN); ``convs`` and ``growth`` (in channels) belong
    to a dense block (RDN). RCDNet unfolds ``stages`` steps on ``maps`` rain maps, with ``hidden`` channels
    beside the background, and has ``blocks`` residual blocks in every proximal network.
    """

    channels: int
    blocks: int
    groups: int = 0
    convs: int = 0
    growth: int = 0
    stages: int = 0
    maps: int = 0
    hidden: int = 0


# preset -> backbone -> size
SIZES: dict[str, dict[str, Size]] = {
    "paper": {  # as published, quirks included
        "edsr": Size(256, 16),
        "rdn": Size(64, 16, convs=8, growth=64),
        "rcan": Size(64, 16, groups=10),
        "resnet": Size(256, 16),
        "rcdnet": Size(40, 4, stages=17, maps=32, hidden=32),
    },
    "small": {  # an hour of one GPU
        "edsr": Size(64, 8),
        "rdn": Size(64, 4, convs=4, growth=32),
        "rcan": Size(64, 4, groups=3),
        "resnet": Size(64, 8),
        "rcdnet": Size(32, 2, stages=8, maps=32, hidden=32),
    },
    "tiny": {  # minutes of a processor
        "edsr": Size(32, 4),
        "rdn": Size(32, 2, convs=3, growth=16),
        "rcan": Size(32, 2, groups=2),
        "resnet": Size(32, 4),
        "rcdnet": Size(32, 1, stages=4, maps=16, hidden=13),
    },
}
PRESETS = tuple(SIZES)


@dataclass(frozen=True)
class Plan:
    """What a builder makes a network from: the method's layers, the size, and how much larger the output is."""

    method: str
    layers: Layers
    size: Size
    scale: int

    @property
    def paper(self) -> bool:
        """Whether the published network is meant, with its quirks."""
        return self.layers.preset == "paper"

    @property
    def features(self) -> int:
        """How many features over the group fill the network's channels."""
        return shared(self.size.channels, self.layers.group)

    @property
    def growth(self) -> int:
        """How many features over the group fill a dense block's growth."""
        return shared(self.size.growth, self.layers.group)


def shared(channels: int, group: Group) -> int:
    """Features for ``channels`` over ``group``. Raises SettingError where they do not come out even."""
    if channels % group.order:
        orders = [order for order in range(1, channels + 1) if channels % order == 0]
        raise SettingError(
            f"{channels} channels cannot be shared out among the {group.order} elements of {group}: choose a group "
            f"of order {', '.join(map(str, orders[:-1]))} or {orders[-1]}, for example p4 or p8"
        )
    return channels // group.order
