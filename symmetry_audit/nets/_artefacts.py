"""What the networks against metal artefacts share: their input, dictionaries of streaks, and w from the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_audit.groups import Group
from symmetry_audit.layers import HyperNetwork, ProjectionConv2d
from symmetry_audit.nets._plan import Plan
from symmetry_audit.nets._streaks import artefact_streaks

__all__ = ["WINDOW", "ImageHyperNetwork", "adapted", "draw_streaks", "free_dictionary", "kernels_of", "split"]

WINDOW = 9  # of the kernels, in pixels


def split(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The corrupted image, the interpolated image and the mask, each (N, 1, H, W), in ``x`` (N, 3, H, W)."""
    corrupted, interpolated, known = x.split(1, 1)
    return corrupted, interpolated, known


def free_dictionary(features: int, group: Group) -> ProjectionConv2d:
    """Kernels for maps over ``group``: ``features`` free ones with rotated copies, which move pixels onto pixels.

    Under a group with other angles the kernels are those of the Fourier basis.
    """
    basis = "pixel" if group.rotations in (1, 2, 4) else "fourier"
    return draw_streaks(ProjectionConv2d(features, 1, WINDOW, group=group, basis=basis, bias=False))


@torch.no_grad()
def draw_streaks(dictionary: ProjectionConv2d) -> ProjectionConv2d:
    """``dictionary`` with the coefficients that come closest to ``artefact_streaks``."""
    targets = artefact_streaks(dictionary.in_features, dictionary.group.order, dictionary.kernel_size)
    found = torch.linalg.lstsq(dictionary.basis.undeformed[0].T, targets.flatten(1).T).solution
    dictionary.weight.copy_(found.T)
    return dictionary


def kernels_of(dictionary: nn.Module) -> Tensor:
    """The kernels (1, maps, k, k) of a dictionary, or of the plain convolution in its place in a folded network."""
    return dictionary.weight if isinstance(dictionary, nn.Conv2d) else dictionary.filters()


class ImageHyperNetwork(HyperNetwork):
    """w from the interpolated image alone: the mask has no direction of interest, and the corrupted image has others."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(split(x)[1])


def adapted(network: nn.Module, plan: Plan) -> nn.Module:
    """``network``, with a hypernetwork for the method "sa"."""
    return plan.layers.network(network, ImageHyperNetwork() if plan.layers.method.adaptive else None)
