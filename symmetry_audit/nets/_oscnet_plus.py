"""OSCNet+ in its clean variant, and its builder (Wang et al., IEEE Trans. Med. Imaging 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_audit.layers import LiftingConv2d, ProjectionConv2d
from symmetry_audit.nets._artefacts import adapted
from symmetry_audit.nets._blocks import SMALL
from symmetry_audit.nets._dicdnet import DICDNet, Size
from symmetry_audit.nets._oscnet import NETWORK as OSCNET
from symmetry_audit.nets._oscnet import smooth_dictionary
from symmetry_audit.nets._oscnet_published import PublishedOSCNetPlus, rotated_kernels
from symmetry_audit.nets._plan import Network, Plan

__all__ = ["NETWORK", "OSCNetPlus", "oscnet_plus"]

LOOKS = 8  # numbers that the small network finds in an image


def oscnet_plus(plan: Plan[Size]) -> nn.Module:
    """OSCNet+ as published, or its clean variant."""
    return PublishedOSCNetPlus(plan) if plan.paper else adapted(OSCNetPlus(plan), plan)


class OSCNetPlus(DICDNet):
    """The clean variant of OSCNet+: like ``DICDNet``, but every stage and image has kernels of its own."""

    dictionary: SeenDictionary

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__(plan, SeenDictionary(plan))

    def renewed(self, kernels: Tensor, background: Tensor, degraded: Tensor) -> Tensor:
        return self.dictionary(torch.cat([background, degraded], 1))


class SeenDictionary(nn.Module):
    """Smooth kernels and their rotated copies, which depend on the image, but not on its rotation.

    Coefficients of all images, and what a small network adds for each, at first little: the means over pixels of its
    plain channels, which an equivariant layer gives. Its layers have no w.
    """

    def __init__(self, plan: Plan[Size]) -> None:
        super().__init__()
        drawn, layers = smooth_dictionary(plan), plan.layers
        self.basis, self.coefficients = drawn.basis, nn.Parameter(drawn.weight.detach().clone())
        settings = {"kernel_size": layers.kernel_size, "group": layers.group, "basis": layers.basis, **layers.options}
        self.look = nn.Sequential(
            *(LiftingConv2d(2, plan.features, **settings), nn.ReLU()),
            *(ProjectionConv2d(plan.features, LOOKS, **settings), nn.ReLU()),
        )
        self.tell = nn.Linear(LOOKS, self.coefficients.numel())
        with torch.no_grad():
            self.tell.weight.mul_(SMALL)
            nn.init.zeros_(self.tell.bias)

    def filters(self) -> Tensor:
        """The kernels of all images, (1, maps, k, k)."""
        return rotated_kernels(self.coefficients, self.basis)[0]

    def forward(self, images: Tensor) -> Tensor:
        """(N, 2, H, W), the restored and the corrupted image, to kernels (N, 1, maps, k, k)."""
        found = self.tell(self.look(images).mean((2, 3))).view(-1, *self.coefficients.shape[1:])
        return rotated_kernels(self.coefficients + found, self.basis)


NETWORK = Network(oscnet_plus, OSCNET.sizes, published_basis="fourier")
