"""What the networks against metal artefacts share: their input, dictionaries of streaks, and w from the image."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from symmetry_audit.groups import Group
from symmetry_audit.layers import HyperNetwork, ProjectionConv2d
from symmetry_audit.nets._plan import Plan, shared
from symmetry_audit.nets._streaks import artefact_streaks

__all__ = [
    "WINDOW",
    "Dictionary",
    "ImageHyperNetwork",
    "adapted",
    "drawn_dictionary",
    "free_dictionary",
    "kernels_of",
    "split",
]

WINDOW = 9  # of the kernels, in pixels


def split(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The corrupted image, the interpolated image and the mask, each (N, 1, H, W), in ``x`` (N, 3, H, W)."""
    corrupted, interpolated, known = x.split(1, 1)
    return corrupted, interpolated, known


def free_dictionary(plan: Plan, kernels: int) -> ProjectionConv2d:
    """As many ``kernels`` over the group of the layers: free ones and rotated copies, if those move pixels onto pixels.

    Under a group with other angles they are those of the Fourier basis.
    """
    group = plan.layers.group
    return drawn_dictionary(plan, kernels, group, "pixel" if group.rotations in (1, 2, 4) else "fourier")


@torch.no_grad()
def drawn_dictionary(plan: Plan, kernels: int, group: Group, basis: str, bias: bool = False) -> ProjectionConv2d:
    """A dictionary whose coefficients come closest to ``artefact_streaks``; relaxed if the other layers are."""
    relaxed = plan.layers.options.get("relaxed", False)
    settings = {"group": group, "basis": basis, "bias": bias, "relaxed": relaxed}
    dictionary = ProjectionConv2d(shared(kernels, group), 1, WINDOW, **settings)
    targets = artefact_streaks(dictionary.in_features, dictionary.group.order, dictionary.kernel_size)
    found = torch.linalg.lstsq(dictionary.basis.undeformed[0].T, targets.flatten(1).T).solution
    dictionary.weight.copy_(found.T)
    return dictionary


class Dictionary(Protocol):
    """What makes kernels for the maps of all images."""

    def filters(self) -> Tensor:
        """The kernels, (1, maps, k, k)."""
        ...


def kernels_of(dictionary: Dictionary | nn.Conv2d) -> Tensor:
    """The kernels (1, maps, k, k) of a dictionary, or of the plain convolution in its place in a folded network."""
    return dictionary.weight if isinstance(dictionary, nn.Conv2d) else dictionary.filters()


class ImageHyperNetwork(HyperNetwork):
    """w from the interpolated image alone: streaks of metal have directions of their own."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(split(x)[1])


def adapted(network: nn.Module, plan: Plan) -> nn.Module:
    """``network``, with a hypernetwork for the method "sa"."""
    return plan.layers.network(network, ImageHyperNetwork() if plan.layers.method.adaptive else None)
