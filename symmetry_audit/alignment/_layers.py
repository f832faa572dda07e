"""The layers that are compared, and how their features have to move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np
from torch import Tensor, nn

from symmetry_audit.actions import move, move_features
from symmetry_audit.alignment._domain import Domain
from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.groups import Element, Group
from symmetry_audit.inference import Adapted
from symmetry_audit.layers import (
    EquivariantConv2d,
    EquivariantHyperNetwork,
    GroupPixelShuffle,
    GroupPool,
    HyperNetwork,
    PartialGate,
    PerFeature,
    ProjectionConv2d,
)
from symmetry_audit.results import LayerAlignment

__all__ = ["Layer", "find_layers", "mean_squares"]

OVER_A_GROUP = (EquivariantConv2d, PerFeature, PartialGate, GroupPixelShuffle)
SUMS = 3  # mean squares: error, floor, contrast


@dataclass
class Layer:
    """Sums over images of the mean squares of one layer, by element of the measured ``group``.

    Its features are over the group ``own``, (N, n * order, H, W), channel = feature * order + element, or, where it
    has none, plain channels. Features are resampled channel by channel, which takes most of the time of a measurement.
    ``named`` layers are those that the user named; what a pattern found besides is left out where it cannot be
    compared.
    """

    name: str
    module: nn.Module
    group: Group
    own: Group | None
    named: bool = True
    channels: int = 0
    images: int = 0
    sums: np.ndarray = field(init=False)
    features: Tensor = field(init=False, repr=False)  # features of the current image

    def __post_init__(self) -> None:
        self.sums = np.zeros((SUMS, self.group.order))

    @property
    def places(self) -> dict[int, int]:
        """Map the elements of the measured group that the layer's own group contains to their index there."""
        if self.own is None:
            return {index: index for index in range(self.group.order)}
        found = {}
        for index, element in enumerate(self.group.elements):
            turn, rest = divmod(element.turn * self.own.rotations, self.group.rotations)
            if not rest and self.own.mirrored >= element.mirrored:
                found[index] = self.own.index(Element(turn, element.mirrored, self.own.rotations))
        return found

    def begin(self, features: Tensor) -> None:
        """Begin a new image with features (1, C, H, W); those that are no features over the group count as plain."""
        self.features, self.images, self.channels = features, self.images + 1, features.shape[1]
        if self.own is not None and self.channels % self.own.order:
            self.own = None

    def add(self, found: Tensor, index: int, matrix: np.ndarray, domain: Domain, floor: float) -> None:
        """Add features (1, C, H, W) of the image rotated by element ``index``, whose pixels ``matrix`` moves."""
        if index not in self.places:
            return
        if self.own is None:
            expected = move(self.features, matrix)
        else:
            expected = move_features(self.features, self.own, self.places[index], matrix)
        error, contrast = mean_squares(found[0], expected[0], domain, 1 if self.own is None else self.own.order)
        self.sums[:, index] += error, floor, contrast

    def result(self) -> LayerAlignment:
        """The means over images."""
        error, floor, contrast = (
            tuple(float(row[index] / self.images) if index in self.places else None for index in range(len(row)))
            for row in self.sums
        )
        return LayerAlignment(
            layer=self.name,
            kind="image" if self.own is None else "features",
            group=str(self.own or self.group),
            channels=self.channels,
            error=error,
            floor=floor,
            contrast=contrast,
        )


def mean_squares(found: Tensor, expected: Tensor, domain: Domain, order: int = 1) -> tuple[float, float]:
    """Mean squares of the difference, and of ``expected`` less its means; (C, H, W), on the pixels of ``domain``.

    A mean is taken over a channel, or over the ``order`` channels of a feature together, so that differences between
    these count as contrast. Raises SettingError if the outputs are not square or differ in shape.
    """
    if found.shape != expected.shape or found.shape[-1] != found.shape[-2]:
        raise SettingError(
            f"square outputs are needed, but a square image gives {tuple(expected.shape)}, rotated {tuple(found.shape)}"
        )
    inside = domain.compared(found.shape[-1])
    found, expected = found[:, inside], expected[:, inside]
    features = expected.reshape(len(expected) // order, -1)
    contrast = (features - features.mean(1, keepdim=True)).square().mean()
    return (found - expected).square().mean().item(), contrast.item()


def find_layers(network: nn.Module, group: Group, patterns: Sequence[str]) -> list[Layer]:
    """The layers that ``patterns`` name, in the network's order.

    A pattern with * or ? is matched against the names of the equivariant convolutions, or of all convolutions if the
    network has none. A pattern without them is the name of any module. Layers of hypernetworks are skipped: w should be
    the same for all rotations. Names are those of the network itself, also where an :class:`Adapted` is around it.

    Only a network with layers of ``symmetry_audit.layers`` over a group has group axes; where its channels are a
    multiple of the group's order they are read as features over that group. All else are plain channels. Raises
    SettingError for a pattern that matches nothing.
    """
    inner = network.network if isinstance(network, Adapted) else network
    modules = {name: module for name, module in inner.named_modules() if name}
    candidates = _candidates(modules)
    chosen: dict[str, bool] = {}  # whether the user named it
    for pattern in patterns:
        matching = [name for name in candidates if fnmatchcase(name, pattern)]
        if pattern in modules:
            matching = [pattern]
        if not matching:
            raise SettingError(f'no layer is called "{pattern}".{suggest(pattern, candidates)}')
        for name in matching:
            chosen[name] = chosen.get(name, False) or name == pattern
    groups = [part.group for part in modules.values() if isinstance(part, EquivariantConv2d) and part.group.order > 1]
    usual = groups[0] if groups else None
    return [
        Layer(name, module, group, _group_axis(module, usual), named=chosen[name])
        for name, module in modules.items()
        if name in chosen
    ]


def _candidates(modules: dict[str, nn.Module]) -> list[str]:
    hyper = [name for name, part in modules.items() if isinstance(part, EquivariantHyperNetwork | HyperNetwork)]
    inside = {name for name in modules if any(name == one or name.startswith(f"{one}.") for one in hyper)}
    for kind in (EquivariantConv2d, nn.Conv2d):
        found = [name for name, part in modules.items() if isinstance(part, kind) and name not in inside]
        if found:
            return found
    return []


def _group_axis(module: nn.Module, usual: Group | None) -> Group | None:
    """The group that the outputs of ``module`` are over, ``usual`` where it does not say; None for plain channels."""
    if isinstance(module, ProjectionConv2d | GroupPool):
        return None
    own = getattr(module, "group", None) if isinstance(module, OVER_A_GROUP) else usual
    return own if own is not None and own.order > 1 else None
