"""What a backbone's file declares, and what its builder gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from torch import nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers import Layers

__all__ = ["Network", "Plan", "Size", "shared"]


class Size(Protocol):
    """The size of a network. Every backbone adds numbers of its own to the width.

    ``channels`` = features x group order, so that networks of all groups are equally wide.
    """

    @property
    def channels(self) -> int: ...


S = TypeVar("S", bound=Size, covariant=True)


@dataclass(frozen=True)
class Plan(Generic[S]):
    """What a builder makes a network from: the method's layers, the size, the factor of enlargement.

    ``classes`` is the number of classes for a network that classifies, 0 for others.
    """

    method: str
    layers: Layers
    size: S
    scale: int
    classes: int = 0

    @property
    def paper(self) -> bool:
        """Whether to build the published network, with its quirks."""
        return self.layers.preset == "paper"

    @property
    def features(self) -> int:
        """The number of features over the group that fill the network's channels."""
        return shared(self.size.channels, self.layers.group)


@dataclass(frozen=True)
class Network(Generic[S]):
    """One backbone: its builder and its ``sizes`` by preset; a preset that it does not have is absent.

    ``published_basis`` is the filter basis of its published TL and SA networks, which the preset "paper" uses.
    """

    make: Callable[[Plan[S]], nn.Module]
    sizes: Mapping[str, S]
    published_basis: str = "bicubic"


def shared(channels: int, group: Group) -> int:
    """The number of features over ``group`` in ``channels``. Raises SettingError if it is not a whole number."""
    if channels % group.order:
        orders = [order for order in range(1, channels + 1) if channels % order == 0]
        raise SettingError(
            f"{channels} channels cannot be divided among the {group.order} elements of {group}: choose a group "
            f"of order {', '.join(map(str, orders[:-1]))} or {orders[-1]}, for example p4 or p8"
        )
    return channels // group.order
