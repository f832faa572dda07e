"""What a backbone's file says of it, and what its builder needs to know."""

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
    """How large a network is. Every backbone has its own numbers beside the width.

    ``channels`` = features x group order, so that networks of all groups are equally wide.
    """

    @property
    def channels(self) -> int: ...


S = TypeVar("S", bound=Size, covariant=True)


@dataclass(frozen=True)
class Plan(Generic[S]):
    """What a builder makes a network from: the method's layers, the size, and how much larger the output is."""

    method: str
    layers: Layers
    size: S
    scale: int

    @property
    def paper(self) -> bool:
        """Whether the published network is meant, with its quirks."""
        return self.layers.preset == "paper"

    @property
    def features(self) -> int:
        """How many features over the group fill the network's channels."""
        return shared(self.size.channels, self.layers.group)


@dataclass(frozen=True)
class Network(Generic[S]):
    """One backbone: its builder and its ``sizes`` by preset; a preset that it does not have is absent.

    ``published_basis`` is the filter basis that TL and SA were published with on it, which the preset "paper" has.
    """

    make: Callable[[Plan[S]], nn.Module]
    sizes: Mapping[str, S]
    published_basis: str = "bicubic"


def shared(channels: int, group: Group) -> int:
    """Features for ``channels`` over ``group``. Raises SettingError where they do not come out even."""
    if channels % group.order:
        orders = [order for order in range(1, channels + 1) if channels % order == 0]
        raise SettingError(
            f"{channels} channels cannot be shared out among the {group.order} elements of {group}: choose a group "
            f"of order {', '.join(map(str, orders[:-1]))} or {orders[-1]}, for example p4 or p8"
        )
    return channels // group.order
